//! What waits for a server leaves as one pipeline.
//!
//! Each request keeps what it was promised: its own limit of time, its own error, and whether it may be sent twice.

use std::pin::Pin;

use redis::{Cmd, Pipeline, Value};
use tokio::time::{Instant, timeout_at};

use super::words::Trouble;
use crate::lane::Passenger;

/// Commands that are all about one name: one, or two. It goes from hand to hand in a box, so that the futures on
/// its way are small.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) first: Cmd,
    pub(super) second: Option<Cmd>,
    /// They may be sent a second time where it is not known whether the first had an effect.
    pub(super) again: bool,
    /// When the time is up.
    pub(super) until: Instant,
}

/// What a server says to each of the two commands; what it was not asked is nothing.
pub(super) type Answer = Result<(Value, Value), Trouble>;

impl Request {
    /// How many bytes it is, about.
    pub(super) fn size(&self) -> usize {
        let size = |command: &Cmd| {
            let sizes = command.args_iter().map(|arg| match arg {
                redis::Arg::Simple(bytes) => bytes.len() + 8,
                _ => 8,
            });
            sizes.sum::<usize>()
        };
        size(&self.first) + self.second.as_ref().map_or(0, size)
    }
}

/// Those who are on their way together. A place whose passenger has got an answer is empty.
pub(super) struct Aboard {
    seats: Vec<Seat>,
}

struct Seat {
    passenger: Option<Passenger<Box<Request>, Answer>>,
    /// Whether there is a second command.
    has_two: bool,
}

impl Aboard {
    pub(super) fn new(passengers: Vec<Passenger<Box<Request>, Answer>>) -> Self {
        let seat = |passenger: Passenger<Box<Request>, Answer>| {
            let has_two = passenger.request.second.is_some();
            Seat { passenger: Some(passenger), has_two }
        };
        Self { seats: passengers.into_iter().map(seat).collect() }
    }

    /// Waits for something, and meanwhile tells those whose time is up. Nothing as soon as nobody waits any more.
    pub(super) async fn wait<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        on_late: impl Fn(),
    ) -> Option<T> {
        loop {
            let earliest = self.passengers().map(|passenger| passenger.request.until).min()?;
            match timeout_at(earliest, work.as_mut()).await {
                Ok(done) => return Some(done),
                Err(_) => {
                    on_late();
                    self.refuse(&Trouble::Late, |request| request.until <= earliest);
                }
            }
        }
    }

    /// All commands in their order. They are out of the requests until [`take_back`](Self::take_back).
    pub(super) fn pipeline(&mut self) -> Pipeline {
        self.seats.retain(|seat| seat.passenger.is_some());
        let mut pipeline = Pipeline::with_capacity(2 * self.seats.len());
        for passenger in self.seats.iter_mut().filter_map(|seat| seat.passenger.as_mut()) {
            pipeline.add_command(std::mem::take(&mut passenger.request.first));
            if let Some(second) = passenger.request.second.take() {
                pipeline.add_command(second);
            }
        }
        pipeline
    }

    /// Gives everybody the own answers.
    pub(super) fn answer(self, answers: Vec<Value>) {
        let mut answers = answers.into_iter();
        for seat in self.seats {
            let first = answers.next().unwrap_or(Value::Nil);
            let second = if seat.has_two { answers.next() } else { None };
            if let Some(passenger) = seat.passenger {
                passenger.answer(Ok((first, second.unwrap_or(Value::Nil))));
            }
        }
    }

    /// After a pipeline of which nobody knows what was done: who may be sent again stays aboard, and hears
    /// of the next trouble. The others hear of this one.
    pub(super) fn take_back(&mut self, pipeline: &Pipeline, trouble: &Trouble) {
        self.refuse(trouble, |request| !request.again);
        let mut commands = pipeline.cmd_iter();
        for seat in &mut self.seats {
            let first = commands.next();
            let second = if seat.has_two { commands.next() } else { None };
            if let (Some(passenger), Some(first)) = (&mut seat.passenger, first) {
                let Request { first: place, second: other, again, .. } = &mut *passenger.request;
                (*place, *other, *again) = (first.clone(), second.cloned(), false);
            }
        }
    }

    /// Tells some of those aboard that nothing comes of it.
    pub(super) fn refuse(&mut self, trouble: &Trouble, whom: impl Fn(&Request) -> bool) {
        for seat in &mut self.seats {
            let refused = seat.passenger.take_if(|passenger| whom(&passenger.request));
            if let Some(passenger) = refused {
                passenger.answer(Err(trouble.clone()));
            }
        }
    }

    fn passengers(&self) -> impl Iterator<Item = &Passenger<Box<Request>, Answer>> {
        self.seats.iter().filter_map(|seat| seat.passenger.as_ref())
    }
}
