//! What names users may have.

use unicode_normalization::UnicodeNormalization as _;

use crate::characters::{is_word, strip};

/// The most letters that a username has: what the column holds.
pub const MOST_USERNAME: usize = 150;

/// The form in which a username is stored and looked for, so that what looks the same is the same:
/// Unicode's NFKC. Django's `normalize_username`.
///
/// ```
/// // A ligature, and what it stands for.
/// assert_eq!(segue::users::normalize_username("\u{fb01}ona"), "fiona");
/// ```
#[must_use]
pub fn normalize_username(username: &str) -> String {
    username.nfkc().collect()
}

/// An address with its domain in lower case. Django's `normalize_email`.
///
/// ```
/// assert_eq!(segue::users::normalize_email("Ann@Example.COM"), "Ann@example.com");
/// ```
#[must_use]
pub fn normalize_email(email: &str) -> String {
    match strip(email).rsplit_once('@') {
        Some((name, domain)) => format!("{name}@{}", domain.to_lowercase()),
        None => email.to_owned(),
    }
}

/// Why a username cannot be, in Django's words; nothing where it can.
///
/// ```
/// use segue::users::username_problem;
///
/// assert_eq!(username_problem("ann@example.com"), None);
/// assert!(username_problem("ann smith").unwrap().starts_with("Enter a valid username."));
/// ```
#[must_use]
pub fn username_problem(username: &str) -> Option<String> {
    if username.is_empty() {
        return Some("This field cannot be blank.".to_owned());
    }
    if !username.chars().all(|c| is_word(c) || "@.+-".contains(c)) {
        let text = "Enter a valid username. This value may contain only letters, numbers, and \
                    @/./+/-/_ characters.";
        return Some(text.to_owned());
    }
    let letters = username.chars().count();
    (letters > MOST_USERNAME).then(|| {
        format!("Ensure this value has at most {MOST_USERNAME} characters (it has {letters}).")
    })
}
