//! Natural batching: while some requests are on their way, those that come wait together and leave
//! as one.
//!
//! No timer: whoever finds a free flight leaves at once, with those who are ready to ask as well. A flight
//! belongs to nobody who waits, so that one of them may go away and the rest notice nothing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Where requests wait for their flight. Clones are the same lane.
pub(crate) struct Lane<Q, A> {
    state: Arc<Mutex<State<Q, A>>>,
    bounds: Bounds,
    #[cfg(feature = "mysql")]
    somebody_waits: Arc<tokio::sync::Notify>,
}

/// How much there may be of everything, so that a store that is too slow costs answers and not memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// So many flights at once.
    pub(crate) flights: usize,
    /// So many requests in one of them.
    pub(crate) together: usize,
    /// And so many bytes, unless one alone has more.
    pub(crate) bytes: usize,
    /// So many that wait.
    pub(crate) waiting: usize,
}

struct State<Q, A> {
    waiting: VecDeque<Passenger<Q, A>>,
    /// The bytes of those who wait.
    bytes: usize,
    flights: usize,
    /// So many of the flights were started and have not taken off yet.
    boarding: usize,
}

/// A request, and who waits for its answer.
pub(crate) struct Passenger<Q, A> {
    pub(crate) request: Q,
    size: usize,
    reply: oneshot::Sender<A>,
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too many wait already. Nothing was done.
    Full,
    /// The flight has ended without one; nobody knows what was done.
    Lost,
}

/// A flight under way. It must take off until nobody waits any more.
pub(crate) struct Flight<Q, A> {
    lane: Lane<Q, A>,
    has_boarded: bool,
    is_over: bool,
}

impl<Q, A> Lane<Q, A> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, flights: 0, boarding: 0 };
        Self {
            state: Arc::new(Mutex::new(state)),
            bounds,
            #[cfg(feature = "mysql")]
            somebody_waits: Arc::default(),
        }
    }

    /// Waits for the answer to a request of so many bytes. Where one more flight may leave, and none that is about
    /// to has a seat, `start` starts it.
    pub(crate) async fn ask(
        &self,
        request: Q,
        size: usize,
        start: impl FnOnce(Flight<Q, A>),
    ) -> Result<A, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let may_start = {
            let mut state = self.lock();
            if state.waiting.len() >= self.bounds.waiting {
                return Err(NoAnswer::Full);
            }
            state.waiting.push_back(Passenger { request, size, reply });
            state.bytes += size;
            let may_start = state.flights < self.bounds.flights && !self.bounds.have_seats(&state);
            state.flights += usize::from(may_start);
            state.boarding += usize::from(may_start);
            may_start
        };
        if may_start {
            start(Flight { lane: self.clone(), has_boarded: false, is_over: false });
        } else {
            #[cfg(feature = "mysql")]
            self.somebody_waits.notify_one();
        }
        answer.await.map_err(|_| NoAnswer::Lost)
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounds {
    /// Whether all who wait fit into the flights that are about to leave.
    fn have_seats<Q, A>(&self, state: &State<Q, A>) -> bool {
        state.waiting.len() <= self.together.saturating_mul(state.boarding)
            && state.bytes <= self.bytes.saturating_mul(state.boarding)
    }
}

impl<Q, A> Flight<Q, A> {
    /// Those who leave now; nothing where nobody waits, and the flight is over. Whoever has gone away
    /// stays behind.
    pub(crate) fn board(&mut self) -> Option<Vec<Passenger<Q, A>>> {
        let mut state = self.lane.lock();
        if !std::mem::replace(&mut self.has_boarded, true) {
            state.boarding -= 1;
        }
        let Bounds { together, bytes, .. } = self.lane.bounds;
        let mut aboard = Vec::with_capacity(together.min(state.waiting.len()));
        let mut room = bytes;
        while aboard.len() < together
            && let Some(passenger) = state.waiting.pop_front()
        {
            if passenger.size > room && !aboard.is_empty() && !passenger.reply.is_closed() {
                state.waiting.push_front(passenger);
                break;
            }
            state.bytes -= passenger.size;
            if passenger.reply.is_closed() {
                continue;
            }
            room = room.saturating_sub(passenger.size);
            aboard.push(passenger);
        }
        if aboard.is_empty() {
            state.flights -= 1;
            self.is_over = true;
            return None;
        }
        Some(aboard)
    }
}

impl<Q, A> Flight<Q, A> {
    /// As [`board`](Self::board), when all who are ready to ask have asked: they are many where the runtime has much
    /// to do, and where it has nothing to do nobody waits for them.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) async fn board_all_ready(&mut self) -> Option<Vec<Passenger<Q, A>>> {
        tokio::task::yield_now().await;
        self.board()
    }

    /// Until somebody waits for one of the flights, or does so already.
    #[cfg(feature = "mysql")]
    pub(crate) async fn somebody_waits(&self) {
        // Who was left behind for want of a seat has been told of before.
        if self.lane.lock().waiting.is_empty() {
            self.lane.somebody_waits.notified().await;
        }
    }
}

