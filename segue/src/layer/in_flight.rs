//! A request on its way through the handler.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderValue, Response};

use super::Shared;
use crate::body::ResponseBody;
use crate::cookie::Found;
use crate::error::SessionError;
use crate::key::SessionKey;
use crate::session::{CookieChange, KeySource, Opened, RequestEnd, SessionHandle};

/// So many are kept by each thread for requests to come.
const SPARE: usize = 64;

thread_local! {
    /// What requests that are over have left, blank.
    static BLANK: RefCell<Vec<Arc<Opened<Cookies>>>> = const { RefCell::new(Vec::new()) };
}

/// A request on its way through the handler.
pub(super) struct InFlight {
    layer: Arc<Shared>,
    handle: SessionHandle,
    opened: Arc<Opened<Cookies>>,
}

/// The cookies of a request, which nobody has looked into yet.
#[derive(Default)]
struct Cookies {
    layer: Option<Arc<Shared>>,
    header: Option<HeaderValue>,
    found: OnceLock<Found>,
}

impl Cookies {
    fn find(&self) -> &Found {
        self.found.get_or_init(|| match (&self.layer, &self.header) {
            (Some(layer), Some(header)) => layer.cookie.find_in(header),
            _ => Found::Nothing,
        })
    }
}

impl KeySource for Cookies {
    fn key(&self) -> Option<&SessionKey> {
        match self.find() {
            Found::Key(key) => Some(key),
            Found::Nothing | Found::NoKey => None,
        }
    }
}

impl InFlight {
    /// A request with these headers.
    pub(super) fn new(layer: Arc<Shared>, headers: &HeaderMap) -> Self {
        let cookies = Cookies {
            header: layer.cookie.header(headers).cloned(),
            layer: Some(Arc::clone(&layer)),
            found: OnceLock::new(),
        };
        let opened = open(cookies);
        let handle = SessionHandle::new(layer.sessions.clone(), Arc::clone(&opened) as _);
        Self { layer, handle, opened }
    }

    pub(super) fn handle(&self) -> &SessionHandle {
        &self.handle
    }

    /// Whether a request that ended like this needs the store.
    pub(super) fn settle(&self, end: RequestEnd) -> bool {
        self.handle.settle(end)
    }

    /// The response as it goes out. If nobody looked at the session it is the one that came in.
    pub(super) fn finish<B>(self, response: Response<B>) -> Response<ResponseBody<B>> {
        let mut response = self.layer.error_page.replace(response);
        if self.handle.is_accessed() {
            self.write_cookie(&self.handle.cookie_change(), &mut response);
        }
        self.end();
        response
    }

    /// The page of an error. What was saved before it went wrong, under a new key perhaps, must
    /// reach the browser all the same; nothing is taken from it.
    pub(super) fn fail<B>(self, error: SessionError) -> Response<ResponseBody<B>> {
        let mut response = self.layer.error_page.respond(error);
        let change = match self.handle.cookie_change() {
            set @ CookieChange::Set { .. } => set,
            CookieChange::Keep | CookieChange::Remove => CookieChange::Keep,
        };
        self.write_cookie(&change, &mut response);
        self.end();
        response
    }

    fn write_cookie<B>(&self, change: &CookieChange, response: &mut Response<B>) {
        let was_sent = *self.opened.source().find() != Found::Nothing;
        self.layer.cookie.write(change, was_sent, response.headers_mut());
    }

    /// The response goes out. If nobody holds the session any more the next request can have its
    /// place in memory, with nothing of this one left in it.
    fn end(self) {
        let Self { handle, mut opened, .. } = self;
        handle.answered();
        drop(handle);
        let Some(over) = Arc::get_mut(&mut opened) else { return };
        *over = Opened::new(Cookies::default());
        // Where the thread ends there is nobody to keep it for.
        let _ = BLANK.try_with(|blank| {
            let mut blank = blank.borrow_mut();
            if blank.len() < SPARE {
                blank.push(opened);
            }
        });
    }
}

fn open(cookies: Cookies) -> Arc<Opened<Cookies>> {
    let blank = BLANK.try_with(|blank| blank.borrow_mut().pop()).ok().flatten();
    if let Some(mut blank) = blank
        && let Some(opened) = Arc::get_mut(&mut blank)
    {
        opened.set_source(cookies);
        return blank;
    }
    Arc::new(Opened::new(cookies))
}
