//! Pickles: whatever bytes stand in a cache.

use segue::{Codec, CodecError, SessionData};

use super::data;

/// Sessions whose JSON is this long may be too large as a pickle, and are not looked at further: a
/// pickle that names one list many times becomes so many lists.
const LARGE: usize = 1 << 20;

/// Any bytes are read or refused, and what is read is written back as the same.
pub fn unpickle(input: &[u8]) {
    let pickle = Codec::pickle();
    let read = match pickle.decode(input) {
        Ok(read) => read,
        Err(error) => return complain(&error),
    };
    let json = read.to_json();
    data::check(&read);
    if json.len() > LARGE {
        return;
    }
    let written = pickle.encode(&read).expect("what was read can be written");
    let again = pickle.decode(&written).expect("what we wrote can be read");
    assert_eq!(again.to_json(), json, "what was read comes back");
    assert_eq!(pickle.encode(&again).as_ref(), Ok(&written), "and is written as the same bytes");

    // What pickles alone can hold becomes what JSON can hold, once and for all.
    let plain = SessionData::parse(&json).expect("it is shown as JSON");
    let settled = data::through(&pickle, &plain).expect("what was read can be written");
    let again = data::through(&pickle, &settled).expect("what was read can be written");
    assert_eq!(again.to_json(), settled.to_json());
}

/// The error of a refusal can be shown, and holds no more of the pickle than names.
fn complain(error: &CodecError) {
    assert!(error.to_string().len() < 1000, "an error is short: {error}");
}
