//! Ports that nobody uses.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Below the ports that Linux gives to outgoing connections (32768 and up): a server that is down
/// for a moment finds its port free again. Port 0 would give one of those.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that nobody listens on, and that this process was not given before.
///
/// # Errors
/// Where none is found.
pub fn free() -> Result<u16> {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    for _ in 0..1000 {
        let port = random();
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    Err(Error::new("found no free port on 127.0.0.1"))
}

/// Other processes look for ports at the same moment, so each looks elsewhere. The keys of a hash
/// map are the random numbers that the standard library has.
fn random() -> u16 {
    let number = RandomState::new().build_hasher().finish() % u64::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(number).unwrap_or_default()
}

/// Runs a start again where another process took a port in between.
pub(crate) fn retry<T>(start: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..2 {
        match start() {
            Err(error) if error.is_port_taken() => {}
            result => return result,
        }
    }
    start()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn a_taken_port_is_tried_again_and_nothing_else() {
        let tries = Cell::new(0);
        let fail = |text: &str| {
            tries.set(tries.get() + 1);
            Err::<(), _>(Error::new(text))
        };
        retry(|| fail("bind: Address already in use")).unwrap_err();
        assert_eq!(tries.take(), 3);
        retry(|| fail("no disk")).unwrap_err();
        assert_eq!(tries.take(), 1);
    }
}
