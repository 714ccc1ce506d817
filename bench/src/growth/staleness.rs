//! Who answers from the memory of the process, and how long it does not know what another process has changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use segue::{SessionKey, Sessions};
use tokio::runtime::Runtime;

use super::Growth;
use crate::catalogue::Contender;
use crate::harness::server::{Route, Server};
use crate::measure::SESSIONS;
use crate::report::table::Table;
use crate::statistics::quantile;
use crate::{Result, serve};

pub(super) const SERVERS: &[&str] = &[
    "segue-cached-db-memory",
    "segue-cached-db-memory-postgres-stale-1s",
    "segue-cache-redis-near",
    "segue-cached-db-redis",
];

const CHANGES: u64 = 300;

/// Much longer than any of them promises.
const PATIENCE: Duration = Duration::from_secs(30);

/// The load on the one that reads lasts for as long as the changes, in pieces.
const LOAD: Duration = Duration::from_millis(500);

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let headings = [
        "server",
        "which is",
        "old answers came after",
        "median ms",
        "p99 ms",
        "greatest ms",
        "promised at most",
    ];
    let mut table = Table::with_texts(2, &headings);
    growth.each(SERVERS, |growth, contender| {
        let reader = growth.harness.start(contender)?;
        let writer = Writer::beside(&reader)?;
        let idle = changes(&reader, &writer)?;
        let busy = beside_a_load(&reader, || changes(&reader, &writer))?;
        for (state, mut times) in [("idle", idle), ("busy", busy)] {
            let late = times.iter().filter(|time| !time.is_zero()).count();
            let [median, p99, greatest] = [0.5, 0.99, 1.0]
                .map(|share| format!("{:.2}", quantile(&mut times, share).as_secs_f64() * 1e3));
            table.row([
                contender.name.to_owned(),
                state.to_owned(),
                format!("{late} of {CHANGES}"),
                median,
                p99,
                greatest,
                promise(contender).to_owned(),
            ]);
        }
        Ok(())
    });
    format!(
        "## How old an answer from memory may be\n\nAnother process changes a session {CHANGES} times, through a \
         connection of its own; from the moment when a change is acknowledged the server, which has read the session \
         before, is asked again and again until it has the new value, and it is measured until when the last old answer \
         came, which is 0 where none did. The last column is for a store that falls silent.\n\n{}\n",
        table.into_text()
    )
}

/// As `docs/engines.md` has it, where nothing but the network and the server is in the way.
fn promise(contender: &Contender) -> &'static str {
    match contender.name {
        "segue-cached-db-memory-postgres-stale-1s" => "1 s",
        // A second and the timeout.
        "segue-cache-redis-near" => "3 s",
        _ => "0",
    }
}

/// Somebody else on the store of a server.
struct Writer {
    runtime: Runtime,
    sessions: Sessions,
}

impl Writer {
    fn beside(server: &Server) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let opened = serve::elsewhere(server.contender.name, &server.place.name);
        let sessions = runtime.block_on(opened)?;
        Ok(Self { runtime, sessions })
    }

    /// Returns when the store has acknowledged it.
    fn change(&self, key: &SessionKey, counter: u64) -> Result {
        self.runtime.block_on(async {
            let session = self.sessions.open(Some(key.clone())).load().await?;
            session.insert("counter", counter)?;
            session.save().await?;
            Ok(())
        })
    }
}

/// For each change, how long after it was acknowledged the last old answer came.
fn changes(reader: &Server, writer: &Writer) -> Result<Vec<Duration>> {
    let cookie = reader.client.get("/new", None)?.cookie.ok_or("/new sets no cookie")?;
    let key = cookie.split_once('=').and_then(|(_, key)| SessionKey::parse(key));
    let key = key.ok_or("the cookie is the key of a session")?;
    let counter =
        || -> Result<u64> { Ok(reader.client.get("/counter", Some(&cookie))?.body.parse()?) };
    let mut times = Vec::new();
    for change in 1..=CHANGES {
        // The first answer may have made the copy that the second one is given from.
        for _ in 0..2 {
            if counter()? != change - 1 {
                return Err(format!("it forgot change {}", change - 1).into());
            }
        }
        writer.change(&key, change)?;
        let acknowledged = Instant::now();
        let mut old = Duration::ZERO;
        while counter()? != change {
            old = acknowledged.elapsed();
            if old > PATIENCE {
                return Err(format!("change {change} is not seen in {PATIENCE:?}").into());
            }
        }
        times.push(old);
    }
    Ok(times)
}

/// Does something while others read their sessions.
fn beside_a_load<T>(server: &Server, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let cookies = server.cookies("/new", SESSIONS)?;
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let connections = server.contender.connections();
                server.run(Route::Read.path(), &cookies, connections, LOAD)?;
            }
            Result::Ok(())
        });
        let done = work();
        is_done.store(true, Ordering::Relaxed);
        load.join().map_err(|_| "the load panicked")??;
        done
    })
}
