//! Whether a password is like what is known of its user.

use std::collections::HashMap;

use crate::characters::is_word;

/// `UserAttributeSimilarityValidator`.
pub(super) struct Similarity {
    pub(super) user_attributes: Vec<String>,
    pub(super) max_similarity: f64,
}

impl Similarity {
    /// The first attribute that is like the password, as a whole or in one of its words.
    pub(super) fn found_in<'a>(
        &self,
        password: &str,
        user_attributes: &[(&'a str, &str)],
    ) -> Option<&'a str> {
        let password: Vec<char> = password.to_lowercase().chars().collect();
        self.user_attributes.iter().find_map(|wanted| {
            let (name, value) = user_attributes.iter().find(|(name, _)| name == wanted)?;
            let value = value.to_lowercase();
            let mut parts = words(&value).into_iter().chain([value.as_str()]);
            let is_similar = !value.is_empty() && parts.any(|part| self.is_like(&password, part));
            is_similar.then_some(*name)
        })
    }

    #[allow(clippy::cast_precision_loss, reason = "no text has 2^53 characters")]
    fn is_like(&self, password: &[char], part: &str) -> bool {
        let part: Vec<char> = part.chars().collect();
        // So short a part of so long a password is not worth comparing.
        let too_short = password.len() >= 10 * part.len()
            && (part.len() as f64) < self.max_similarity / 2.0 * password.len() as f64;
        !too_short && quick_ratio(password, &part) >= self.max_similarity
    }
}

/// The characters that two texts have in common, whatever their order, in relation to all.
///
/// Source: `SequenceMatcher.quick_ratio` in Python's `difflib.py`.
#[allow(clippy::cast_precision_loss, reason = "no text has 2^53 characters")]
fn quick_ratio(one: &[char], other: &[char]) -> f64 {
    let length = one.len() + other.len();
    if length == 0 {
        return 1.0;
    }
    let mut left: HashMap<char, usize> = HashMap::new();
    for character in other {
        *left.entry(*character).or_default() += 1;
    }
    let matches = one.iter().filter(|character| {
        left.get_mut(*character).is_some_and(|count| {
            let found = *count > 0;
            *count = count.saturating_sub(1);
            found
        })
    });
    2.0 * matches.count() as f64 / length as f64
}

/// The text without its separators, as Python's `re.split(r"\W+", text)`: empty texts before the
/// first and behind the last separator belong to it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some((word, behind)) = rest.split_once(|character| !is_word(character)) {
        words.push(word);
        rest = behind.trim_start_matches(|character| !is_word(character));
    }
    words.push(rest);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_as_python_splits_them() {
        for (text, expected) in [
            ("", &[""][..]),
            ("a", &["a"]),
            ("a@b.c", &["a", "b", "c"]),
            ("a--b", &["a", "b"]),
            ("@a-", &["", "a", ""]),
            ("--", &["", ""]),
            ("é_1 ß", &["é_1", "ß"]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }
}
