//! Saving a session so that no change of anybody is lost and no logout is undone.

use std::time::Duration;

use super::handle::SessionHandle;
use super::state::{State, Stored};
use super::turns::Turn;
use crate::data::{SessionData, StepError};
use crate::error::{SessionError, SessionErrorKind, StoreError, StoreErrorKind};
use crate::expiry::Expiry;
use crate::key::SessionKey;
use crate::store::{Record, Replaced, SessionStore as _};

/// A refused swap proves that somebody else's succeeded, and of a process's own writers one at a time
/// tries: so of n processes each needs n rounds or so. This many are no crowd but a fault.
const MOST_ROUNDS: u32 = 1000;

/// From this round on a writer waits a little, at random, so that a crowd of processes spreads out.
const PATIENT_ROUNDS: u32 = 3;

/// A session on its way to the store: a copy, because the request may go on changing it.
struct Work {
    data: SessionData,
    /// How much of the log the copy has.
    changes: usize,
    flushes: u64,
    cycles: u64,
    /// Nothing of the request's is in it but the time of its use.
    only_stamped: bool,
}

impl Work {
    fn of(state: &mut State) -> Self {
        state.marked = false;
        Self {
            data: state.data.clone(),
            changes: state.data.changes(),
            flushes: state.flushes,
            cycles: state.cycles,
            only_stamped: false,
        }
    }
}

/// Saves whatever is not saved yet; `renew` moves the deadline even if nothing was changed.
pub(super) async fn save(handle: &SessionHandle, renew: bool) -> Result<(), SessionError> {
    let _turn = handle.opened().saving.lock().await;
    refuse_if_too_late(handle)?;
    delete_ended(handle).await?;
    let (stored, cycle, changed, marked, mut work) = {
        let mut state = handle.state();
        let (changed, marked) = (state.data.changes() > 0, state.marked);
        (state.stored.clone(), state.cycle.is_some(), changed, marked, Work::of(&mut state))
    };
    if stored.is_none() && work.data.is_empty() {
        return Ok(());
    }
    let stamped = handle.stamp(&mut work.data);
    let only_read = !cycle && !changed && !marked;
    let saved = match stored {
        None => create(handle, &work.data).await,
        Some(stored) if cycle => move_to_new_key(handle, stored, &mut work).await,
        Some(stored) if changed || marked || (renew && stamped) => {
            replace(handle, stored, &mut work).await
        }
        Some(stored) if renew && handle.touch_is_due(&work.data, &stored.record) => {
            touch(handle, stored, &mut work).await
        }
        Some(stored) if stamped => stamp(handle, stored, &mut work).await,
        Some(_) => return Ok(()),
    };
    match saved {
        Ok(stored) => {
            commit(handle, stored, work)?;
            delete_ended(handle).await
        }
        // The visitor only read, so nothing of theirs is lost with the session.
        Err(error) if only_read && error.kind() == SessionErrorKind::Interrupted => Ok(()),
        Err(error) => {
            let mut state = handle.state();
            state.marked |= marked;
            if error.kind() == SessionErrorKind::Interrupted {
                // It is gone for good: to try again at the end of the request would be in vain.
                state.give_up(handle.sessions().codec());
            }
            Err(error)
        }
    }
}

/// A session that is its cookie cannot be saved once the response has gone, and nobody may believe
/// that it was.
fn refuse_if_too_late(handle: &SessionHandle) -> Result<(), SessionError> {
    let gone = handle.opened().is_answered();
    if !gone || !handle.sessions().store().guarantees().in_cookie {
        return Ok(());
    }
    let mut state = handle.state();
    if !state.has_unsaved_changes() {
        return Ok(());
    }
    state.give_up(handle.sessions().codec());
    let message = "the session is its cookie, and the response that sets it has gone: save before \
                   that, or choose a SESSION_ENGINE that stores sessions on the server";
    Err(StoreError::new(StoreErrorKind::Unsupported, message).into())
}

/// Takes over what the store now holds, and keeps what the request changed since.
fn commit(handle: &SessionHandle, stored: Stored, work: Work) -> Result<(), SessionError> {
    let mut state = handle.state();
    if state.flushes != work.flushes {
        // Flushed while it was being saved: what was saved is to go as well.
        state.ended.push(stored.key);
        return Ok(());
    }
    let mut data = work.data;
    data.forget_changes();
    state.data.advance(data, work.changes).map_err(step_failed)?;
    let has_cookie = state.stored.as_ref().is_some_and(|seen| seen.key == stored.key);
    state.cookie_due |= !(work.only_stamped && has_cookie);
    state.stored = Some(stored);
    if state.cycles == work.cycles {
        state.cycle = None;
    }
    Ok(())
}

