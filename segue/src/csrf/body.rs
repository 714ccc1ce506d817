//! A request's body, after the token was looked for in it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::spool::Replay;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pin_project! {
    /// The body of a request that was let pass: whole and in order, although a part of it was read
    /// before.
    pub struct CsrfBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        Untouched { #[pin] body: B },
        Searched { searched: Searched<B> },
    }
}

/// What was read of a body.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) replay: Option<Replay>,
    /// What was read last and did not have to wait anywhere: the piece with the token, trailers, or
    /// an error.
    pub(super) last: Option<Result<Frame<Bytes>, BoxError>>,
}

/// A body, and what was read of it already.
struct Searched<B> {
    beginning: Beginning,
    rest: Source<B>,
}

/// A body as it comes in: first the check reads it, then the handler.
pub(super) struct Source<B> {
    /// Nothing after its end, because a body may panic when it is asked again.
    body: Option<Pin<Box<B>>>,
    begun: bool,
}

impl<B> CsrfBody<B> {
    pub(super) fn untouched(body: B) -> Self {
        Self { kind: Kind::Untouched { body } }
    }

    pub(super) fn searched(beginning: Beginning, rest: Source<B>) -> Self {
        Self { kind: Kind::Searched { searched: Searched { beginning, rest } } }
    }
}

#[cfg(feature = "axum")]
impl CsrfBody<axum::body::Body> {
    /// As axum has bodies: without a box around it, if nothing was read of it.
    pub(crate) fn into_body(self) -> axum::body::Body {
        match self.kind {
            Kind::Untouched { body } => body,
            kind @ Kind::Searched { .. } => axum::body::Body::new(Self { kind }),
        }
    }
}

impl<B> Body for CsrfBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProjection::Untouched { body } => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            KindProjection::Searched { searched } => searched.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Untouched { body } => body.is_end_stream(),
            Kind::Searched { searched } => searched.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Untouched { body } => body.size_hint(),
            Kind::Searched { searched } => searched.size_hint(),
        }
    }
}

impl<B> Searched<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Beginning { replay, last } = &mut self.beginning;
        if let Some(waited) = replay {
            if let Some(piece) = ready!(waited.poll_next(cx))? {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            // Its room is free for others from now on, however long the rest may take.
            *replay = None;
        }
        if let Some(frame) = last.take() {
            return Poll::Ready(Some(frame));
        }
        self.rest.poll_frame(cx)
    }

    /// How many bytes were read and are not given away yet.
    fn read(&self) -> u64 {
        let Beginning { replay, last } = &self.beginning;
        let piece = last.as_ref().and_then(|last| last.as_ref().ok()?.data_ref());
        let last = piece.map_or(0, |piece| piece.len() as u64);
        replay.as_ref().map_or(0, Replay::len) + last
    }

    fn is_end_stream(&self) -> bool {
        self.read() == 0 && self.beginning.last.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (read, rest) = (self.read(), self.rest.size_hint());
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(rest.lower().saturating_add(read));
        hint
    }
}

impl<B> Source<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(body: B) -> Self {
        Self { body: Some(Box::pin(body)), begun: false }
    }

    /// Whether it was asked for: then a client that waits for a word before it sends had that word.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    pub(super) async fn frame(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.begun = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(body.as_mut().poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> fmt::Debug for CsrfBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfBody").finish_non_exhaustive()
    }
}
