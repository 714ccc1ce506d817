//! What Python says of characters, where Rust's standard library says otherwise.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Characters that are digits and no decimal numbers: superscripts, circled ones and the like.
/// (Python: `str.isdigit` without the category `Nd`.)
const DIGITS: &[(char, char)] = &[
    ('\u{b2}', '\u{b3}'),
    ('\u{b9}', '\u{b9}'),
    ('\u{1369}', '\u{1371}'),
    ('\u{19da}', '\u{19da}'),
    ('\u{2070}', '\u{2070}'),
    ('\u{2074}', '\u{2079}'),
    ('\u{2080}', '\u{2089}'),
    ('\u{2460}', '\u{2468}'),
    ('\u{2474}', '\u{247c}'),
    ('\u{2488}', '\u{2490}'),
    ('\u{24ea}', '\u{24ea}'),
    ('\u{24f5}', '\u{24fd}'),
    ('\u{24ff}', '\u{24ff}'),
    ('\u{2776}', '\u{277e}'),
    ('\u{2780}', '\u{2788}'),
    ('\u{278a}', '\u{2792}'),
    ('\u{10a40}', '\u{10a43}'),
    ('\u{10e60}', '\u{10e68}'),
    ('\u{11052}', '\u{1105a}'),
    ('\u{1f100}', '\u{1f10a}'),
];

/// Python's `str.isdigit`.
pub(crate) fn are_digits(text: &str) -> bool {
    let is_digit = |character: char| {
        character.general_category() == GeneralCategory::DecimalNumber
            || DIGITS.iter().any(|(first, last)| (*first..=*last).contains(&character))
    };
    !text.is_empty() && text.chars().all(is_digit)
}

/// Python's `\w`.
pub(crate) fn is_word(character: char) -> bool {
    let group = character.general_category_group();
    matches!(group, GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number) || character == '_'
}

/// Python's `str.strip`.
pub(crate) fn strip(text: &str) -> &str {
    // Python takes the separators of ASCII for white space.
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}