async fn delete_ended(handle: &SessionHandle) -> Result<(), SessionError> {
    loop {
        let Some(key) = handle.state().ended.last().cloned() else { return Ok(()) };
        handle.sessions().store().delete(&key).await?;
        handle.state().ended.retain(|ended| *ended != key);
    }
}

async fn create(handle: &SessionHandle, data: &SessionData) -> Result<Stored, SessionError> {
    let record = encode(handle, data)?;
    let key = handle.sessions().store().create(record.payload(), record.expires_at()).await?;
    Ok(Stored { key, record })
}

/// Moves the deadline alone; when somebody else was faster, to that of what they left.
async fn touch(
    handle: &SessionHandle,
    stored: Stored,
    work: &mut Work,
) -> Result<Stored, SessionError> {
    let Stored { key, record: mut seen } = stored;
    let mut race = Race::of(handle, &key);
    loop {
        let expires_at = deadline(handle, &work.data);
        match handle.sessions().store().touch(&key, &seen, expires_at).await? {
            Replaced::Saved(saved) => {
                let record = seen.until(expires_at);
                race.won(&record);
                return Ok(Stored { key: saved, record });
            }
            Replaced::Gone => return Err(SessionError::interrupted()),
            Replaced::Conflict => seen = race.rebase(work).await?,
        }
    }
}

/// Writes down that the session is used, and leaves its deadline where it is: a time limit makes no
/// session live longer. When somebody else was faster, they may have written the same.
async fn stamp(
    handle: &SessionHandle,
    stored: Stored,
    work: &mut Work,
) -> Result<Stored, SessionError> {
    work.only_stamped = true;
    let store = handle.sessions().store();
    let Stored { key, record: mut seen } = stored;
    let mut race = Race::of(handle, &key);
    loop {
        let record = encode_until(handle, &work.data, seen.expires_at())?;
        match store.replace(&key, &seen, record.payload(), record.expires_at()).await? {
            Replaced::Saved(saved) => {
                race.won(&record);
                return Ok(Stored { key: saved, record });
            }
            Replaced::Gone => return Err(SessionError::interrupted()),
            Replaced::Conflict => (seen, work.data) = race.theirs().await?,
        }
        if !handle.stamp(&mut work.data) {
            race.won(&seen);
            return Ok(Stored { key: key.clone(), record: seen });
        }
    }
}

/// Compare and swap; when somebody else was faster, the same changes again on what they left.
async fn replace(
    handle: &SessionHandle,
    stored: Stored,
    work: &mut Work,
) -> Result<Stored, SessionError> {
    let store = handle.sessions().store();
    let Stored { key, record: mut seen } = stored;
    let mut race = Race::of(handle, &key);
    if let Some(theirs) = race.join(work).await? {
        seen = theirs;
    }
    loop {
        let record = encode(handle, &work.data)?;
        match store.replace(&key, &seen, record.payload(), record.expires_at()).await? {
            Replaced::Saved(saved) => {
                race.won(&record);
                return Ok(Stored { key: saved, record });
            }
            Replaced::Gone => return Err(SessionError::interrupted()),
            Replaced::Conflict => seen = race.rebase(work).await?,
        }
    }
}

/// Gives the session a new key, for a change of privilege: who knew the old one knows nothing.
///
/// The new record is made first and the old one ended by compare-and-swap: a request that saves
/// under the old key either comes before that, and its changes are taken along, or finds the
/// session gone; none is told "saved" and lost. Whoever cancels this leaves a whole session.
async fn move_to_new_key(
    handle: &SessionHandle,
    stored: Stored,
    work: &mut Work,
) -> Result<Stored, SessionError> {
    let store = handle.sessions().store();
    let Stored { key: old, record: mut seen } = stored;
    let mut new = create(handle, &work.data).await?;
    let ended = async {
        let mut race = Race::of(handle, &old);
        loop {
            let past = handle.sessions().clock().now();
            match store.replace(&old, &seen, seen.payload(), past).await? {
                Replaced::Saved(_) => return Ok(()),
                Replaced::Gone => return Err(SessionError::interrupted()),
                Replaced::Conflict => {
                    seen = race.rebase(work).await?;
                    let next = Stored { key: new.key.clone(), record: new.record.clone() };
                    new = replace(handle, next, work).await?;
                }
            }
        }
    };
    let ended: Result<(), SessionError> = ended.await;
    // The one that is left over is dead in both cases: nobody knows the new key, and the old
    // record has expired. So a failure here costs a row until the next clean-up, nothing else.
    let rest = if ended.is_ok() { &old } else { &new.key };
    if let Err(error) = store.delete(rest).await {
        tracing::warn!(error = crate::describe(&error), "a session record was left to expire");
    }
    ended.map(|()| new)
}

