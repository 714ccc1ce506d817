//! What a request knows about its session.

use crate::codec::Codec;
use crate::data::SessionData;
use crate::key::SessionKey;
use crate::store::Record;

/// What a request knows about its session, behind one short lock.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What the store holds for us; nothing for a new session.
    pub(super) stored: Option<Stored>,
    pub(super) data: SessionData,
    /// `modified = True` was said, whatever the data.
    pub(super) marked: bool,
    /// A new key is wanted: the data as they were when it was asked for.
    pub(super) cycle: Option<SessionData>,
    /// Sessions that were flushed or have reached a time limit, and are still to be deleted.
    pub(super) ended: Vec<SessionKey>,
    /// Counts the flushes, so that a save can tell that one came while it waited for the store.
    pub(super) flushes: u64,
    /// Counts the calls for a new key, for the same reason.
    pub(super) cycles: u64,
    /// Something was saved, so the browser gets the cookie.
    pub(super) cookie_due: bool,
    /// The stored session is not readable, and not ours to remove.
    pub(super) unreadable: bool,
}

/// A session as the store holds it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) key: SessionKey,
    pub(super) record: Record,
}

impl State {
    /// No key and no data. Django's `is_empty`.
    pub(super) fn is_empty(&self) -> bool {
        self.stored.is_none() && self.data.is_empty()
    }

    pub(super) fn is_modified(&self) -> bool {
        self.marked || self.data.changes() > 0 || self.flushes > 0
    }

    /// Whether a save has anything to do.
    pub(super) fn is_dirty(&self) -> bool {
        !self.ended.is_empty() || self.has_unsaved_changes()
    }

    /// Whether the request did something that is not saved. What a time limit has ended is not its
    /// doing, and stays ended.
    pub(super) fn has_unsaved_changes(&self) -> bool {
        (self.flushes > 0 && !self.ended.is_empty())
            || self.cycle.is_some()
            || (!self.is_empty() && (self.marked || self.data.changes() > 0))
    }

    pub(super) fn flush(&mut self) {
        self.ended.extend(self.stored.take().map(|stored| stored.key));
        self.data = SessionData::new();
        self.marked = false;
        self.cycle = None;
        self.cookie_due = false;
        // Whoever asks for an end gets one, of the cookie at least.
        self.unreadable = false;
        self.flushes += 1;
    }

    pub(super) fn cycle_key(&mut self) {
        if self.stored.is_some() {
            self.cycle = Some(self.data.clone());
            self.cycles += 1;
        }
    }

    /// The response is a server error: as in Django nothing is saved, except what must not be
    /// lost, a flush and a new key with the data it was asked for with.
    pub(super) fn abandon_changes(&mut self, codec: &Codec) {
        self.marked = false;
        if let Some(data) = &self.cycle {
            self.data = data.clone();
        } else if self.data.changes() > 0 {
            // What is stored, so that a task that goes on with the session does not save the rest.
            let stored = self.stored.as_ref();
            let stored = stored.and_then(|stored| codec.decode_record(&stored.record).ok());
            self.data = stored.unwrap_or_default();
        }
    }

    /// Nothing more is to be saved.
    pub(super) fn give_up(&mut self, codec: &Codec) {
        self.cycle = None;
        self.ended.clear();
        self.abandon_changes(codec);
    }
}
