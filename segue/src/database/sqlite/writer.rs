//! Writing: one transaction, and one flush to disk, for all that came while the last one was written.
//!
//! SQLite lets one writer in at a time, and its own waiting is neither fair nor cheap; so our own
//! statements queue here. What fails in a transaction leaves the rest of it alone; where SQLite undoes
//! the whole, everything is done once more, each by itself.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

#[cfg(feature = "memory-cache")]
use super::edition::FileEdition;
use super::failure::Failure;
use super::open::{Place, Purpose, current};
use super::owned::OwnedValues;
use super::run;
use super::slot::WriterSlot;
use crate::database::statement::Value;
use crate::lane::{Bounds, Flight, Lane, Passenger};
use crate::settings::{DatabaseOptions, Synchronous};

/// More statements are not in one transaction, so that others get their turn.
const TOGETHER: usize = 256;

/// Nor more bytes: they are in memory until the transaction ends.
const BYTES: usize = 4 << 20;

/// A statement, and how many rows it changed.
type Changed = Result<u64, Failure>;

/// The connection for writing.
pub(super) struct Writer {
    lane: Lane<Job, Changed>,
    connection: Arc<WriterSlot>,
    place: Arc<Place>,
    synchronous: Synchronous,
}

struct Job {
    sql: &'static str,
    values: OwnedValues,
}

impl Writer {
    pub(super) fn new(place: Arc<Place>, options: DatabaseOptions) -> Self {
        let DatabaseOptions { synchronous, queue, .. } = options;
        let lane =
            Lane::new(Bounds { flights: 1, together: TOGETHER, bytes: BYTES, waiting: queue });
        Self { lane, connection: Arc::default(), place, synchronous }
    }

    /// Runs a statement that changes rows, and counts those that it found.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        let job = Job { sql, values: OwnedValues::of(values) };
        let size = job.values.size();
        let changed = self.lane.ask(job, size, |flight| {
            let (connection, place) = (Arc::clone(&self.connection), Arc::clone(&self.place));
            drop(tokio::spawn(fly(flight, connection, place, self.purpose())));
        });
        Ok(changed.await??)
    }

    /// The state of the file, as far as others than us change it; nothing where it cannot be told at once.
    #[cfg(feature = "memory-cache")]
    pub(super) fn edition(&self) -> Option<FileEdition> {
        self.connection.edition(&self.place, self.purpose())
    }

    fn purpose(&self) -> Purpose {
        Purpose::Writing(self.synchronous)
    }

    /// Closes the connection, when what it is in the middle of is done.
    pub(super) fn close(&self) {
        drop(self.connection.lock().take());
    }
}

/// Writes until nobody waits, on a thread that may block. The answers are given on one of the runtime's: to wake
/// it for each of them costs more than the statement.
async fn fly(
    mut flight: Flight<Job, Changed>,
    connection: Arc<WriterSlot>,
    place: Arc<Place>,
    purpose: Purpose,
) {
    while let Some(aboard) = flight.board_all_ready().await {
        let (slot, place) = (Arc::clone(&connection), Arc::clone(&place));
        let writing = tokio::task::spawn_blocking(move || {
            let mut answers = Vec::new();
            slot.write(|slot| {
                answers = match current(slot, &place, purpose) {
                    Ok(connection) => write(connection, &aboard),
                    Err(failure) => aboard.iter().map(|_| Err(failure.clone())).collect(),
                };
            });
            aboard.into_iter().zip(answers)
        });
        // Whoever has his answer finds nobody writing. After a panic nobody has one.
        if let Ok(answers) = writing.await {
            answers.for_each(|(job, changed)| job.answer(changed));
        }
    }
}

fn write(connection: &Connection, aboard: &[Passenger<Job, Changed>]) -> Vec<Changed> {
    match all(connection, aboard) {
        Together::Done(answers) => answers,
        Together::Undone => one_by_one(connection, aboard),
        Together::Locked(failure) => aboard.iter().map(|_| Err(failure.clone())).collect(),
    }
}

/// A statement by itself is a transaction, too. A lock is waited for once, and not by each.
fn one_by_one(connection: &Connection, aboard: &[Passenger<Job, Changed>]) -> Vec<Changed> {
    let mut locked = None;
    let by_itself = |job| {
        if let Some(failure) = &locked {
            return Err(Failure::clone(failure));
        }
        let changed = one(connection, job);
        locked = changed.as_ref().err().filter(|failure| failure.is_locked()).cloned();
        changed
    };
    aboard.iter().map(by_itself).collect()
}

/// What became of a transaction.
enum Together {
    Done(Vec<Changed>),
    Undone,
    /// It is not done, because of a lock that has been waited for already.
    Locked(Failure),
}

