//! Compare and swap: by a command where the server has one, by a script where it has not.

use std::sync::{LazyLock, OnceLock};

use redis::{Cmd, Script, Value};
use tokio::time::Instant;

use super::batch::Request;
use super::{RedisCache, command, words};
use crate::cache::Swapped;
use crate::caches::life::Life;
use crate::error::StoreError;
use crate::store::Record;

/// Compares and swaps in one step. The value is read by `GETEX`, which counts as a write: a replica
/// refuses it, and so does a master that was demoted, where `GET` would answer what it knows. It also
/// is why a server whose memory is full, which refuses new values, lets old ones be changed.
///
/// Lua gives every text a hash of all its letters: of what was seen, of what is there, and of what is to be there.
const SWAP: &str = "\
local current = redis.call('GETEX', KEYS[1])
if not current then return 0 end
if current ~= ARGV[1] then return 1 end
if ARGV[3] == 'over' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == 'endless' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 2
";

/// The name that a server knows the script by, once it has seen it.
static SWAP_DIGEST: LazyLock<String> = LazyLock::new(|| Script::new(SWAP).get_hash().to_owned());

/// Whether the server has `SET` with `IFEQ`, as Valkey has from 8.1 on and Redis from 8.4 on, once it is known.
#[derive(Debug, Default)]
pub(super) struct Native(OnceLock<bool>);

impl RedisCache {
    pub(super) async fn compare_and_swap(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        life: Life,
    ) -> Result<Swapped, StoreError> {
        let until = self.until();
        // What is over is removed, for which there is another command on either.
        if !matches!(life, Life::Over) && self.has_native_swap(name, seen, until).await? {
            match self.swap_natively(name, seen, value, life, until).await {
                // There is another server now, or its memory is full: nothing was done.
                Err(error) if words::is_for_the_script(&error) => {}
                swapped => return swapped,
            }
        }
        self.swap_by_script(name, seen, value, life, until).await
    }

    /// Asks the server once, with a command that changes nothing: it sets a value to what it is.
    async fn has_native_swap(
        &self,
        name: &str,
        seen: &Record,
        until: Instant,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.native.0.get() {
            return Ok(*known);
        }
        let mut first = set_if_equal(name, seen, seen.payload());
        first.arg("KEEPTTL");
        let request = Box::new(Request { first, second: None, again: true, until });
        let known = match self.run(&self.writes, name, request).await?.0 {
            Value::Okay | Value::Nil => true,
            Value::ServerError(error) if words::is_syntax(error.details()) => false,
            // The script will say in its own words what is wrong, and the next one asks again.
            _ => return Ok(false),
        };
        Ok(*self.native.0.get_or_init(|| known))
    }

    async fn swap_natively(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        life: Life,
        until: Instant,
    ) -> Result<Swapped, StoreError> {
        let mut command = set_if_equal(name, seen, value);
        if let Life::Millis(millis) = life {
            command.arg("PX").arg(millis);
        }
        let stored = |answer: &Value| *answer == Value::Okay;
        match self.write(name, command, false, until, stored).await? {
            Value::Okay => Ok(Swapped::Stored),
            // It does not say which of the two.
            Value::Nil => Ok(match self.ask(name, until).await? {
                Some(_) => Swapped::Conflict,
                None => Swapped::Gone,
            }),
            other => Err(self.nonsense(&other)),
        }
    }

    async fn swap_by_script(
        &self,
        name: &str,
        seen: &Record,
        value: &[u8],
        life: Life,
        until: Instant,
    ) -> Result<Swapped, StoreError> {
        let life = match life {
            Life::Over => "over".to_owned(),
            Life::Millis(millis) => millis.to_string(),
            Life::Endless => "endless".to_owned(),
        };
        let script = |how: &[u8], script: &[u8]| {
            let (name, life) = (name.as_bytes(), life.as_bytes());
            command(&[how, script, b"1", name, seen.payload(), value, life])
        };
        let stored = |answer: &Value| *answer == Value::Int(2);
        // The whole script where replicas confirm: they would be waited for in vain, and so twice,
        // where the server does not know it.
        let known = match self.wait {
            0 => script(b"EVALSHA", SWAP_DIGEST.as_bytes()),
            _ => script(b"EVAL", SWAP.as_bytes()),
        };
        let swapped = match self.write(name, known, false, until, stored).await {
            // It was restarted, or is another one than last time: nothing was done.
            Err(error) if words::is_unknown_script(&error) => {
                self.write(name, script(b"EVAL", SWAP.as_bytes()), false, until, stored).await?
            }
            other => other?,
        };
        match swapped {
            Value::Int(0) => Ok(Swapped::Gone),
            Value::Int(1) => Ok(Swapped::Conflict),
            Value::Int(2) => Ok(Swapped::Stored),
            other => Err(self.nonsense(&other)),
        }
    }
}

fn set_if_equal(name: &str, seen: &Record, value: &[u8]) -> Cmd {
    command(&[b"SET", name.as_bytes(), value, b"IFEQ", seen.payload()])
}
