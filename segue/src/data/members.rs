//! The members of a session one by one, for pickles, which hold more than JSON does.

use std::sync::Arc;

use super::entries::Entries;
use super::{Entry, SessionData, Shown, Text};
use crate::pickle::{Content, Member, Members};

impl SessionData {
    /// A session of the members of a pickle, whose keys differ.
    pub(crate) fn from_members(Members { source, members }: Members<'_>) -> Self {
        let entries = members.map(|Member { key, json, exact }| {
            let value = match exact {
                Some(exact) => Text::Exact(Arc::new(Shown { json, exact })),
                None => Text::Source(json),
            };
            Entry { key: Text::Source(key), value }
        });
        Self { entries: Entries::Loaded(entries.collect()), source: source.into(), log: Vec::new() }
    }

    /// The members in order: the key as a JSON string, and the value.
    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = (&str, Content<'_>)> {
        self.entries.iter().map(|entry| {
            let value = match &entry.value {
                Text::Exact(shown) => Content::Exact(&shown.exact),
                value @ (Text::Source(_) | Text::Own(_)) => Content::Json(self.text(value)),
            };
            (self.text(&entry.key), value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle;

    /// `{"t": (1, 2)}`
    const TUPLE: &[u8] = b"\x80\x05\x95\x0e\0\0\0\0\0\0\0}\x94\x8c\x01t\x94K\x01K\x02\x86\x94s.";

    #[test]
    fn an_exact_value_stays_until_it_is_touched() {
        let theirs = pickle::read(TUPLE, SessionData::from_members).unwrap().unwrap();
        let mut ours = theirs.clone();
        ours.set("n", "1");
        ours.rebase(theirs).unwrap();
        assert_eq!(ours.to_json(), r#"{"t":[1,2],"n":1}"#);
        ours.remove("n");
        assert_eq!(pickle::write(ours.members()).unwrap(), TUPLE);
        ours.set("t", "[1,2]");
        assert_ne!(pickle::write(ours.members()).unwrap(), TUPLE, "a list is no tuple");
    }
}