fn all(connection: &Connection, aboard: &[Passenger<Job, Changed>]) -> Together {
    if aboard.len() == 1 {
        return Together::Undone;
    }
    let transaction = match Transaction::begin(connection) {
        Ok(transaction) => transaction,
        Err(failure) => return Together::Locked(failure),
    };
    let mut answers = Vec::with_capacity(aboard.len());
    for passenger in aboard {
        answers.push(one(connection, passenger));
        if connection.is_autocommit() {
            // SQLite has undone the whole, as it does when the disk is full.
            return Together::Undone;
        }
    }
    match transaction.commit() {
        Ok(()) => Together::Done(answers),
        // Without a log it waits for those who read.
        Err(failure) if failure.is_locked() => Together::Locked(failure),
        Err(_) => Together::Undone,
    }
}

fn one(connection: &Connection, passenger: &Passenger<Job, Changed>) -> Changed {
    let Job { sql, values } = &passenger.request;
    run::execute(connection, sql, values.iter())
}

/// A transaction that is undone unless it was committed.
pub(super) struct Transaction<'c>(&'c Connection);

impl<'c> Transaction<'c> {
    pub(super) fn begin(connection: &'c Connection) -> Result<Self, Failure> {
        run::execute(connection, "BEGIN IMMEDIATE", [])?;
        Ok(Self(connection))
    }

    pub(super) fn commit(self) -> Result<(), Failure> {
        run::execute(self.0, "COMMIT", []).map(drop)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            let _ = run::execute(self.0, "ROLLBACK", []);
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, synchronous, .. } = self;
        f.debug_struct("Writer")
            .field("place", place)
            .field("synchronous", synchronous)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::*;
    use crate::lane::NoAnswer;

    static WAITS: AtomicU32 = AtomicU32::new(0);

    fn job() -> Job {
        let sql = "UPDATE numbers SET number = number + 1";
        Job { sql, values: OwnedValues::of(&[]) }
    }

    fn open(folder: &TempDir) -> Connection {
        Connection::open(folder.path().join("x.sqlite3")).unwrap()
    }

    fn numbers() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let table = "CREATE TABLE numbers (number); INSERT INTO numbers VALUES (0)";
        open(&folder).execute_batch(table).unwrap();
        folder
    }

    fn number(folder: &TempDir) -> u32 {
        open(folder).query_row("SELECT number FROM numbers", [], |row| row.get(0)).unwrap()
    }

    /// A flight that five wait for.
    async fn five_waiting() -> (Flight<Job, Changed>, JoinSet<Result<Changed, NoAnswer>>) {
        let lane = Arc::new(Lane::new(Bounds { flights: 1, together: 9, bytes: 999, waiting: 9 }));
        let (start, mut started) = tokio::sync::mpsc::unbounded_channel();
        let mut asking = JoinSet::new();
        for _ in 0..5 {
            let (lane, start) = (Arc::clone(&lane), start.clone());
            let ask = async move { lane.ask(job(), 1, |flight| drop(start.send(flight))).await };
            asking.spawn(ask);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        (started.recv().await.unwrap(), asking)
    }

    /// Without a log a commit waits for whoever reads: once for all who are aboard.
    #[tokio::test]
    async fn a_reader_is_waited_for_once() {
        let folder = numbers();
        let (writer, reader) = (open(&folder), open(&folder));
        reader.execute_batch("BEGIN; SELECT * FROM numbers").unwrap();
        let waits = |_| {
            WAITS.fetch_add(1, Ordering::SeqCst);
            false
        };
        writer.busy_handler(Some(waits)).unwrap();
        let (mut flight, _asking) = five_waiting().await;
        let aboard = flight.board().unwrap();
        assert_eq!(aboard.len(), 5);
        for (waits, undone) in [(1, false), (2, true)] {
            let answers =
                if undone { one_by_one(&writer, &aboard) } else { write(&writer, &aboard) };
            assert!(answers.iter().all(|done| done.as_ref().is_err_and(Failure::is_locked)));
            assert_eq!(WAITS.load(Ordering::SeqCst), waits);
        }
        reader.execute_batch("COMMIT").unwrap();
        assert!(write(&writer, &aboard).iter().all(Result::is_ok));
        assert_eq!(number(&folder), 5, "nothing was done before");
    }

    #[tokio::test]
    async fn who_wrote_together_is_answered() {
        let folder = numbers();
        let place = Arc::new(Place::new(&folder.path().join("x.sqlite3")));
        let (flight, asking) = five_waiting().await;
        let slot = Arc::<WriterSlot>::default();
        fly(flight, Arc::clone(&slot), place, Purpose::Writing(Synchronous::Full)).await;
        assert!(asking.join_all().await.into_iter().all(|answer| matches!(answer, Ok(Ok(1)))));
        assert_eq!(number(&folder), 5);
        assert!(!slot.is_writing.load(Ordering::Relaxed));
    }

    /// One that cannot be opened is an error for each, and not the end of the next flight.
    #[tokio::test]
    async fn who_cannot_write_is_told() {
        let folder = numbers();
        let place = Arc::new(Place::new(&folder.path().join("none/x.sqlite3")));
        let (flight, asking) = five_waiting().await;
        fly(flight, Arc::default(), place, Purpose::Writing(Synchronous::Full)).await;
        assert!(asking.join_all().await.into_iter().all(|answer| matches!(answer, Ok(Err(_)))));
    }
}
