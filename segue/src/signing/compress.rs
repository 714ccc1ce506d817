//! zlib around a payload, as `django.core.signing` has it.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::SigningError;

/// No payload grows past this when it is unpacked. Django has no limit; the signature is checked
/// first in both, so only who knows the key could try.
pub(crate) const MAX_UNPACKED: usize = 64 * 1024 * 1024;

/// The compressed bytes, or nothing when they save no more than Django finds worth it.
pub(super) fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len()), Compression::default());
    encoder.write_all(bytes).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() + 1 < bytes.len()).then_some(packed)
}

pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, SigningError> {
    let mut bytes = Vec::with_capacity(packed.len() * 4);
    ZlibDecoder::new(packed)
        .take(MAX_UNPACKED as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| SigningError::payload("it is not zlib data"))?;
    if bytes.len() > MAX_UNPACKED {
        return Err(SigningError::payload("it unpacks to more than 64 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_left_alone() {
        assert_eq!(pack(b"{\"a\":1}"), None);
        let long = vec![b'a'; 1000];
        assert_eq!(unpack(&pack(&long).unwrap()).unwrap(), long);
        assert!(unpack(b"not zlib").is_err());
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = pack(&vec![0; MAX_UNPACKED + 1]).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(&bomb), Err(SigningError::payload("it unpacks to more than 64 MiB")));
    }
}
