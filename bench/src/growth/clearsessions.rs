//! `clearsessions` on a million sessions of which half have expired, while somebody else writes one row
//! every five milliseconds: how long it takes, and how long the writer waits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use segue::engines::DatabaseStore;
use segue::{Sessions, Settings};
use servers::Postgres;
use tempfile::TempDir;

use super::Growth;
use crate::Result;
use crate::catalogue::{self, Store};
use crate::harness::machine;
use crate::harness::stores::{Place, data_folder, database};
use crate::report::slower::Better;
use crate::report::table::{Table, short, thousands};
use crate::statistics::quantile;

/// The two programs that clear: these servers' own.
pub(super) const SERVERS: &[&str] =
    &["segue-db-sqlite", "django-db-sqlite", "segue-db-postgres", "django-db-postgres"];

const ROWS: u32 = 1_000_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Nobody's session, which the writer writes.
const KEY: &str = "benchbenchbenchbenchbenchbench00";

/// Half of the rows have expired, one here and one there, as it comes with time.
const ROW: &str = "KEY, DATA, CASE WHEN n % 2 = 0 THEN PAST ELSE FUTURE END";

/// Removes expired sessions as `clearsessions` does; the program that is measured.
pub(crate) fn clear(url: &str) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = DatabaseStore::from_url(url).await?;
        let settings = Settings::new("a secret key for the benchmark, of fifty letters and more");
        Sessions::new(store, &settings)?.clear_expired().await?;
        Ok(())
    })
}

pub(super) fn run(growth: &mut Growth<'_>) -> String {
    let mut table = Table::new(&[
        "who clears",
        "seconds",
        "writer's worst wait ms",
        "p99 ms",
        "p50 ms",
        "rows left",
    ]);
    let mut sqlite: Option<TempDir> = None;
    let mut postgres: Option<String> = None;
    growth.each(SERVERS, |growth, contender| {
        let outcome = if contender.store == Store::Sqlite {
            let full = match &sqlite {
                Some(folder) => folder,
                None => sqlite.insert(full_sqlite()?),
            };
            on_sqlite(growth, contender.name, full.path())?
        } else {
            let full = match &postgres {
                Some(url) => url.clone(),
                None => postgres.insert(full_postgres(growth)?).clone(),
            };
            on_postgres(growth, contender.name, &full)?
        };
        let Outcome { took, mut waits, left } = outcome;
        let [worst, p99, p50] =
            [1.0, 0.99, 0.5].map(|share| quantile(&mut waits, share).as_secs_f64() * 1e3);
        for (what, figure) in
            [("seconds", took.as_secs_f64()), ("writer's worst wait ms", worst), ("p99 ms", p99)]
        {
            growth.figure(contender, what, "half of a million", vec![figure], Better::Less);
        }
        let [worst, p99, p50] = [worst, p99, p50].map(short);
        let took = format!("{:.1}", took.as_secs_f64());
        table.row([contender.name.to_owned(), took, worst, p99, p50, left.to_string()]);
        Ok(())
    });
    format!(
        "## clearsessions: {} of {} sessions expired, beside a writer\n\nThe writer changes one row every {} ms, durably.\n\n{}\n",
        thousands(f64::from(ROWS / 2)),
        thousands(f64::from(ROWS)),
        PAUSE.as_millis(),
        table.into_text()
    )
}

struct Outcome {
    took: Duration,
    waits: Vec<Duration>,
    left: u64,
}

/// Runs the command while somebody writes, one row after the other.
fn beside_a_writer(
    mut command: Command,
    mut write: impl FnMut(u32) -> Result + Send,
) -> Result<(Duration, Vec<Duration>)> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut waits = Vec::new();
            let mut number = 0;
            while !is_done.load(Ordering::Relaxed) {
                let asked = Instant::now();
                write(number)?;
                waits.push(asked.elapsed());
                number += 1;
                thread::sleep(PAUSE);
            }
            Result::Ok(waits)
        });
        let started = Instant::now();
        let output = command.stdin(Stdio::null()).output();
        let took = started.elapsed();
        is_done.store(true, Ordering::Relaxed);
        let waits = writer.join().map_err(|_| "the writer panicked")??;
        let output = output?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok((took, waits))
    })
}

/// The program of a server, clearing.
fn command(growth: &mut Growth<'_>, name: &str, place: &str, url: &str) -> Result<Command> {
    let contender = catalogue::one(name).ok_or("it is in the catalogue")?;
    let mut command = if contender.is_ours() {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["clear", url]);
        command
    } else {
        let server = growth.harness.programs.command(&contender)?;
        let mut command = Command::new(server.get_program());
        command.args(["manage.py", "clearsessions"]).env("BENCH_VARIANT", contender.variant());
        if let Some(folder) = server.get_current_dir() {
            command.current_dir(folder);
        }
        command
    };
    command.env("BENCH_STORE", place);
    Ok(machine::pinned(&command, growth.harness.is_pinned))
}

