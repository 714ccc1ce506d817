//! What the log has of a request for another host. Alone in its program: `tracing` remembers for all
//! threads together whether a line is wanted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use http::{HeaderValue, Request, Response};
use segue::Settings;
use segue::host::AllowedHostsLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log is read on terminals and by programs: nobody writes lines or colours into it.
#[tokio::test]
async fn it_is_one_short_line() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let mut settings = Settings::new("secret");
    settings.allowed_hosts.push("example.com".to_owned());
    let served = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let service = AllowedHostsLayer::new(&settings).unwrap().layer(served);
    let ask = async |host: &str| {
        let mut request = Request::new(());
        request.headers_mut().insert("host", HeaderValue::from_bytes(host.as_bytes()).unwrap());
        service.clone().oneshot(request).await.unwrap().status()
    };

    assert_eq!(ask("example.com").await, 200);
    assert_eq!(log.take(), "", "what is served is no news");
    assert_eq!(ask("evil.example").await, 400);
    let text = log.take();
    assert!(text.contains("refused: the host \"evil.example\" is not in ALLOWED_HOSTS"), "{text}");
    assert_eq!(ask(&format!("evil\t\u{9b}31mé{}", "a".repeat(100_000))).await, 400);
    let text = log.take();
    assert!(text.contains(" WARN ") && text.contains("refused: \"evil\\t"), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert!(text.len() < 500 && text.contains('…'), "{text}");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
}
