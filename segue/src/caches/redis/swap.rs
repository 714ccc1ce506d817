//! Compare and swap: by a command where the server has one, by a script where it has not.

use std::sync::LazyLock;

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

/// What is to be swapped, and until when.
pub(super) struct Swap<'a> {
    pub(super) name: &'a str,
    pub(super) seen: &'a Record,
    pub(super) value: &'a [u8],
    pub(super) life: Life,
    pub(super) until: Instant,
}

impl RedisCache {
    pub(super) async fn compare_and_swap(&self, swap: Swap<'_>) -> Result<Swapped, StoreError> {
        // What is over is removed, for which there is another command on either.
        if swap.life != Life::Over && self.has_native_swap(&swap).await? {
            match self.swap_natively(&swap).await {
                // There is another server now, or its memory is full: nothing was done.
                Err(error) if words::is_for_the_script(&error) => {}
                swapped => return swapped,
            }
        }
        self.swap_by_script(&swap).await
    }

    /// Asks the server once, with a command that changes nothing: it sets a value to what it is.
    async fn has_native_swap(&self, swap: &Swap<'_>) -> Result<bool, StoreError> {
        if let Some(known) = self.has_native_swap.get() {
            return Ok(*known);
        }
        let mut first = set_if_equal(swap, swap.seen.payload());
        first.arg("KEEPTTL");
        let request = Box::new(Request { first, second: None, again: true, until: swap.until });
        let known = match self.run(&self.writes, swap.name, request).await?.0 {
            Value::Okay | Value::Nil => true,
            Value::ServerError(error) if words::is_syntax(error.details()) => false,
            // The script will say in its own words what is wrong, and the next one asks again.
            _ => return Ok(false),
        };
        Ok(*self.has_native_swap.get_or_init(|| known))
    }

    async fn swap_natively(&self, swap: &Swap<'_>) -> Result<Swapped, StoreError> {
        let mut command = set_if_equal(swap, swap.value);
        if let Life::Millis(millis) = swap.life {
            command.arg("PX").arg(millis);
        }
        let stored = |answer: &Value| *answer == Value::Okay;
        match self.write(swap.name, command, false, swap.until, stored).await? {
            Value::Okay => Ok(Swapped::Stored),
            // It does not say which of the two.
            Value::Nil => Ok(match self.ask(swap.name, swap.until).await? {
                Some(_) => Swapped::Conflict,
                None => Swapped::Gone,
            }),
            other => Err(self.nonsense(&other)),
        }
    }

    async fn swap_by_script(&self, swap: &Swap<'_>) -> Result<Swapped, StoreError> {
        let Swap { name, seen, value, life, until } = *swap;
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

fn set_if_equal(swap: &Swap<'_>, value: &[u8]) -> Cmd {
    command(&[b"SET", swap.name.as_bytes(), value, b"IFEQ", swap.seen.payload()])
}