impl<Q, A> Passenger<Q, A> {
    /// Gives the answer to whoever waits, if somebody still does.
    pub(crate) fn answer(self, answer: A) {
        let _ = self.reply.send(answer);
    }
}

/// A flight that crashed, by a panic or the end of the runtime: nobody is left waiting for it.
impl<Q, A> Drop for Flight<Q, A> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state = self.lane.lock();
            state.flights -= 1;
            state.boarding -= usize::from(!self.has_boarded);
            if state.flights == 0 {
                state.waiting.clear();
                state.bytes = 0;
            }
        }
    }
}

impl<Q, A> Clone for Lane<Q, A> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            bounds: self.bounds,
            #[cfg(feature = "mysql")]
            somebody_waits: Arc::clone(&self.somebody_waits),
        }
    }
}

/// What waits may be secret.
impl<Q, A> fmt::Debug for Lane<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    const ONE_BY_ONE: Bounds = Bounds { flights: 1, together: 10, bytes: 100, waiting: 3 };

    type Numbers = Lane<u32, u32>;

    /// Asks, and polls once, so that the request waits.
    macro_rules! asked {
        ($lane:expr, $request:expr, $flights:expr) => {{
            let flights = $flights.clone();
            let mut asked =
                Box::pin($lane.ask($request, 40, move |flight| flights.send(flight).unwrap()));
            assert!(matches!(poll(asked.as_mut()), Poll::Pending));
            asked
        }};
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }

    fn requests(aboard: &[Passenger<u32, u32>]) -> Vec<u32> {
        aboard.iter().map(|passenger| passenger.request).collect()
    }

    #[test]
    fn who_comes_while_one_is_on_its_way_leaves_with_the_next() {
        let lane = Numbers::new(ONE_BY_ONE);
        let (start, started) = mpsc::channel();
        let mut first = asked!(lane, 1, start);
        let mut flight = started.try_recv().unwrap();
        let aboard = flight.board().unwrap();
        assert_eq!(requests(&aboard), [1]);
        let (mut second, third) = (asked!(lane, 2, start), asked!(lane, 3, start));
        let mut fourth = asked!(lane, 4, start);
        assert!(started.try_recv().is_err(), "there is one flight at a time");
        aboard.into_iter().for_each(|passenger| passenger.answer(10));
        assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(10)));
        // One goes away, and the rest notice nothing.
        drop(third);
        let aboard = flight.board().unwrap();
        assert_eq!(requests(&aboard), [2, 4]);
        for passenger in aboard {
            let answer = passenger.request * 10;
            passenger.answer(answer);
        }
        assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(20)));
        assert_eq!(poll(fourth.as_mut()), Poll::Ready(Ok(40)));
        assert!(flight.board().is_none());
        let _next = asked!(lane, 5, start);
        assert!(started.try_recv().is_ok(), "the flight was over, so there is a new one");
    }

    /// The runtime has to look at its sockets before it knows who is ready.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    #[tokio::test]
    async fn who_is_ready_to_ask_comes_along() {
        let lane = Numbers::new(Bounds { waiting: 9, bytes: 1000, ..ONE_BY_ONE });
        let (tell, told) = mpsc::channel();
        let mut all = tokio::task::JoinSet::new();
        for number in 0..5 {
            let (lane, tell) = (lane.clone(), tell.clone());
            let here = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            here.set_nonblocking(true).unwrap();
            here.send_to(b"x", here.local_addr().unwrap()).unwrap();
            let here = tokio::net::UdpSocket::from_std(here).unwrap();
            all.spawn(async move {
                if number > 0 {
                    here.readable().await.unwrap();
                }
                let fly = |mut flight: Flight<u32, u32>| {
                    drop(tokio::spawn(async move {
                        while let Some(aboard) = flight.board_all_ready().await {
                            tell.send(requests(&aboard)).unwrap();
                            aboard.into_iter().for_each(|passenger| passenger.answer(1));
                        }
                    }));
                };
                lane.ask(number, 40, fly).await.unwrap()
            });
        }
        assert_eq!(all.join_all().await, [1; 5]);
        let mut together = told.try_recv().unwrap();
        together.sort_unstable();
        assert_eq!(together, [0, 1, 2, 3, 4]);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn more_than_can_wait_are_told_at_once() {
        let lane = Numbers::new(ONE_BY_ONE);
        let (start, _started) = mpsc::channel();
        let _waiting: Vec<_> = (0..3).map(|number| asked!(lane, number, start)).collect();
        let mut refused = Box::pin(lane.ask(4, 0, |_| panic!("there is a flight already")));
        assert_eq!(poll(refused.as_mut()), Poll::Ready(Err(NoAnswer::Full)));
    }

    #[test]
    fn no_more_leave_together_than_may() {
        let lane = Numbers::new(Bounds { together: 2, ..ONE_BY_ONE });
        let (start, started) = mpsc::channel();
        let _waiting: Vec<_> = (0..3).map(|number| asked!(lane, number, start)).collect();
        let mut flight = started.try_recv().unwrap();
        assert_eq!(requests(&flight.board().unwrap()), [0, 1]);
        assert_eq!(requests(&flight.board().unwrap()), [2]);
        for bytes in [100, 39] {
            let lane = Numbers::new(Bounds { bytes, ..ONE_BY_ONE });
            let _waiting: Vec<_> = (0..3).map(|number| asked!(lane, number, start)).collect();
            let mut flight = started.try_recv().unwrap();
            let aboard = requests(&flight.board().unwrap());
            assert_eq!(aboard.len(), (bytes / 40).max(1), "{aboard:?}");
            assert_eq!(aboard[0], 0);
            assert_eq!(
                requests(&flight.board().unwrap())[0],
                aboard.len() as u32,
                "in their order"
            );
        }
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn a_flight_hears_of_those_who_wait_and_of_those_it_left_behind() {
        let lane = Numbers::new(Bounds { bytes: 39, ..ONE_BY_ONE });
        let (start, started) = mpsc::channel();
        let _first = asked!(lane, 1, start);
        let mut flight = started.try_recv().unwrap();
        let aboard = flight.board().unwrap();
        let is_told = |flight: &Flight<u32, u32>| poll(std::pin::pin!(flight.somebody_waits()));
        assert_eq!(is_told(&flight), Poll::Pending);
        let (_second, _third) = (asked!(lane, 2, start), asked!(lane, 3, start));
        assert_eq!(is_told(&flight), Poll::Ready(()));
        drop(aboard);
        assert_eq!(requests(&flight.board().unwrap()), [2]);
        for _ in 0..3 {
            assert_eq!(is_told(&flight), Poll::Ready(()), "there was no seat for one of them");
        }
    }

    #[test]
    fn a_crash_leaves_nobody_waiting() {
        let lane = Numbers::new(ONE_BY_ONE);
        let (start, started) = mpsc::channel();
        let mut first = asked!(lane, 1, start);
        let mut flight = started.try_recv().unwrap();
        let aboard = flight.board().unwrap();
        let mut second = asked!(lane, 2, start);
        drop((aboard, flight));
        assert_eq!(poll(first.as_mut()), Poll::Ready(Err(NoAnswer::Lost)));
        assert_eq!(poll(second.as_mut()), Poll::Ready(Err(NoAnswer::Lost)));
        let _third = asked!(lane, 3, start);
        assert!(started.try_recv().is_ok(), "its place is free again");
    }

    #[test]
    fn a_few_may_fly_at_once() {
        let lane = Numbers::new(Bounds { flights: 2, ..ONE_BY_ONE });
        let (start, started) = mpsc::channel();
        let _first = asked!(lane, 1, start);
        let mut one = started.try_recv().unwrap();
        assert_eq!(requests(&one.board().unwrap()), [1]);
        let _second = asked!(lane, 2, start);
        let mut two = started.try_recv().unwrap();
        assert_eq!(requests(&two.board().unwrap()), [2]);
        let _third = asked!(lane, 3, start);
        assert!(started.try_recv().is_err(), "both are on their way");
        assert!(two.board().is_some() && two.board().is_none());
        let _fourth = asked!(lane, 4, start);
        assert!(started.try_recv().is_ok(), "one of them is over");
    }

    #[test]
    fn who_has_a_seat_in_the_next_flight_starts_none() {
        for (bounds, seats) in [
            (Bounds { flights: 9, waiting: 9, ..ONE_BY_ONE }, 2),
            (Bounds { flights: 9, waiting: 9, together: 1, ..ONE_BY_ONE }, 1),
        ] {
            let lane = Numbers::new(bounds);
            let (start, started) = mpsc::channel();
            let _waiting: Vec<_> = (0..4).map(|number| asked!(lane, number, start)).collect();
            let flights: Vec<_> = started.try_iter().collect();
            assert_eq!(flights.len(), 4 / seats, "of 40 bytes each, and 100 in a flight");
            for mut flight in flights {
                assert_eq!(flight.board().unwrap().len(), seats);
            }
        }
        // One that never took off left its passengers to the next.
        let lane = Numbers::new(Bounds { flights: 2, ..ONE_BY_ONE });
        let (start, started) = mpsc::channel();
        let _first = asked!(lane, 1, start);
        let mut one = started.try_recv().unwrap();
        assert_eq!(requests(&one.board().unwrap()), [1]);
        let _second = asked!(lane, 2, start);
        drop(started.try_recv().unwrap());
        let _third = asked!(lane, 3, start);
        let mut two = started.try_recv().unwrap();
        assert_eq!(requests(&two.board().unwrap()), [2, 3]);
    }
}
