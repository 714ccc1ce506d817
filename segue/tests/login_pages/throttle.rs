//! Guesses at the pages.

use http::StatusCode;

use crate::site::{Answer, CHANGE, LOGIN, NEW, PASSWORD, Site, Visitor, is_private};

/// So many wrong guesses, each judged.
async fn guess(visitor: &mut Visitor, name: &str, times: usize) {
    for _ in 0..times {
        let answer = visitor.log_in(name, "a guess").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

#[track_caller]
fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=900).contains(&seconds), "{seconds}");
    answer.shows(&["Too many failed attempts. Try again in 15 minutes."]);
    is_private(answer);
}

#[tokio::test]
async fn the_eleventh_guess_is_refused_in_the_same_words_for_whomever() {
    let site = Site::new().await;
    let mut seen = Vec::new();
    for (name, address) in [("ann", "192.0.2.1:1"), ("zoe", "192.0.2.2:1")] {
        let mut visitor = site.visitor().from(address);
        visitor.get(LOGIN).await;
        guess(&mut visitor, name, 10).await;
        let answer = visitor.log_in(name, "a guess").await;
        is_refused(&answer);
        let after = answer.header("retry-after").unwrap().to_owned();
        let seen_of = answer.seen().replace(&format!("retry-after: {after}"), "retry-after: n");
        seen.push(seen_of.replace(&format!("value=\"{name}\""), "value=\"\""));
        assert_eq!(visitor.session(), None);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn the_right_password_is_refused_from_there_and_taken_from_elsewhere() {
    let site = Site::new().await;
    let mut thief = site.visitor();
    guess(&mut thief, "ann", 10).await;
    for spelling in ["ann", " ann ", "ａｎｎ", "ANN", "a.n.n"] {
        is_refused(&thief.log_in(spelling, PASSWORD).await);
    }
    // New cookies are no new address, and a header is none.
    let mut again = site.visitor();
    again.headers = vec![("x-forwarded-for", "192.0.2.77".to_owned())];
    is_refused(&again.log_in("ann", PASSWORD).await);
    assert_eq!(again.who().await, "nobody");
    site.visitor().from("192.0.2.2:1").log_in("ann", PASSWORD).await.location();
    site.visitor().log_in("bob", PASSWORD).await.location();
}

/// Whoever uses up all that an account may fail does not lock its owner out at home.
#[tokio::test]
async fn the_owner_gets_in_at_home_while_strangers_guess() {
    let site = Site::new().await;
    site.visitor().from("203.0.113.5:1").log_in("ann", PASSWORD).await.location();
    let addresses: Vec<&'static str> =
        (1..=10).map(|n| &*format!("192.0.2.{n}:1").leak()).collect();
    for address in addresses {
        guess(&mut site.visitor().from(address), "ann", 10).await;
    }
    is_refused(&site.visitor().from("203.0.113.6:1").log_in("ann", PASSWORD).await);
    site.visitor().from("203.0.113.5:1").log_in("ann", PASSWORD).await.location();
}

/// What a form lacks is no guess: nobody locks themselves out by sending it too early.
#[tokio::test]
async fn a_form_that_is_not_whole_is_not_counted_and_a_success_is_taken_back() {
    let site = Site::new().await;
    let mut visitor = site.visitor();
    for _ in 0..20 {
        visitor.log_in("ann", "").await;
    }
    guess(&mut visitor, "ann", 9).await;
    visitor.log_in("ann", PASSWORD).await.location();
    guess(&mut visitor, "ann", 9).await;
    visitor.log_in("ann", PASSWORD).await.location();
}

/// Whoever finds a browser open does not find out the password there.
#[tokio::test]
async fn the_old_password_is_guessed_no_more_often() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    for _ in 0..5 {
        visitor.change("a guess", NEW, NEW).await.shows(&["Your old password was entered"]);
        // What is wrong with the new one does not make it free.
        visitor.change("a guess", "x", "y").await.shows(&["Your old password was entered"]);
    }
    is_refused(&visitor.change(PASSWORD, NEW, NEW).await);
    is_refused(&visitor.log_in("ann", PASSWORD).await);
    assert_eq!(visitor.who().await, "ann", "the session stays");
    assert_eq!(visitor.get(CHANGE).await.status, StatusCode::OK);
    // The right one, with new ones that will not do, is no failure.
    let mut bob = site.logged_in("bob").await;
    for _ in 0..20 {
        bob.change(PASSWORD, "x", "x").await.shows(&["too short"]);
    }
    bob.change(PASSWORD, NEW, NEW).await.location();
}

/// Neither a database nor a queue in trouble locks anybody out.
#[tokio::test]
async fn what_could_not_be_judged_is_taken_back() {
    let site = Site::with(|settings| {
        settings.session.engine = segue::settings::SessionEngine::Memory;
    })
    .await;
    let mut visitor = site.visitor();
    site.break_database();
    for _ in 0..20 {
        let answer = visitor.log_in("ann", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    }
    site.mend_database();
    visitor.log_in("ann", PASSWORD).await.location();
}

/// All of them start before the first one has failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_once_no_more_are_judged() {
    let site = Site::new().await;
    let owner = site.logged_in("ann").await;
    for path in [LOGIN, CHANGE] {
        let name = if path == LOGIN { "bob" } else { "ann" };
        let guesses: Vec<_> = (0..60)
            .map(|_| {
                let mut visitor = if path == LOGIN { site.visitor() } else { owner.clone() };
                tokio::spawn(async move {
                    match path {
                        LOGIN => visitor.log_in(name, "a guess").await.status,
                        _ => visitor.change("a guess", NEW, NEW).await.status,
                    }
                })
            })
            .collect();
        let mut judged = 0;
        for guess in guesses {
            match guess.await.unwrap() {
                StatusCode::OK => judged += 1,
                status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
            }
        }
        assert_eq!(judged, 10, "{path}");
    }
}