/// A save that others may come before.
struct Race<'r> {
    handle: &'r SessionHandle,
    key: &'r SessionKey,
    rounds: u32,
    /// From the first race that was lost.
    turn: Option<Turn<'r>>,
}

impl<'r> Race<'r> {
    fn of(handle: &'r SessionHandle, key: &'r SessionKey) -> Self {
        Self { handle, key, rounds: 0, turn: None }
    }

    /// Waits behind those who have lost a race, if there are any, and does our changes again on top of
    /// what the last of them has left.
    async fn join(&mut self, work: &mut Work) -> Result<Option<Record>, SessionError> {
        self.turn = self.handle.sessions().turns().take_if_any(self.key).await;
        let Some(theirs) = self.turn.as_mut().and_then(Turn::left) else { return Ok(None) };
        let data = self.decode(&theirs)?;
        work.data.rebase(data).map_err(step_failed)?;
        Ok(Some(theirs))
    }

    /// This was saved.
    fn won(&mut self, record: &Record) {
        if let Some(turn) = &mut self.turn {
            turn.leave(record);
        }
    }

    /// After a lost race does our changes again on top of what the other request left.
    async fn rebase(&mut self, work: &mut Work) -> Result<Record, SessionError> {
        let (theirs, data) = self.theirs().await?;
        work.data.rebase(data).map_err(step_failed)?;
        Ok(theirs)
    }

    /// After a lost race: what the other request left.
    async fn theirs(&mut self) -> Result<(Record, SessionData), SessionError> {
        if self.rounds >= PATIENT_ROUNDS {
            tokio::time::sleep(jitter(self.rounds)).await;
        }
        self.rounds += 1;
        if self.rounds >= MOST_ROUNDS {
            return Err(contended());
        }
        if !self.turn.as_ref().is_some_and(Turn::has_come) {
            let mut turn = self.handle.sessions().turns().take(self.key).await;
            let left = turn.left();
            self.turn = Some(turn);
            if let Some(theirs) = left {
                let data = self.decode(&theirs)?;
                return Ok((theirs, data));
            }
        }
        let theirs = self.handle.sessions().record(self.key).await?;
        let theirs = theirs.ok_or_else(SessionError::interrupted)?;
        let data = self.decode(&theirs)?;
        Ok((theirs, data))
    }

    fn decode(&self, theirs: &Record) -> Result<SessionData, SessionError> {
        self.handle.sessions().codec().decode_record(theirs).map_err(|error| {
            SessionError::new(
                SessionErrorKind::Unreadable,
                "another process has saved this session, and what it saved cannot be read",
            )
            .with_source(error)
        })
    }
}

/// Up to a few milliseconds, more of them in a larger crowd.
fn jitter(round: u32) -> Duration {
    let mut random = [0];
    // Without random bytes the crowd only spreads out less.
    let _ = getrandom::fill(&mut random);
    Duration::from_micros(u64::from(random[0]) * u64::from(round.min(40)))
}

fn encode(handle: &SessionHandle, data: &SessionData) -> Result<Record, SessionError> {
    encode_until(handle, data, deadline(handle, data))
}

fn encode_until(
    handle: &SessionHandle,
    data: &SessionData,
    expires_at: jiff::Timestamp,
) -> Result<Record, SessionError> {
    let made = handle.sessions().codec().encode_with(data, |bytes| Record::new(bytes, expires_at));
    made.map_err(|error| {
        let message = "the session is too large to be read again";
        SessionError::new(SessionErrorKind::TooLarge, message).with_source(error)
    })
}

fn deadline(handle: &SessionHandle, data: &SessionData) -> jiff::Timestamp {
    Expiry::of(data).date(handle.sessions().cookie_age(), handle.sessions().clock().now())
}

fn contended() -> SessionError {
    SessionError::new(
        SessionErrorKind::Contended,
        "other requests changed the session again and again while this one tried to save it",
    )
}

fn step_failed(error: StepError) -> SessionError {
    SessionError::new(
        SessionErrorKind::Value,
        "a step of `update` does not fit the value that another request saved",
    )
    .with_source(error)
}
