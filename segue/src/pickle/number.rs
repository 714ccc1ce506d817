//! Integers of any size: decimal as in JSON, two's complement from the lowest byte as in pickles.

use super::MAX_DIGITS;

/// The bytes of a number of [`MAX_DIGITS`] digits, its sign included.
const MAX_BYTES: usize = 1_787;

const NINE_DIGITS: u64 = 1_000_000_000;

/// Without the highest bytes that only repeat the sign.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., below, top] = bytes {
        let repeats_the_sign = if below & 0x80 == 0 { *top == 0 } else { *top == 0xff };
        if !repeats_the_sign {
            break;
        }
        bytes = bytes.get(..=rest.len()).unwrap_or_default();
    }
    if bytes == [0] { &[] } else { bytes }
}

/// The number if it is no larger than this.
pub(super) fn to_i64(trimmed: &[u8]) -> Option<i64> {
    let sign = if is_negative(trimmed) { 0xff } else { 0 };
    let mut all = [sign; 8];
    all.get_mut(..trimmed.len())?.copy_from_slice(trimmed);
    Some(i64::from_le_bytes(all))
}

fn is_negative(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|top| top & 0x80 != 0)
}

/// The decimal text, or nothing if it is longer than Python would write. That limit keeps the work,
/// which grows with the square, small.
pub(super) fn to_decimal(trimmed: &[u8]) -> Option<String> {
    if trimmed.len() > MAX_BYTES {
        return None;
    }
    let mut magnitude = trimmed.to_vec();
    if is_negative(trimmed) {
        negate(&mut magnitude);
    }
    // Nine digits each, the lowest first.
    let mut groups: Vec<u64> = Vec::new();
    for limb in magnitude.chunks(4).rev() {
        let mut carry = limb.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        for group in &mut groups {
            let wide = (*group << 32) + carry;
            *group = wide % NINE_DIGITS;
            carry = wide / NINE_DIGITS;
        }
        while carry > 0 {
            groups.push(carry % NINE_DIGITS);
            carry /= NINE_DIGITS;
        }
    }
    let mut groups = groups.iter().rev();
    let mut digits = groups.next().copied().unwrap_or_default().to_string();
    for group in groups {
        digits.push_str(&format!("{group:09}"));
    }
    if digits.len() > MAX_DIGITS {
        return None;
    }
    Some(if is_negative(trimmed) { format!("-{digits}") } else { digits })
}

/// The bytes of a number of decimal digits, trimmed; nothing if it is too long, or is none.
pub(super) fn from_decimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut limbs: Vec<u32> = Vec::new();
    let mut digits = digits.as_bytes();
    while !digits.is_empty() {
        let (group, rest) = digits.split_at(match digits.len() % 9 {
            0 => 9,
            first => first,
        });
        digits = rest;
        let mut carry = group.iter().fold(0, |group, digit| group * 10 + u64::from(digit - b'0'));
        for limb in &mut limbs {
            let wide = u64::from(*limb) * NINE_DIGITS + carry;
            let [a, b, c, d, ..] = wide.to_le_bytes();
            *limb = u32::from_le_bytes([a, b, c, d]);
            carry = wide >> 32;
        }
        // Less than 2³⁰ on an empty number, less than NINE_DIGITS after.
        limbs.extend(u32::try_from(carry).ok().filter(|carry| *carry > 0));
    }
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    bytes.push(0);
    if text.starts_with('-') {
        negate(&mut bytes);
    }
    bytes.truncate(trim(&bytes).len());
    Some(bytes)
}

/// Two's complement.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_agree_with_the_machine() {
        let mut numbers = vec![0, 1, -1, 127, 128, -128, -129, 255, 256, i128::MAX, i128::MIN];
        for shift in 0..126 {
            let power = 1_i128 << shift;
            numbers.extend([power, power - 1, power + 1, -power, -power - 1, 1 - power]);
        }
        for number in numbers {
            let bytes = number.to_le_bytes();
            let trimmed = trim(&bytes);
            assert_eq!(to_decimal(trimmed).unwrap(), number.to_string());
            assert_eq!(from_decimal(&number.to_string()).unwrap(), trimmed, "{number}");
            assert_eq!(to_i64(trimmed), i64::try_from(number).ok(), "{number}");
        }
        assert_eq!(from_decimal("-0").unwrap(), b"");
        assert_eq!(from_decimal("1_0"), None);
    }

    #[test]
    fn the_limit_is_pythons() {
        let largest = "9".repeat(MAX_DIGITS);
        let bytes = from_decimal(&largest).unwrap();
        assert_eq!(to_decimal(&bytes).unwrap(), largest);
        let negative = from_decimal(&format!("-{largest}")).unwrap();
        assert_eq!(to_decimal(&negative).unwrap(), format!("-{largest}"));
        assert_eq!(from_decimal(&format!("1{largest}")), None);
        // One more than the largest, of as many bytes.
        let mut more = bytes.clone();
        let nines = more.iter().position(|byte| *byte != 0xff).unwrap();
        more[..nines].fill(0);
        more[nines] += 1;
        assert_eq!(more.len(), bytes.len());
        assert_eq!(to_decimal(&more), None);
        assert_eq!(to_decimal(&[1; MAX_BYTES + 1]), None);
    }

    #[test]
    fn a_repeated_sign_is_trimmed() {
        assert_eq!(trim(&[5, 0, 0, 0]), [5]);
        assert_eq!(trim(&[0x80, 0, 0]), [0x80, 0]);
        assert_eq!(trim(&[0x80, 0xff, 0xff]), [0x80]);
        assert_eq!(trim(&[0x7f, 0xff]), [0x7f, 0xff]);
        assert_eq!(trim(&[0, 0]), b"");
        assert_eq!(trim(&[0xff, 0xff]), [0xff]);
    }
}
