//! Random letters from the operating system's generator.

/// Fills `slots` with letters of this alphabet, each as likely as the others.
pub(crate) fn fill(slots: &mut [u8], alphabet: &[u8]) -> Result<(), getrandom::Error> {
    // Bytes from the largest multiple of the alphabet's length on would favour its first letters.
    let unbiased = 256 - 256 % alphabet.len();
    let mut filled = 0;
    let mut random = [0; 64];
    while filled < slots.len() {
        getrandom::fill(&mut random)?;
        let letters = random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < unbiased);
        for (slot, byte) in slots[filled..].iter_mut().zip(letters) {
            *slot = alphabet[byte % alphabet.len()];
            filled += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_as_likely_as_the_others() {
        for alphabet in [&b"ab"[..], b"abcdefghijklmnopqrstuvwxyz0123456789"] {
            let each = 4000;
            let mut slots = vec![0; each * alphabet.len()];
            fill(&mut slots, alphabet).unwrap();
            assert!(slots.iter().all(|slot| alphabet.contains(slot)));
            for letter in alphabet {
                let found = slots.iter().filter(|slot| *slot == letter).count();
                // A letter that were favoured by the remainder would come a seventh more often;
                // chance gets a tenth away once in 10^9 runs.
                assert!(found.abs_diff(each) < each / 10, "{letter}: {found}");
            }
        }
    }
}
