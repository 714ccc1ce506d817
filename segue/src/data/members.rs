//! The members of a session one by one, for a codec that does not speak JSON.

use std::sync::Arc;

use super::{Entry, SessionData, Text};

/// A key of a session and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// A JSON string, quotes included.
    pub(crate) key: &'a str,
    /// The value as JSON text.
    pub(crate) value: &'a str,
    /// The value in the codec's own form, where JSON text does not hold it exactly.
    pub(crate) exact: Option<&'a [u8]>,
}

impl SessionData {
    /// A session of these members, whose keys must differ.
    pub(crate) fn from_members<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Self {
        let mut data = Self::new();
        data.entries.extend(members.into_iter().map(|member| Entry {
            key: Text::Own(member.key.into()),
            value: match member.exact {
                Some(exact) => Text::Exact(member.value.into(), Arc::from(exact)),
                None => Text::Own(member.value.into()),
            },
        }));
        data
    }

    /// The members in order.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.entries.iter().map(|entry| Member {
            key: self.text(&entry.key),
            value: self.text(&entry.value),
            exact: match &entry.value {
                Text::Exact(_, exact) => Some(exact),
                Text::Source(_) | Text::Own(_) => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_value_stays_until_it_is_touched() {
        let tuple = Member { key: "\"t\"", value: "[1,2]", exact: Some(b"tuple") };
        let theirs = SessionData::from_members([tuple]);
        let mut ours = theirs.clone();
        ours.set("n", "1");
        ours.rebase(theirs.clone()).unwrap();
        assert_eq!(ours.to_json(), r#"{"t":[1,2],"n":1}"#);
        assert_eq!(ours.members().next().unwrap().exact, Some(b"tuple".as_slice()));
        ours.set("t", "[1]");
        assert!(ours.members().all(|member| member.exact.is_none()));
    }
}
