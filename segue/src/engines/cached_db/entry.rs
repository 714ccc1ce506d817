//! What stands in the cache: a session, or a mark that somebody is about to fill it.
//!
//! A Django reads the same entries. So what is ours beside the session stands where a pickle may
//! hold anything: a text that is put on the stack and taken off again. For Django a mark is `None`,
//! which it takes for nothing, and a session is its `dict`.

use jiff::Timestamp;

use crate::error::StoreError;
use crate::key::SessionKey;
use crate::settings::CacheFormat;
use crate::store::Record;

const PROTO_5: &[u8] = b"\x80\x05";
const SHORT_BINUNICODE: u8 = 0x8c;
const POP: u8 = b'0';
/// `None`, and the end.
const NONE_STOP: &[u8] = b"N.";

const UNTIL: &str = "segue:until:";
const MARK: &str = "segue:mark:";

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A session, with the deadline that its row has.
    Session(Record),
    /// Somebody is about to fill it.
    Mark,
}

/// A session's entry.
pub(super) fn session(format: CacheFormat, record: &Record) -> Vec<u8> {
    let note = format!("{UNTIL}{}", record.expires_at().as_microsecond());
    with_note(format, &note, record.payload())
}

/// A mark that nobody else makes.
pub(super) fn mark(format: CacheFormat) -> Result<Vec<u8>, StoreError> {
    let note = format!("{MARK}{}", SessionKey::generate()?.expose());
    Ok(match format {
        CacheFormat::Pickle => [&pickled(&note), NONE_STOP].concat(),
        CacheFormat::Json => with_note(format, &note, b"null"),
    })
}

/// Reads what the cache holds. Django's own entries have no note: they live as long as their session.
pub(super) fn read(format: CacheFormat, found: &Record) -> Entry {
    let Some((note, payload)) = split(format, found.payload()) else {
        return Entry::Session(found.clone());
    };
    if note.starts_with(MARK) {
        return Entry::Mark;
    }
    let micros = note.strip_prefix(UNTIL).and_then(|micros| micros.parse().ok());
    match micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
        Some(expires_at) => Entry::Session(Record::new(payload, expires_at)),
        None => Entry::Session(found.clone()),
    }
}

fn with_note(format: CacheFormat, note: &str, payload: &[u8]) -> Vec<u8> {
    match format {
        CacheFormat::Pickle => {
            let rest = payload.strip_prefix(PROTO_5).unwrap_or(payload);
            [&pickled(note), rest].concat()
        }
        CacheFormat::Json => [note.as_bytes(), b"\n", payload].concat(),
    }
}

/// A text that a reader of pickles takes off its stack again; it is shorter than 256 bytes.
fn pickled(note: &str) -> Vec<u8> {
    let length = u8::try_from(note.len()).unwrap_or(u8::MAX);
    [PROTO_5, &[SHORT_BINUNICODE, length], note.as_bytes(), &[POP]].concat()
}

/// The note and the payload, as it was before the note was put in.
fn split(format: CacheFormat, value: &[u8]) -> Option<(&str, Vec<u8>)> {
    match format {
        CacheFormat::Pickle => {
            let rest = value.strip_prefix(PROTO_5)?.strip_prefix(&[SHORT_BINUNICODE])?;
            let (length, rest) = rest.split_first()?;
            let (note, rest) = rest.split_at_checked(usize::from(*length))?;
            let rest = rest.strip_prefix(&[POP])?;
            Some((std::str::from_utf8(note).ok()?, [PROTO_5, rest].concat()))
        }
        CacheFormat::Json => {
            let end = value.iter().position(|byte| *byte == b'\n')?;
            let note = std::str::from_utf8(&value[..end]).ok()?;
            note.starts_with("segue:").then(|| (note, value[end + 1..].to_vec()))
        }
        #[allow(unreachable_patterns, reason = "formats may be added")]
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [CacheFormat; 2] = [CacheFormat::Pickle, CacheFormat::Json];

    fn payload(format: CacheFormat) -> &'static [u8] {
        match format {
            CacheFormat::Pickle => b"\x80\x05}\x94.",
            CacheFormat::Json => b"{}",
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let deadline = Timestamp::from_microsecond(1_893_553_445_678_901).unwrap();
        for format in FORMATS {
            let record = Record::new(payload(format), deadline);
            // The cache's own deadline is an earlier one.
            let found = Record::new(session(format, &record), Timestamp::UNIX_EPOCH);
            assert_eq!(read(format, &found), Entry::Session(record));
            let found = Record::new(mark(format).unwrap(), deadline);
            assert_eq!(read(format, &found), Entry::Mark);
            assert_ne!(mark(format).unwrap(), mark(format).unwrap());
        }
    }

    #[test]
    fn an_entry_of_djangos_is_taken_as_it_is() {
        for format in FORMATS {
            let found = Record::new(payload(format), Timestamp::UNIX_EPOCH);
            assert_eq!(read(format, &found), Entry::Session(found.clone()));
        }
        for odd in [b"".as_slice(), b"\x80\x05", b"\x80\x05\x8c", b"\x80\x05\x8c\xff0", b"x\ny"] {
            for format in FORMATS {
                let found = Record::new(odd, Timestamp::UNIX_EPOCH);
                assert_eq!(read(format, &found), Entry::Session(found.clone()));
            }
        }
    }
}
