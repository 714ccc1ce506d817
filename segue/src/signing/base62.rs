//! Whole numbers in base 62, digits first: Django's `b62_encode` and `b62_decode`.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn encode(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    // 62^11 is more than 2^64.
    let mut digits = [0; 11];
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        // The remainder is below 62, the length of the alphabet.
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
        start -= 1;
        if rest == 0 {
            break;
        }
    }
    let sign = if number < 0 { "-" } else { "" };
    digits.iter().skip(start).fold(sign.to_owned(), |mut text, digit| {
        text.push(char::from(*digit));
        text
    })
}

/// The number, or nothing when the text is none or it does not fit.
pub(super) fn decode(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.bytes().try_fold(0_i64, |number, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        number.checked_mul(62)?.checked_add(i64::try_from(digit).ok()?)
    })?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for number in [0, 1, 61, 62, 3843, 1_700_000_000, -62, i64::MAX, -i64::MAX] {
            assert_eq!(decode(&encode(number)), Some(number));
        }
        for text in ["", "-", "!", "1 ", "zzzzzzzzzzzzzzzz"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
