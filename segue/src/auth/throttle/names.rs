//! Under which names failures are counted.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;

use crate::secret::SecretKey;
use crate::settings::{CacheOptions, Settings};
use crate::signing::salted_hmac;

/// The purpose of the hash.
const SALT: &str = "segue.auth.throttle";

/// So many letters of an account's name count. Django's have 150 at most.
const LONGEST: usize = 1000;

/// Makes the names of counters: keyed hashes, so that a cache shows neither accounts nor addresses,
/// and a name of any length is as long as the others.
pub(super) struct Names {
    prefix: String,
    secret: SecretKey,
}

/// The names for one attempt. Without an address there is that of the account alone.
pub(super) struct Tally {
    pub(super) account: String,
    pub(super) here: Option<Here>,
}

/// The names that an address is in.
pub(super) struct Here {
    pub(super) pair: String,
    pub(super) address: String,
    /// That this account has been logged in to from this address.
    pub(super) known: String,
}

impl Names {
    pub(super) fn new(settings: &Settings, options: &CacheOptions) -> Self {
        let prefix = options.make_key("segue.login.");
        Self { prefix, secret: settings.secret_keys.current.clone() }
    }

    pub(super) fn of(&self, account: &str, address: Option<IpAddr>) -> Tally {
        let folded = fold(account);
        let here = address.map(network).map(|network| Here {
            pair: self.name(&format!("pair {network} {folded}")),
            address: self.name(&format!("address {network}")),
            // By the name as it was typed: whoever may choose a name that folds to another one is
            // not known by that.
            known: self.name(&format!("known {network} {account}")),
        });
        Tally { account: self.name(&format!("account {folded}")), here }
    }

    fn name(&self, what: &str) -> String {
        let hash = salted_hmac::<Sha256>(SALT, what, &self.secret);
        format!("{}{}", self.prefix, URL_SAFE_NO_PAD.encode(hash))
    }
}

/// The letters and digits of a name, without case and accents.
///
/// A database may take much for the same name: MySQL's collations ignore case, accents, blanks and
/// invisible letters. Whoever could add an invisible letter for each guess would have a new counter
/// for each. That "a.b" and "ab" are counted together harms nobody.
fn fold(account: &str) -> String {
    let letters = account.chars().take(LONGEST).nfkd().filter(|letter| letter.is_alphanumeric());
    // In this order `ß` becomes `ss`, and a dotless `ı` an `i`.
    letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// What is one client for us: an IPv4 address, or the /64 of an IPv6 one, in which a client may
/// choose its address freely.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_may_take_for_one_name_is_one() {
        for other in [
            "Ada",
            "ADA",
            " ada ",
            "a\u{200b}d\u{ad}a",
            "ａｄａ",
            "àdá",
            "a\u{300}da",
            "a.da",
            "a\0da",
        ] {
            assert_eq!(fold(other), "ada", "{other:?}");
        }
        assert_eq!(fold("straße"), fold("STRASSE"));
        assert_eq!(fold("ﬁlip"), "filip");
        assert_eq!(fold("ı"), "i");
        assert_eq!(fold("İ"), "i");
        assert_ne!(fold("ada"), fold("ida"));
        assert_eq!(fold("日本"), "日本");
        assert_eq!(fold("@+-"), "");
    }

    #[test]
    fn a_client_is_its_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
    }

    #[test]
    fn names_are_short_and_show_nothing() {
        let names = Names::new(&Settings::new("secret"), &CacheOptions::default());
        let tally = names.of(&"ada".repeat(1_000_000), "1.2.3.4".parse().ok());
        let here = tally.here.unwrap();
        let all = [tally.account, here.pair, here.address, here.known];
        for name in &all {
            assert!(name.len() < 100 && name.is_ascii(), "{name}");
            assert!(!name.contains("ada") && !name.contains("1.2"), "{name}");
        }
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        let others = Names::new(&Settings::new("another"), &CacheOptions::default());
        assert_ne!(others.of("ada", None).account, names.of("ada", None).account);
    }
}
