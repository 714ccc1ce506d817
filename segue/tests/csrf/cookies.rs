//! What the browser is given.

use std::collections::HashSet;

use axum::http::Method;
use axum::http::header::COOKIE;

use crate::site::{SECRET, Site, TOKEN, form, request, settings, with};

#[tokio::test]
async fn the_cookie_is_set_when_a_token_is_asked_for_and_only_then() {
    let site = Site::new(&settings());
    let answer = site.get("/", None).await;
    assert_eq!((answer.cookies.len(), answer.vary), (0, None));
    let answer = site.get("/", Some(&format!("csrftoken={SECRET}"))).await;
    assert_eq!((answer.cookies.len(), answer.vary), (0, None));

    let answer = site.get("/token", None).await;
    assert_eq!(answer.vary.as_deref(), Some("Cookie"));
    assert!(answer.cookie().starts_with("csrftoken="));

    // A secret that is there stays, and its cookie is renewed.
    let answer = site.get("/token", Some(&format!("csrftoken={SECRET}"))).await;
    assert_eq!(answer.cookie(), format!("csrftoken={SECRET}"));
    assert!(answer.cookies[0].contains("; Max-Age=31449600"));
}

#[tokio::test]
async fn a_token_from_a_page_is_accepted_and_another_visitors_is_not() {
    let site = Site::new(&settings());
    let (mine, theirs) = (site.get("/token", None).await, site.get("/token", None).await);
    let send = async |cookie: &str, token: &str| {
        let mut request = form(None, format!("csrfmiddlewaretoken={token}"));
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        site.send(request).await.verdict()
    };
    assert_eq!(send(mine.cookie(), mine.text()).await, "accept");
    let wrong = "403: CSRF token from POST incorrect.";
    assert_eq!(send(mine.cookie(), theirs.text()).await, wrong);
    assert_eq!(send(theirs.cookie(), mine.text()).await, wrong);
}

#[tokio::test]
async fn no_two_renderings_of_a_token_are_alike() {
    let site = Site::new(&settings());
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let answer = site.get("/twice", Some(&format!("csrftoken={SECRET}"))).await;
        let (one, input) = answer.text().split_once(' ').unwrap();
        let other = input
            .strip_prefix("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"")
            .and_then(|rest| rest.strip_suffix("\">"))
            .unwrap();
        for token in [one, other] {
            assert_eq!(token.len(), 64);
            assert!(!token.contains(SECRET));
            // Neither the mask nor what it hides comes again.
            assert!(seen.insert(token[..32].to_owned()) && seen.insert(token[32..].to_owned()));
            let body = format!("csrfmiddlewaretoken={token}");
            assert_eq!(site.send(form(Some(SECRET), body)).await.verdict(), "accept");
        }
    }
}

#[tokio::test]
async fn a_cookie_that_holds_no_secret_is_replaced() {
    let site = Site::new(&settings());
    for bad in ["abc", "", &"-".repeat(32), &"a".repeat(33), &"a".repeat(100_000)] {
        let answer = site.get("/", Some(&format!("csrftoken={bad}"))).await;
        let secret = answer.cookie().strip_prefix("csrftoken=").unwrap();
        assert!(secret.len() == 32 && secret != bad);
        assert_eq!(answer.vary.as_deref(), Some("Cookie"));
        let refused = site.send(form(Some(bad), format!("csrfmiddlewaretoken={TOKEN}"))).await;
        assert!(refused.verdict().starts_with("403: CSRF cookie has in"));
        assert_eq!(refused.cookies.len(), 1, "a refused request gets a good one as well");
    }
}

#[tokio::test]
async fn a_masked_cookie_of_an_old_django_is_replaced_by_its_secret() {
    let site = Site::new(&settings());
    let answer = site.get("/token", Some(&format!("csrftoken={TOKEN}"))).await;
    assert_eq!(answer.cookie(), format!("csrftoken={SECRET}"));
    assert_eq!(site.get("/", Some(&format!("csrftoken={TOKEN}"))).await.cookies.len(), 0);
}

#[tokio::test]
async fn a_rotated_secret_makes_older_tokens_worthless() {
    let site = Site::new(&settings());
    let answer = site.get("/rotate", Some(&format!("csrftoken={SECRET}"))).await;
    let cookie = answer.cookie().to_owned();
    assert_ne!(cookie, format!("csrftoken={SECRET}"));
    let mut request = form(None, format!("csrfmiddlewaretoken={TOKEN}"));
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    assert_eq!(site.send(request).await.verdict(), "403: CSRF token from POST incorrect.");
    let token = site.get("/token", Some(&cookie)).await;
    assert_eq!(token.cookie(), cookie, "the new one stays");
}

#[tokio::test]
async fn the_cookies_attributes_are_those_of_the_settings() {
    let site = Site::new(&with(|s| {
        s.csrf.cookie_name = "__Secure-csrf".to_owned();
        s.csrf.cookie_age = None;
        s.csrf.cookie_domain = Some(".example.com".to_owned());
        s.csrf.cookie_path = "/app".to_owned();
        s.csrf.cookie_secure = true;
        s.csrf.cookie_httponly = true;
        s.csrf.cookie_samesite = segue::settings::SameSite::Strict;
    }));
    let answer = site.get("/token", None).await;
    let (pair, attributes) = answer.cookies[0].split_once(';').unwrap();
    assert!(pair.starts_with("__Secure-csrf="));
    assert_eq!(attributes, " Domain=.example.com; HttpOnly; Path=/app; SameSite=Strict; Secure");
}

#[tokio::test]
async fn the_cookie_is_marked_as_a_secret() {
    let site = Site::new(&settings());
    let answer = site.get("/token", None).await;
    assert!(answer.headers["set-cookie"].is_sensitive());
    let shown = format!("{:?}", answer.headers);
    assert!(!shown.contains(answer.cookie().strip_prefix("csrftoken=").unwrap()));
    let head = request(Method::HEAD, "/token");
    assert_eq!(site.send(head).await.cookies.len(), 1);
}
