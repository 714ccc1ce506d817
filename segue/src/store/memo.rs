//! What was made of a record once, for all who read it later.

use std::any::Any;
use std::sync::{Arc, OnceLock};

/// What one reader has made of a payload, for the others. It is given to the same kind of reader only: one with
/// other secret keys must not take for signed what another has verified.
#[derive(Clone, Default)]
pub(crate) struct Memo(Arc<OnceLock<Made>>);

struct Made {
    by: u128,
    what: Box<dyn Any + Send + Sync>,
}

impl Memo {
    /// What this reader made of it earlier, or makes now.
    pub(crate) fn get_or<T, E>(&self, by: u128, make: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        T: Clone + Send + Sync + 'static,
    {
        if let Some(made) = self.0.get()
            && made.by == by
            && let Some(what) = made.what.downcast_ref::<T>()
        {
            return Ok(what.clone());
        }
        let what = make()?;
        // The first one is kept.
        let _ = self.0.set(Made { by, what: Box::new(what.clone()) });
        Ok(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_one_reader() {
        let memo = Memo::default();
        let refused: Result<String, &str> = memo.get_or(1, || Err("rubbish"));
        assert_eq!(refused, Err("rubbish"), "nothing is kept of it");
        let make = |text: &str| Ok::<_, ()>(text.to_owned());
        assert_eq!(memo.get_or(1, || make("mine")).unwrap(), "mine");
        assert_eq!(memo.clone().get_or(1, || make("again")).unwrap(), "mine");
        assert_eq!(memo.get_or(2, || make("theirs")).unwrap(), "theirs", "another reader's own");
        assert_eq!(memo.get_or(1, || make("again")).unwrap(), "mine");
    }
}
