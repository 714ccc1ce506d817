//! What attackers try.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::request::Parts;
use segue::SignedDuration;
use segue::auth::throttle::Throttle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::clock;
use crate::{guesses, ip, log_in, one_of_many, settings, throttle};

/// All of them start before the first one has failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_once_no_more_get_through() {
    let throttle = throttle(&clock());
    let all = (0..100).map(|_| {
        let throttle = throttle.clone();
        tokio::spawn(async move { throttle.attempt("ada", ip("192.0.2.1")).await.ok() })
    });
    let mut through = Vec::new();
    for guess in all.collect::<Vec<_>>() {
        through.extend(guess.await.unwrap());
    }
    assert_eq!(through.len(), 10);
}

/// The name is written in another way for each guess, as the database may not mind.
#[tokio::test]
async fn a_name_in_many_spellings_is_one() {
    let throttle = throttle(&clock());
    let mut spellings: Vec<String> =
        ["ada", "ADA", "Ada ", " ada", "ａｄａ", "ádà", "a\u{301}da"].map(str::to_owned).to_vec();
    spellings.extend((0..100).map(|n| format!("ada{}", "\u{200b}".repeat(n))));
    let mut judged = 0;
    for spelling in &spellings {
        judged += guesses(&throttle, spelling, ip("192.0.2.1"), 1).await;
    }
    assert_eq!(judged, 10);
}

/// One network, one client; and an IPv4 client in IPv6's clothes.
#[tokio::test]
async fn a_client_in_many_addresses_of_its_network_is_one() {
    let throttle = throttle(&clock());
    let mut judged = 0;
    for n in 0..50 {
        judged += guesses(&throttle, "ada", ip(&format!("2001:db8:1:2::{n:x}")), 1).await;
    }
    assert_eq!(judged, 10);
    assert_eq!(guesses(&throttle, "ada", ip("2001:db8:1:3::1"), 1).await, 1, "another network");
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 9).await, 9);
    assert_eq!(guesses(&throttle, "ada", ip("::ffff:192.0.2.1"), 9).await, 1);
}

#[tokio::test]
async fn names_without_end_are_counted_by_their_beginning() {
    let throttle = throttle(&clock());
    let mut judged = 0;
    for n in 0..15 {
        let name = format!("{}{n}", "a".repeat(1_000_000));
        judged += guesses(&throttle, &name, ip("192.0.2.1"), 1).await;
    }
    assert_eq!(judged, 10);
}

/// Whoever fills the memory with names does not push out the counters of others.
#[tokio::test]
async fn a_flood_of_names_pushes_nothing_out() {
    let throttle = throttle(&clock());
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 10).await, 10);
    let mut judged = 0;
    for n in 0..100_000 {
        judged += guesses(&throttle, &format!("flood{n}"), ip("192.0.2.66"), 1).await;
    }
    assert_eq!(judged, 100, "from one address");
    // From many, each with a new name: three entries each.
    for n in 0..20_000 {
        judged += guesses(&throttle, &format!("more{n}"), one_of_many(n), 1).await;
    }
    assert_eq!(judged, 20_100);
    assert_eq!(guesses(&throttle, "ada", ip("192.0.2.1"), 1).await, 0, "still counted");
}

/// A stranger uses up all that an account may fail, again and again.
#[tokio::test]
async fn a_stranger_does_not_lock_the_owner_out() {
    let clock = clock();
    let throttle = throttle(&clock);
    let home = ip("203.0.113.5");
    assert!(log_in(&throttle, "ada", home).await);
    for n in 0..20 {
        guesses(&throttle, "ada", one_of_many(n), 10).await;
    }
    assert!(!log_in(&throttle, "ada", ip("203.0.113.77")).await, "from a new address");
    assert!(log_in(&throttle, "ada", home).await, "from home");
    // At home, too, no more than ten may fail.
    assert_eq!(guesses(&throttle, "ada", home, 20).await, 10);
    // And home is home for thirty days.
    for (days, is_home) in [(29, true), (2, false)] {
        clock.advance(SignedDuration::from_hours(24 * days));
        for n in 0..20 {
            guesses(&throttle, "ada", one_of_many(n), 10).await;
        }
        let refused = throttle.attempt("ada", home).await.is_err();
        assert_eq!(refused, !is_home, "{days} days later");
    }
}

/// Whoever has an account of nearly the same name is not at home in the other one.
#[tokio::test]
async fn an_account_of_a_like_name_opens_nothing() {
    let throttle = throttle(&clock());
    let attacker = ip("203.0.113.5");
    assert!(log_in(&throttle, "a.d.a", attacker).await);
    for n in 0..20 {
        guesses(&throttle, "ada", one_of_many(n), 10).await;
    }
    assert_eq!(guesses(&throttle, "ada", attacker, 10).await, 0);
}

/// A real server: the peer's address arrives, and a header does not stand in for it.
#[tokio::test]
async fn a_forged_header_is_no_address() {
    async fn whoami(State(throttle): State<Throttle>, parts: Parts) -> String {
        format!("{:?}", throttle.client_address(&parts))
    }
    for (num_proxies, expected) in [(0, "Some(127.0.0.1)"), (1, "Some(5.6.7.8)")] {
        let mut settings = settings();
        settings.num_proxies = num_proxies;
        let throttle = Throttle::new(&settings).unwrap();
        let app = Router::new().route("/", get(whoami)).with_state(throttle);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                       X-Forwarded-For: 1.1.1.1, 5.6.7.8\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(expected), "{answer}");
        server.abort();
    }
}
