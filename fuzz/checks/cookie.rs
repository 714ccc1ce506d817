//! Cookie headers, through the layer, to every kind of engine.

use std::convert::Infallible;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use http::{Request, Response};
use segue::engines::{EncryptedCookieStore, MemoryStore, SignedCookieStore};
use segue::{
    SessionHandle, SessionKey, SessionLayer, SessionStore, Sessions, Settings, SignedDuration,
};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::keyed::Keyed;
use super::{block_on, clock, settings};

/// In an input, the key of a session that is there.
const KEY: &[u8] = b"$K";

/// The lines are the `Cookie` headers of a request.
pub fn cookie(input: &[u8]) {
    thread_local! {
        static SITES: [Site; 3] = sites();
    }
    SITES.with(|sites| {
        for site in sites {
            let headers = site.headers(input);
            site.untouched(&headers);
            site.read(&headers);
            site.write(&headers);
        }
    });
}

struct Site {
    layer: SessionLayer,
    /// Of a session with `"mark": "found"`.
    key: SessionKey,
}

/// What a handler does with its session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handler {
    Nothing,
    Read,
    Write,
}

/// Whether the handler had a session with something in it.
#[derive(Clone, Copy)]
struct Found(bool);

fn sites() -> [Site; 3] {
    let (settings, clock) = (settings(), clock());
    let signed = SignedCookieStore::with_clock(&settings, clock.clone()).expect("good settings");
    let sealed = EncryptedCookieStore::with_clock(&settings, clock.clone()).expect("good settings");
    [
        Site::new(MemoryStore::with_clock(clock), &settings),
        Site::new(signed, &settings),
        Site::new(sealed, &settings),
    ]
}

impl Site {
    fn new(store: impl SessionStore, settings: &Settings) -> Self {
        let clock = clock();
        let sessions =
            Sessions::with_clock(Keyed(store), settings, clock.clone()).expect("good settings");
        let later = clock.now() + SignedDuration::from_secs(sessions.cookie_age());
        let data = segue::SessionData::parse(r#"{"mark":"found"}"#).expect("a JSON object");
        let payload = sessions.codec().encode(&data).expect("a short session");
        let key = block_on(sessions.store().create(&payload, later)).expect("a store in memory");
        Self { layer: SessionLayer::from_sessions(sessions, settings).expect("good settings"), key }
    }

    fn headers(&self, input: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let mut rest = line;
            let mut text = Vec::with_capacity(line.len());
            while let Some(at) = rest.windows(KEY.len()).position(|window| window == KEY) {
                text.extend_from_slice(&rest[..at]);
                text.extend_from_slice(self.key.expose().as_bytes());
                rest = &rest[at + KEY.len()..];
            }
            text.extend_from_slice(rest);
            // What is no header is refused by every server before it gets to us.
            if let Ok(header) = HeaderValue::from_bytes(&text) {
                headers.append(COOKIE, header);
            }
        }
        headers
    }

    /// The response, and whether the handler had a session with something in it.
    fn answer(&self, headers: &HeaderMap, handler: Handler) -> (HeaderMap, bool) {
        let service = service_fn(move |request: Request<()>| async move {
            let handle = request.extensions().get::<SessionHandle>().expect("the layer's").clone();
            let mut found = false;
            if handler != Handler::Nothing {
                let session = handle.load().await.expect("a store in memory");
                let mark = session.get::<String>("mark").expect("a text");
                found = mark.is_some();
                assert_eq!(session.is_empty(), !found, "either ours or none");
                if handler == Handler::Write {
                    session.insert("mark", "written").expect("a text");
                }
            }
            let mut response = Response::new(());
            response.extensions_mut().insert(Found(found));
            Ok::<_, Infallible>(response)
        });
        let mut request = Request::new(());
        *request.headers_mut() = headers.clone();
        let Ok(response) = block_on(self.layer.layer(service).oneshot(request));
        assert!(response.status().is_success(), "{}", response.status());
        let found = response.extensions().get::<Found>().expect("the handler's response").0;
        (response.into_parts().0.headers, found)
    }

    fn untouched(&self, headers: &HeaderMap) {
        let (answer, _) = self.answer(headers, Handler::Nothing);
        assert!(answer.is_empty(), "nobody looked at the session: {answer:?}");
    }

    fn read(&self, headers: &HeaderMap) {
        let (answer, found) = self.answer(headers, Handler::Read);
        assert_eq!(answer[VARY], "Cookie");
        let cookies = set_cookies(&answer);
        if found {
            assert!(contains(headers, self.key.expose()), "only who has the key has the session");
            assert!(cookies.is_empty(), "nothing was written: {cookies:?}");
        } else {
            let removed = |cookie: &&str| {
                cookie.starts_with("sessionid=\"\"; ") && cookie.contains("Max-Age=0")
            };
            assert!(cookies.iter().all(removed), "nothing was written: {cookies:?}");
            let was_sent = contains(headers, "sessionid");
            assert!(cookies.len() <= usize::from(was_sent), "{cookies:?}");
        }
    }

    fn write(&self, headers: &HeaderMap) {
        let (answer, found) = self.answer(headers, Handler::Write);
        assert_eq!(answer[VARY], "Cookie");
        let cookies = set_cookies(&answer);
        let [cookie] = cookies[..] else { panic!("one cookie is set: {cookies:?}") };
        let value = cookie.strip_prefix("sessionid=").and_then(|rest| rest.split(';').next());
        let value = value.expect("the session's cookie");
        if self.layer.sessions().store().guarantees().in_cookie {
            assert!(SessionKey::sealed(value).is_some());
            return;
        }
        if found {
            assert_eq!(value, self.key.expose());
        } else {
            assert!(SessionKey::parse(value).is_some());
            assert!(!contains(headers, value), "no key of the visitor's is adopted");
            // So that a long run does not fill the memory.
            let key = SessionKey::parse(value).expect("a key");
            block_on(self.layer.sessions().delete(&key)).expect("a store in memory");
        }
    }
}

fn set_cookies(headers: &HeaderMap) -> Vec<&str> {
    let cookies = headers.get_all(SET_COOKIE).iter();
    cookies.map(|cookie| cookie.to_str().expect("a cookie is ASCII")).collect()
}

fn contains(headers: &HeaderMap, text: &str) -> bool {
    let mut cookies = headers.get_all(COOKIE).iter();
    cookies.any(|cookie| cookie.as_bytes().windows(text.len()).any(|part| part == text.as_bytes()))
}
