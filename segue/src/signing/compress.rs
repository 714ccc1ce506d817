//! zlib around a payload, as `django.core.signing` has it.

use std::cell::RefCell;
use std::thread::LocalKey;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::SigningError;

/// No payload grows past this when it is unpacked. Django has no limit; the signature is checked
/// first in both, so only who knows the key could try.
pub(crate) const MAX_UNPACKED: usize = 64 * 1024 * 1024;

/// Up to so many bytes a text is packed by the quickest way: the best one takes three times as long, for a
/// tenth of the size. What is longer may have to fit into a cookie; in a row, PostgreSQL moves what has more
/// than 2 KB out of the table, and what is packed less takes longer to read.
const SHORT: usize = 1024;

thread_local! {
    // To make one takes ten times as long as what it does for a session.
    static QUICK: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), true));
    static BEST: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), true));
    static UNPACKER: RefCell<Decompress> = RefCell::new(Decompress::new(true));
}

/// The compressed bytes, or nothing when they save no more than Django finds worth it.
pub(super) fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    // What does not fit is not worth it.
    let mut packed = Vec::with_capacity(bytes.len().checked_sub(2)?);
    let packer = if bytes.len() <= SHORT { &QUICK } else { &BEST };
    let status = with(packer, |packer| {
        packer.reset();
        packer.compress_vec(bytes, &mut packed, FlushCompress::Finish)
    })?;
    let is_whole = matches!(status, Ok(Status::StreamEnd));
    (is_whole && packed.len() + 1 < bytes.len()).then_some(packed)
}

/// Writes what was compressed into `bytes`, which is empty.
pub(super) fn unpack(packed: &[u8], bytes: &mut Vec<u8>) -> Result<(), SigningError> {
    const NO_ZLIB: SigningError = SigningError::payload("it is not zlib data");
    with(&UNPACKER, |unpacker| {
        unpacker.reset(true);
        bytes.reserve(packed.len().saturating_mul(4).max(64));
        loop {
            let before = (unpacker.total_in(), bytes.len());
            let read = usize::try_from(before.0).unwrap_or(usize::MAX);
            let rest = packed.get(read..).unwrap_or_default();
            let status = unpacker.decompress_vec(rest, bytes, FlushDecompress::None);
            if bytes.len() > MAX_UNPACKED {
                return Err(SigningError::payload("it unpacks to more than 64 MiB"));
            }
            match status {
                Ok(Status::StreamEnd) => return Ok(()),
                Ok(_) if bytes.len() == bytes.capacity() => bytes.reserve(bytes.len()),
                Ok(_) if (unpacker.total_in(), bytes.len()) != before => {}
                // It ends in the middle, or is none.
                Ok(_) | Err(_) => return Err(NO_ZLIB),
            }
        }
    })
    .unwrap_or(Err(NO_ZLIB))
}

/// With the one of this thread; nothing where the thread ends.
fn with<S, T>(state: &'static LocalKey<RefCell<S>>, work: impl FnOnce(&mut S) -> T) -> Option<T> {
    state.try_with(|state| Some(work(&mut *state.try_borrow_mut().ok()?))).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, SigningError> {
        let mut bytes = Vec::new();
        unpack(packed, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn short_texts_are_left_alone() {
        assert_eq!(pack(b"{\"a\":1}"), None);
        let long = vec![b'a'; 1000];
        assert_eq!(unpacked(&pack(&long).unwrap()).unwrap(), long);
        assert!(unpacked(b"not zlib").is_err());
    }

    /// Each thread has one of each kind: nothing of a text may get into the next.
    #[test]
    fn a_text_knows_nothing_of_the_last() {
        let of_each = |short: &str| [short.repeat(500), short.repeat(5000)];
        let texts = [of_each("ab"), of_each("x"), of_each("abc")].concat();
        let alone = |text: String| {
            let pack = move || pack(text.as_bytes()).unwrap();
            std::thread::spawn(pack).join().unwrap()
        };
        for text in texts.iter().cycle().take(3 * texts.len()) {
            let packed = pack(text.as_bytes()).unwrap();
            assert_eq!(packed, alone(text.clone()));
            assert_eq!(unpacked(&packed).unwrap(), text.as_bytes());
            assert!(unpacked(&packed[..packed.len() / 2]).is_err(), "half of it is none");
            assert!(pack(b"{\"a\":1}").is_none() && unpacked(b"").is_err());
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = pack(&vec![0; MAX_UNPACKED + 1]).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(unpacked(&bomb), Err(SigningError::payload("it unpacks to more than 64 MiB")));
    }
}
