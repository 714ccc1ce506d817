//! The entries of a session, which are not copied for who only reads them.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::{Entry, ascii};
use crate::json;
use crate::scratch;

/// The entries of a session, in order.
#[derive(Clone)]
pub(super) enum Entries {
    /// As many as were loaded, for all who have loaded the same.
    Loaded(Arc<[Entry]>),
    /// One's own, since some came or went.
    Own(Vec<Entry>),
}

thread_local! {
    static GATHERED: Cell<Vec<Entry>> = const { Cell::new(Vec::new()) };
}

impl Entries {
    pub(super) const NONE: Self = Self::Own(Vec::new());

    /// Those that are read from this text, which `read` is given a place for; it tells whether there are escapes
    /// in it.
    pub(super) fn read<E>(
        source: &[u8],
        read: impl FnOnce(&mut Vec<Entry>) -> Result<bool, E>,
    ) -> Result<Self, E> {
        scratch::with(&GATHERED, |entries| {
            if (read(entries)? && have_escapes(entries, source)) || !differ(entries, source) {
                drop_repeated_keys(entries, source);
            }
            Ok(Self::Loaded(entries.drain(..).collect()))
        })
    }

    /// For some to come or to go.
    pub(super) fn own(&mut self) -> &mut Vec<Entry> {
        if let Self::Loaded(entries) = self {
            // Room for one more, which is what mostly comes.
            let mut own = Vec::with_capacity(entries.len() + 1);
            own.extend_from_slice(entries);
            *self = Self::Own(own);
        }
        match self {
            Self::Own(entries) => entries,
            Self::Loaded(_) => unreachable!("they have just become one's own"),
        }
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        match self {
            Self::Loaded(entries) => entries,
            Self::Own(entries) => entries,
        }
    }
}

/// To change values; they are copied first where somebody else reads them.
impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut [Entry] {
        match self {
            Self::Loaded(entries) => Arc::make_mut(entries),
            Self::Own(entries) => entries,
        }
    }
}

/// As in Python's `dict`: the first place, the last value.
fn drop_repeated_keys(entries: &mut Vec<Entry>, source: &[u8]) {
    let mut places = HashMap::with_capacity(entries.len());
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in &*entries {
        let quoted = ascii(entry.key.within(source));
        let name = json::unquote(quoted).ok_or(quoted);
        match places.get(&name) {
            Some(&place) => {
                let place: usize = place;
                kept[place].value = entry.value.clone();
            }
            None => {
                places.insert(name, kept.len());
                kept.push(entry.clone());
            }
        }
    }
    if kept.len() < entries.len() {
        *entries = kept;
    }
}

/// Whether there is a key that could be written in another way.
fn have_escapes(entries: &[Entry], source: &[u8]) -> bool {
    entries.iter().any(|entry| entry.key.within(source).contains(&b'\\'))
}

/// Whether no key is written like another.
fn differ(entries: &[Entry], source: &[u8]) -> bool {
    let keys = || entries.iter().map(|entry| entry.key.within(source));
    match entries.len() {
        // Faster than to hash them.
        0..=16 => keys().enumerate().all(|(at, key)| keys().take(at).all(|other| other != key)),
        many => keys().collect::<HashSet<_>>().len() == many,
    }
}
