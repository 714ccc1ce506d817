//! The logout.

use http::{Method, StatusCode};

use crate::site::{LOGOUT, Site, is_private};

#[tokio::test]
async fn a_post_logs_out_and_a_page_says_so() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    let mut thief = visitor.clone();
    let page = visitor.post(LOGOUT, &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    page.shows(&["<h1>Logged out</h1>"]);
    is_private(&page);
    assert_eq!(visitor.session(), None, "the cookie is taken back");
    assert_eq!(visitor.who().await, "nobody");
    assert_eq!(thief.who().await, "nobody", "the old cookie is dead");
    // Once more, and for a stranger: nothing to end, and no session comes of it.
    for mut visitor in [visitor, site.visitor()] {
        assert_eq!(visitor.post(LOGOUT, &[]).await.status, StatusCode::OK);
        assert_eq!(visitor.session(), None);
    }
}

/// A link, an image, a form of another site.
#[tokio::test]
async fn nobody_else_logs_a_visitor_out() {
    let site = Site::new().await;
    let mut visitor = site.logged_in("ann").await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        let answer = visitor.send(method, LOGOUT, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    visitor.headers = vec![("x-http-method-override", "POST".to_owned())];
    let answer = visitor.get(&format!("{LOGOUT}?_method=POST")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    visitor.headers.clear();
    let forged = visitor.send(Method::POST, LOGOUT, "next=/").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    visitor.headers = vec![("origin", "http://evil.example".to_owned())];
    assert_eq!(visitor.post(LOGOUT, &[]).await.status, StatusCode::FORBIDDEN);
    visitor.headers.clear();
    assert_eq!(visitor.who().await, "ann");
}

#[tokio::test]
async fn the_visitor_is_sent_where_the_form_or_the_settings_say() {
    let to = |url: &'static str| Site::with(|s| s.auth.logout_redirect_url = Some(url.into()));
    let site = to("/bye/").await;
    for (query, next, expected) in [
        ("", None, "/bye/"),
        ("", Some("/members/"), "/members/"),
        ("?next=/query/", None, "/query/"),
        ("?next=/query/", Some("//evil.example"), "/bye/"),
    ] {
        let mut visitor = site.logged_in("ann").await;
        let fields: Vec<_> = next.map(|next| ("next", next)).into_iter().collect();
        let answer = visitor.post(&format!("{LOGOUT}{query}"), &fields).await;
        assert_eq!(answer.location(), expected, "{query} {next:?}");
        is_private(&answer);
        assert_eq!(visitor.who().await, "nobody");
    }
    // To itself would be a GET.
    let mut visitor = site.logged_in("ann").await;
    let page = visitor.post(LOGOUT, &[("next", LOGOUT)]).await;
    page.shows(&["<h1>Logged out</h1>"]);
}

/// A script sends no body, or its form in another way: whoever wants to leave leaves.
#[tokio::test]
async fn a_logout_does_not_depend_on_its_body() {
    let site = Site::new().await;
    for (content_type, body) in [
        ("", ""),
        ("application/json", "{\"next\": 1}"),
        ("multipart/form-data; boundary=x", "--x--\r\n"),
        ("application/x-www-form-urlencoded", "next=/a&next=/b"),
        ("application/x-www-form-urlencoded", "%ff%fe=%"),
    ] {
        let mut visitor = site.logged_in("ann").await;
        let token = visitor.cookies["csrftoken"].clone();
        visitor.headers = vec![("x-csrftoken", token), ("content-type", content_type.to_owned())];
        let mut request = visitor.request(Method::POST, LOGOUT, body);
        if content_type.is_empty() {
            request.headers_mut().remove("content-type");
        }
        use tower::ServiceExt as _;
        let response = site.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{content_type} {body}");
        visitor.headers.clear();
        assert_eq!(visitor.who().await, "nobody", "{content_type} {body}");
    }
}
