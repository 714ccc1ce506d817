//! Texts that may stand before somebody at a terminal.

/// A text that moves no cursor and turns no line around, wherever it comes from: what does not
/// print is written as its number.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | ' '..='~' => printable.push(letter),
            '\t' => printable.push(' '),
            _ if is_shown(letter) => printable.push(letter),
            _ => printable.extend(letter.escape_unicode()),
        }
    }
    printable
}

/// Whether a letter beyond ASCII shows itself: no control character, none that changes the
/// direction, none without a meaning.
fn is_shown(letter: char) -> bool {
    // Behind another letter accents show, and the standard library knows it.
    let mut pair = String::from("x");
    pair.push(letter);
    pair.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_moves_the_cursor() {
        assert_eq!(
            printable("a\u{1b}[2Jb\rc\u{7f}\u{9b}1m"),
            "a\\u{1b}[2Jb\\u{d}c\\u{7f}\\u{9b}1m"
        );
        assert_eq!(printable("evil\u{202e}txt\u{200b}"), "evil\\u{202e}txt\\u{200b}");
        let plain = "\"Zoë\" e\u{301} \\ 漢字 🦀, one line\nand another";
        assert_eq!(printable(plain), plain);
        assert_eq!(printable("a\tb"), "a b");
    }
}
