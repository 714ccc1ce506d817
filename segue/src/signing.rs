//! Django's signatures: values that a browser may hold and cannot change.
//!
//! The same text as `django.core.signing` makes, verified in constant time, with the keys of
//! `SECRET_KEY_FALLBACKS` believed as well.
//!
//! ```
//! use segue::signing::{self, Signer};
//! use segue::{Clock, SecretKeys};
//!
//! let keys = SecretKeys::new("test-secret-key");
//! let signer = Signer::new(&keys, "django.core.signing.Signer");
//! assert_eq!(signer.sign("hello"), "hello:Bhwb70gkLMxw89zHbeKamLKat9XovdaGC_qGGTgRVOA");
//!
//! let text = signing::dumps(&("a", 1), &keys, "my.app", &Clock::system())?;
//! let pair: (String, u8) = signing::loads(&text, &keys, "my.app", &Clock::system(), None)?;
//! assert_eq!(pair, ("a".to_owned(), 1));
//! # Ok::<(), signing::SigningError>(())
//! ```

mod base62;
mod compress;
mod error;
mod object;
mod salted_hmac;
mod signer;
mod timestamp;

pub(crate) use compress::MAX_UNPACKED;
pub use error::SigningError;
pub use object::{dumps, dumps_compressed, loads};
pub use salted_hmac::salted_hmac;
pub use signer::Signer;
pub use timestamp::TimestampSigner;
