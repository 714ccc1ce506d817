//! What was made of a record once, for all who read it later.

use std::sync::{Arc, OnceLock};

use crate::data::SessionData;

/// The session that one reader has made of a payload, for the others. It is given to the same kind of reader
/// only: one with other secret keys must not take for signed what another has verified.
#[derive(Clone, Default)]
pub(crate) struct Memo(Arc<OnceLock<Made>>);

struct Made {
    by: u128,
    data: SessionData,
}

impl Memo {
    /// What this reader made of it earlier, or makes now.
    pub(crate) fn get_or<E>(
        &self,
        by: u128,
        make: impl FnOnce() -> Result<SessionData, E>,
    ) -> Result<SessionData, E> {
        if let Some(made) = self.0.get()
            && made.by == by
        {
            return Ok(made.data.clone());
        }
        let data = make()?;
        // The first one is kept.
        let _ = self.0.set(Made { by, data: data.clone() });
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_one_reader() {
        let memo = Memo::default();
        let refused = memo.get_or(1, || Err("rubbish"));
        assert_eq!(refused.err(), Some("rubbish"), "nothing is kept of it");
        let read = |memo: &Memo, by, json: &str| {
            let data = memo.get_or(by, || SessionData::parse(json));
            data.unwrap().to_json()
        };
        let (mine, theirs, again) = (r#"{"a":"mine"}"#, r#"{"a":"theirs"}"#, r#"{"a":"again"}"#);
        assert_eq!(read(&memo, 1, mine), mine);
        assert_eq!(read(&memo.clone(), 1, again), mine);
        assert_eq!(read(&memo, 2, theirs), theirs, "another reader's own");
        assert_eq!(read(&memo, 1, again), mine);
    }
}
