//! Short names for long texts.

use sha2::{Digest as _, Sha256};

/// The first half of the SHA-256 of some bytes: nobody finds two texts with one digest, nor the text that a
/// digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 16]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let whole: [u8; 32] = Sha256::digest(bytes).into();
        Self(std::array::from_fn(|at| whole[at]))
    }

    /// From its 32 digits, as a database writes them.
    #[cfg(feature = "postgres")]
    pub(crate) fn read(digits: &str) -> Option<Self> {
        u128::from_str_radix(digits, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of the examples of FIPS 180-2.
    #[test]
    fn it_is_half_of_sha256() {
        let of_abc = u128::to_be_bytes(0xba78_16bf_8f01_cfea_4141_40de_5dae_2223);
        assert_eq!(Digest::of(b"abc"), Digest(of_abc));
        #[cfg(feature = "postgres")]
        {
            assert_eq!(Digest::read("ba7816bf8f01cfea414140de5dae2223"), Some(Digest(of_abc)));
            assert_eq!(Digest::read("no digits, but as many as there are"), None);
        }
    }
}
