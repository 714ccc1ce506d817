//! `set_expiry` in all its forms: both sides say the same to the microsecond, under one clock.

use std::time::Duration;

use segue::{Clock, Expiry, Session, SessionKey, Sessions, SignedDuration, Timestamp};
use serde_json::json;

use crate::place::{Place, SECRET, open, settings, start};
use crate::side::{Django, Expires};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Both sides on one database, with their clocks at the same time.
struct Both {
    place: Place,
    sessions: Sessions,
    django: Django,
    clock: Clock,
}

impl Both {
    /// With these values of `SESSION_COOKIE_AGE` and `SESSION_EXPIRE_AT_BROWSER_CLOSE`.
    async fn new(cookie_age: i64, at_browser_close: bool) -> Self {
        let place = Place::new().await;
        // A quarter of a second, so that what is rounded wrongly is seen.
        let clock = Clock::fixed(Timestamp::from_microsecond(1_700_000_000_250_000).unwrap());
        let mut settings = settings();
        settings.session.cookie_age = cookie_age;
        settings.session.expire_at_browser_close = at_browser_close;
        let sessions = place.sessions_with(&settings, clock.clone());
        let extra = json!({
            "SESSION_COOKIE_AGE": cookie_age,
            "SESSION_EXPIRE_AT_BROWSER_CLOSE": at_browser_close,
        });
        let mut django = Django::configured(json!({
            "database": place.path(), "secret_key": SECRET, "extra": extra,
        }));
        django.freeze(clock.now());
        Self { place, sessions, django, clock }
    }

    fn wait(&mut self, span: SignedDuration) {
        self.clock.advance(span);
        self.django.freeze(self.clock.now());
    }

    /// A session with this expiry, saved by Rust; and what Rust says of it before it does.
    async fn rust_sets(&self, expiry: Expiry) -> (SessionKey, Expires) {
        let session = start(&self.sessions).await;
        session.insert("saved", true).unwrap();
        session.set_expiry(expiry);
        let told = tell(&session);
        session.save().await.unwrap();
        (session.key().unwrap(), told)
    }

    fn django_sets(&mut self, expiry: &str) -> (SessionKey, Expires) {
        let (key, told) = self.django.expiry(None, Some(expiry), true);
        (key.unwrap(), told)
    }

    fn expire_date(&mut self, key: &SessionKey) -> String {
        self.django.row(key).unwrap().expire_date
    }

    /// Each side loads the session and says the same of it.
    async fn agree(&mut self, key: &SessionKey, what: &str) -> Expires {
        let told = tell(&open(&self.sessions, key).await);
        assert_eq!(self.django.expiry(Some(key), None, false).1, told, "{what}");
        told
    }
}

fn tell(session: &Session) -> Expires {
    Expires {
        age: session.expiry_age(),
        micros: session.expiry_date().as_microsecond(),
        at_browser_close: session.expires_at_browser_close(),
    }
}

fn date(micros: i64) -> Expiry {
    Timestamp::from_microsecond(micros).unwrap().into()
}

