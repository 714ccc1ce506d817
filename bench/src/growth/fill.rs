//! Makes many sessions: through the server where they are in its memory, and beside it where they are in a
//! store, as copies of one that the server made.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::Result;
use crate::catalogue::Store;
use crate::harness::Harness;
use crate::harness::server::Server;
use crate::harness::stores::database;

/// So many at once in a script of Redis', which nobody else is served during.
const REDIS_BATCH: usize = 50_000;

/// Makes about as many more; how many it were.
pub(super) fn with(harness: &mut Harness, server: &Server, count: usize) -> Result<usize> {
    if count == 0 {
        return Ok(0);
    }
    let ours = server.contender.is_ours();
    let place = server.place.name.clone();
    match server.place.store {
        Store::Process => return in_memory(server, count),
        Store::Sqlite if ours => sqlite(&Path::new(&place).join("db.sqlite3"), OURS_SQLITE, count)?,
        Store::Sqlite => sqlite(&Path::new(&place).join("sessions.sqlite3"), TOWER_SQLITE, count)?,
        Store::Postgres => {
            let sql = if ours { OURS_POSTGRES } else { TOWER_POSTGRES };
            let sql =
                format!("SET synchronous_commit = off; {}", sql.replace("{}", &count.to_string()));
            let postgres = harness.stores.postgres()?;
            postgres.query(database(&place), &sql)?;
            postgres.query(database(&place), "VACUUM ANALYZE")?;
        }
        Store::Redis => {
            let own = if ours { OURS_REDIS } else { TOWER_REDIS };
            redis(harness, database(&place), own, count)?;
        }
        other => return Err(format!("{other:?} cannot be filled").into()),
    }
    Ok(count)
}

/// The load counts seconds, not sessions.
fn in_memory(server: &Server, count: usize) -> Result<usize> {
    let strangers = server.strangers()?;
    let (mut made, mut speed) = (0, 20_000.0);
    while made < count {
        #[allow(clippy::cast_precision_loss, reason = "far from 2^52")]
        let left = (count - made) as f64;
        let time = Duration::from_secs_f64((left / speed).clamp(0.1, 10.0));
        let load = server.run("/new", &strangers, server.contender.connections(), time)?.load;
        made += usize::try_from(load.requests)?;
        speed = load.per_second().max(1.0);
    }
    Ok(made)
}

const OURS_SQLITE: &str = "INSERT INTO django_session \
    SELECT lower(hex(randomblob(16))), one.session_data, one.expire_date \
    FROM (SELECT * FROM django_session LIMIT 1) AS one, numbers";
const TOWER_SQLITE: &str = "INSERT INTO tower_sessions \
    SELECT lower(hex(randomblob(11))), one.data, one.expiry_date \
    FROM (SELECT * FROM tower_sessions LIMIT 1) AS one, numbers";

fn sqlite(file: &Path, insert: &str, count: usize) -> Result {
    let database = Connection::open(file)?;
    database.busy_timeout(Duration::from_secs(60))?;
    database.pragma_update(None, "synchronous", "OFF")?;
    let numbers = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    );
    database.execute_batch(&format!("{numbers} {insert}"))?;
    // What follows is not to wait for this.
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

const OURS_POSTGRES: &str = "INSERT INTO django_session \
    SELECT md5(random()::text || n), one.session_data, one.expire_date \
    FROM (SELECT * FROM django_session LIMIT 1) AS one, generate_series(1, {}) AS n";
const TOWER_POSTGRES: &str = "INSERT INTO tower_sessions.session \
    SELECT substr(md5(random()::text || n), 1, 22), one.data, one.expiry_date \
    FROM (SELECT * FROM tower_sessions.session LIMIT 1) AS one, generate_series(1, {}) AS n";

/// Copies are named as the server names its own, in the last letters apart.
const REDIS: &str = "local key = redis.call('RANDOMKEY') \
    if not key or not string.find(key, ARGV[1]) then \
    return redis.error_reply('there is no session to copy, but ' .. tostring(key)) end \
    local one, there = redis.call('GET', key), redis.call('DBSIZE') \
    for n = there + 1, there + tonumber(ARGV[2]) do \
    redis.call('SET', string.sub(key, 1, -11) .. string.format('%010d', n), one, 'EX', 1209600) end";
const OURS_REDIS: &str = "^:1:django%.contrib%.sessions%.cache%w+$";
const TOWER_REDIS: &str = "^[%w_-]+$";

fn redis(harness: &mut Harness, number: &str, own: &str, count: usize) -> Result {
    let redis = harness.stores.redis()?;
    let mut left = count;
    while left > 0 {
        let batch = left.min(REDIS_BATCH);
        redis.cli(&["-n", number, "EVAL", REDIS, "0", own, &batch.to_string()])?;
        left -= batch;
    }
    Ok(())
}
