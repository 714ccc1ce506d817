//! Whether a request may pass: Django's order of questions.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, header};
use http_body::{Body, Frame};

use super::body::{Beginning, CsrfBody, Source};
use super::failure::{CsrfFailure, TokenSource};
use super::form::{FormKind, Search};
use super::rules::Rules;
use super::secret::Secret;
use super::spool::{IN_MEMORY, Room, SMALLEST, Spool};
use super::token::CsrfHandle;
use crate::error::{ConfigError, SessionError};
use crate::meta;
use crate::settings::Settings;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How much of a refused request is still read, so that browsers, which send their form before
/// they listen, get to see the answer.
const READ_OUT: usize = 256 * 1024;

/// For how long it is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many forms may wait on the disk at once with all that they may have.
const FULL_FORMS: u64 = 16;

/// What a request is checked by.
#[derive(Debug)]
pub(super) struct Check {
    rules: Rules,
    header: String,
    form_limit: u64,
    upload_limit: u64,
    room: Arc<Room>,
}

/// Why a request does not pass.
#[derive(Debug)]
pub(super) enum Refusal {
    Failure(CsrfFailure),
    /// The secret is in a session that cannot be loaded.
    Session(SessionError),
}

impl From<CsrfFailure> for Refusal {
    fn from(failure: CsrfFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Check {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let upload_limit = settings.csrf.search_max_size;
        let form_limit = settings.data_upload_max_memory_size;
        Ok(Self {
            rules: Rules::new(settings)?,
            header: settings.csrf.header(),
            form_limit,
            upload_limit,
            room: Room::new(
                settings.file_upload_temp_dir.as_deref(),
                upload_limit.max(form_limit).max(SMALLEST).saturating_mul(FULL_FORMS),
            ),
        })
    }

    /// Checks a request with a method that is not safe, and gives it back as its handler gets it.
    ///
    /// Source: `process_view` of `CsrfViewMiddleware`.
    pub(super) async fn request<B>(
        &self,
        request: Request<B>,
        handle: &CsrfHandle,
    ) -> Result<Request<CsrfBody<B>>, (Refusal, Parts)>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let verdict = self.rules.check(&request);
        let (parts, body) = request.into_parts();
        let mut body = Source::new(body);
        let passed = match verdict {
            Ok(()) if self.rules.want_token() => self.token(&parts, &mut body, handle).await,
            Ok(()) => Ok(Beginning::default()),
            Err(failure) => Err(failure.into()),
        };
        match passed {
            Ok(beginning) => Ok(Request::from_parts(parts, CsrfBody::searched(beginning, body))),
            Err(refusal) => {
                // Who waits for a word before sending is told no, and need not send.
                if body.is_begun() || !parts.headers.contains_key(header::EXPECT) {
                    read_out(body).await;
                }
                Err((refusal, parts))
            }
        }
    }

    /// Source: `_check_token`.
    async fn token<B>(
        &self,
        parts: &Parts,
        body: &mut Source<B>,
        handle: &CsrfHandle,
    ) -> Result<Beginning, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let secret = handle.presented().await?.map_err(CsrfFailure::BadCookie)?;
        let secret = secret.ok_or(CsrfFailure::NoCookie)?;
        let in_header = self.header_token(parts, &secret);
        let Some(mut search) = form(parts) else {
            in_header?;
            return Ok(Beginning::default());
        };
        let beginning = self.search(parts, body, &mut search, in_header.is_ok()).await?;
        // As in Django a form that breaks off has none, whatever was read of it.
        let broken = matches!(beginning.last, Some(Err(_)));
        match search.finish() {
            token if token.is_empty() || broken => in_header?,
            token => verify(&token, &secret, TokenSource::Form)?,
        }
        Ok(beginning)
    }

    fn header_token(&self, parts: &Parts, secret: &Secret) -> Result<(), CsrfFailure> {
        let token = meta::header(&parts.headers, &self.header).ok_or(CsrfFailure::TokenMissing)?;
        verify(&token, secret, TokenSource::Header(self.header.clone()))
    }

    /// Reads the body until the token is found. Where the header has the right one already, an
    /// upload is searched only as far as it does not have to wait on the disk.
    async fn search<B>(
        &self,
        parts: &Parts,
        body: &mut Source<B>,
        search: &mut Search,
        in_header: bool,
    ) -> Result<Beginning, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (limit, enough) = match search.kind() {
            FormKind::UrlEncoded => (self.form_limit, None),
            FormKind::Multipart => (self.upload_limit, in_header.then_some(IN_MEMORY as u64)),
        };
        if matches!(search.kind(), FormKind::UrlEncoded) && length(parts) > limit {
            return Err(CsrfFailure::TooLarge(limit).into());
        }
        let mut spool = Spool::new(&self.room);
        let mut last = None;
        while last.is_none() && enough.is_none_or(|enough| spool.len() < enough) {
            let Some(frame) = body.frame().await else { break };
            match frame.map(Frame::into_data) {
                Ok(Ok(piece)) if search.feed(&piece) => last = Some(Ok(Frame::data(piece))),
                Ok(Ok(piece)) if enough.is_none() && spool.len() + piece.len() as u64 > limit => {
                    return Err(CsrfFailure::TooLarge(limit).into());
                }
                Ok(Ok(piece)) => spool.push(&piece).await.map_err(|error| no_room(&error))?,
                Ok(Err(trailers)) => last = Some(Ok(trailers)),
                Err(error) => last = Some(Err(error)),
            }
        }
        let replay = Some(spool.replay().await.map_err(|error| no_room(&error))?);
        Ok(Beginning { replay, last })
    }
}

/// The search through a form that Django would look into.
fn form(parts: &Parts) -> Option<Search> {
    let content_type = meta::header(&parts.headers, "content-type")?;
    (parts.method == Method::POST).then(|| Search::new(&content_type))?
}

/// What the head says of the body's length.
fn length(parts: &Parts) -> u64 {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}

fn verify(token: &str, secret: &Secret, source: TokenSource) -> Result<(), CsrfFailure> {
    match Secret::parse(token) {
        Ok(token) if token.matches(secret) => Ok(()),
        Ok(_) => Err(CsrfFailure::WrongToken(source)),
        Err(fault) => Err(CsrfFailure::BadToken(source, fault)),
    }
}

fn no_room(error: &std::io::Error) -> CsrfFailure {
    tracing::error!(
        %error,
        "a form could not wait on the disk for its token; FILE_UPLOAD_TEMP_DIR says where it does"
    );
    CsrfFailure::NoRoom
}

/// Reads what is left of a refused request, if that is not much and does not take long.
async fn read_out<B>(mut body: Source<B>)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut rest = pin!(async move {
        let mut left = READ_OUT;
        while left > 0 {
            let Some(Ok(frame)) = body.frame().await else { return };
            left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
        }
    });
    // Most forms are there already, and need no clock.
    let at_once = poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx).is_ready())).await;
    if !at_once {
        // Who does not send does not get to see the page: that is all.
        let _ = tokio::time::timeout(PATIENCE, rest).await;
    }
}