/// The same in Rust, in Python, and whether such a session is live.
fn forms() -> Vec<(Expiry, &'static str, bool)> {
    vec![
        (300.into(), "300", true),
        (1.into(), "1", true),
        (86_400_000.into(), "86400000", true),
        (0.into(), "0", true),
        ((-5).into(), "-5", false),
        (date(1_893_553_445_000_000), "datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)", true),
        (
            date(1_893_553_445_678_901),
            "datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)",
            true,
        ),
        // The same instant, on the clock of another place.
        (
            date(1_893_553_445_678_901),
            "datetime(2030, 1, 2, 8, 34, 5, 678901, tzinfo=timezone(timedelta(hours=5, minutes=30)))",
            true,
        ),
        // Less than a second from now, and gone by: whole seconds are rounded down.
        (date(1_700_000_001_000_000), "datetime.fromtimestamp(1700000001, timezone.utc)", true),
        (date(1_700_000_000_000_000), "datetime.fromtimestamp(1700000000, timezone.utc)", false),
        (date(1_000_000_000_000_000), "datetime.fromtimestamp(1000000000, timezone.utc)", false),
        (Duration::from_secs(3600).into(), "timedelta(hours=1)", true),
        (Duration::new(90, 1_000).into(), "timedelta(seconds=90, microseconds=1)", true),
        (Duration::from_secs(400 * 86_400).into(), "timedelta(days=400)", true),
        (Expiry::Default, "None", true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_agrees_with_djangos_defaults() {
    every_form_agrees(1_209_600, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_agrees_when_sessions_end_with_the_browser() {
    every_form_agrees(600, true).await;
}

async fn every_form_agrees(cookie_age: i64, at_browser_close: bool) {
    for (rust, python, live) in forms() {
        let mut both = Both::new(cookie_age, at_browser_close).await;
        let (ours, we_say) = both.rust_sets(rust).await;
        let (theirs, they_say) = both.django_sets(python);
        assert_eq!(we_say, they_say, "{python}");
        let (our_date, their_date) = (both.expire_date(&ours), both.expire_date(&theirs));
        assert_eq!(our_date, their_date, "{python}: the rows");
        if !live {
            for key in [&ours, &theirs] {
                assert_eq!(both.django.read(key), "{}", "{python}");
                assert!(!both.sessions.exists(key).await.unwrap(), "{python}");
            }
            continue;
        }
        for key in [&ours, &theirs] {
            assert_eq!(both.agree(key, python).await, we_say, "{python}: loaded");
        }
        every_form_agrees_later(&mut both, [ours, theirs], python).await;
    }
}

/// Seconds count from each save, dates do not move: whoever saves, and whoever wrote the expiry.
async fn every_form_agrees_later(both: &mut Both, keys: [SessionKey; 2], what: &str) {
    both.wait(SignedDuration::from_millis(500));
    let [ours, theirs] = keys;
    let expected = both.agree(&ours, what).await;
    assert_eq!(both.agree(&theirs, what).await, expected, "{what}: later");
    // Each saves the session of the other.
    both.django.expiry(Some(&ours), None, true);
    let session = open(&both.sessions, &theirs).await;
    session.insert("touched", true).unwrap();
    session.save().await.unwrap();
    let (our_date, their_date) = (both.expire_date(&ours), both.expire_date(&theirs));
    assert_eq!(our_date, their_date, "{what}: the rows, saved by the other");
    assert_eq!(both.agree(&ours, what).await, expected, "{what}: saved by Django");
    assert_eq!(both.agree(&theirs, what).await, expected, "{what}: saved by Rust");
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_slide_and_dates_stand() {
    let mut both = Both::new(1_209_600, false).await;
    let (sliding, before) = both.rust_sets(300.into()).await;
    let (standing, stands) = both.rust_sets(Duration::from_secs(300).into()).await;
    assert_eq!(before, stands, "at first they are the same");
    both.wait(MINUTE);
    for key in [&sliding, &standing] {
        both.django.expiry(Some(key), None, true);
    }
    assert_eq!(both.agree(&sliding, "slides").await.micros, before.micros + 60_000_000);
    assert_eq!(both.agree(&standing, "stands").await.micros, before.micros);
    both.wait(MINUTE * 4);
    assert_ne!(both.django.read(&sliding), "{}");
    assert_eq!(both.django.read(&standing), "{}");
    assert!(both.sessions.exists(&sliding).await.unwrap());
    assert!(!both.sessions.exists(&standing).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_can_take_an_expiry_back() {
    let mut both = Both::new(1_209_600, false).await;
    let (key, _) = both.rust_sets(300.into()).await;
    both.django.expiry(Some(&key), Some("None"), true);
    assert_eq!(both.agree(&key, "taken back by Django").await.age, 1_209_600);
    let (key, _) = both.django_sets("timedelta(hours=1)");
    let session = open(&both.sessions, &key).await;
    session.set_expiry(Expiry::Default);
    session.save().await.unwrap();
    assert_eq!(both.agree(&key, "taken back by Rust").await.age, 1_209_600);
    assert_eq!(both.django.row(&key).unwrap().json, "{}");
    // The folder is in use to the end.
    drop(both.place);
}

/// "Never" in many a Python program. Rust's calendar ends a day earlier than Python's.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_dates_of_pythons_calendar_are_read() {
    let last = [
        "datetime(9999, 12, 30, 22, 0, 1, tzinfo=timezone.utc)",
        "datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)",
        "datetime.max.replace(tzinfo=timezone.utc)",
    ];
    for python in last {
        let mut both = Both::new(1_209_600, false).await;
        let (key, told) = both.django_sets(python);
        let session = both.sessions.open(Some(key.clone())).load().await;
        let session =
            session.unwrap_or_else(|error| panic!("{python}: {}", segue::describe(&error)));
        assert!(!session.items().is_empty(), "{python}: the session is live");
        let day = 86_400_000_000;
        let off = told.micros - session.expiry_date().as_microsecond();
        assert!((0..2 * day).contains(&off), "{python}: {}", session.expiry_date());
        session.insert("touched", true).unwrap();
        session.save().await.unwrap();
        let row = both.django.row(&key).unwrap();
        assert!(row.expire_date.starts_with("9999-12-3"), "{python}: {}", row.expire_date);
        assert_eq!(both.django.expiry(Some(&key), None, false).1, told, "{python}: as it was");
    }
}