fn full_sqlite() -> Result<TempDir> {
    let folder = tempfile::tempdir_in(data_folder()?)?;
    let file = folder.path().join("db.sqlite3");
    migrate(&format!("sqlite://{}", file.display()))?;
    let row = ROW
        .replace("KEY", "lower(hex(randomblob(16)))")
        .replace("DATA", "lower(hex(randomblob(200)))")
        .replace("PAST", "datetime('now', '-1 day')")
        .replace("FUTURE", "datetime('now', '14 days')");
    let database = Connection::open(&file)?;
    database.pragma_update(None, "synchronous", "OFF")?;
    database.execute_batch(&format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS}) \
         INSERT INTO django_session SELECT {row} FROM numbers; \
         INSERT INTO django_session VALUES ('{KEY}', 'x', datetime('now', '14 days')); \
         PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    Ok(folder)
}

fn on_sqlite(growth: &mut Growth<'_>, name: &str, full: &Path) -> Result<Outcome> {
    let folder = tempfile::tempdir_in(data_folder()?)?;
    let file: PathBuf = folder.path().join("db.sqlite3");
    fs::copy(full.join("db.sqlite3"), &file)?;
    // Half of it would be written while the clock runs.
    fs::File::open(&file)?.sync_all()?;
    let place = folder.path().display().to_string();
    let command = command(growth, name, &place, &format!("sqlite://{}", file.display()))?;
    let writer = Connection::open(&file)?;
    writer.busy_timeout(Duration::from_secs(120))?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    let (took, waits) = beside_a_writer(command, move |number| {
        let sql = "UPDATE django_session SET session_data = ?1 WHERE session_key = ?2";
        writer.prepare_cached(sql)?.execute((format!("{number:0400}"), KEY))?;
        Ok(())
    })?;
    let left: i64 =
        Connection::open(&file)?
            .query_row("SELECT COUNT(*) FROM django_session", [], |row| row.get(0))?;
    Ok(Outcome { took, waits, left: left.try_into()? })
}

fn migrate(url: &str) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = DatabaseStore::from_url(url).await?;
        Box::pin(store.database().migrate()).await?;
        store.database().close().await;
        Ok(())
    })
}

fn full_postgres(growth: &mut Growth<'_>) -> Result<String> {
    let Place { name: url, .. } = growth.harness.stores.place(Store::Postgres)?;
    migrate(&url)?;
    let row = ROW
        .replace("KEY", "md5(random()::text || n)")
        .replace("DATA", "repeat(md5(n::text), 12)")
        .replace("PAST", "now() - interval '1 day'")
        .replace("FUTURE", "now() + interval '14 days'");
    let server = growth.harness.stores.postgres()?;
    let sql = format!(
        "SET synchronous_commit = off; \
         INSERT INTO django_session SELECT {row} FROM generate_series(1, {ROWS}) AS n; \
         INSERT INTO django_session VALUES ('{KEY}', 'x', now() + interval '14 days')"
    );
    server.query(database(&url), &sql)?;
    server.query(database(&url), "VACUUM ANALYZE")?;
    Ok(url)
}

fn on_postgres(growth: &mut Growth<'_>, name: &str, full: &str) -> Result<Outcome> {
    let copy = format!("{}_{}", database(full), name.replace('-', "_"));
    let url = full.replace(database(full), &copy);
    let server = growth.harness.stores.postgres()?;
    let sql = format!("CREATE DATABASE {copy} TEMPLATE {} STRATEGY file_copy", database(full));
    server.query("postgres", &sql)?;
    server.query("postgres", "CHECKPOINT")?;
    let command = command(growth, name, &url, &url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Result::Ok(client)
    })?;
    let (took, waits) = beside_a_writer(command, move |number| {
        let sql = format!(
            "UPDATE django_session SET session_data = '{number:0400}' WHERE session_key = '{KEY}'"
        );
        runtime.block_on(client.batch_execute(&sql))?;
        Ok(())
    })?;
    let left = rows(growth.harness.stores.postgres()?, &copy)?;
    Ok(Outcome { took, waits, left })
}

fn rows(server: &Postgres, name: &str) -> Result<u64> {
    Ok(server.query(name, "SELECT COUNT(*) FROM django_session")?.trim().parse()?)
}
