//! Where a visitor is sent to, and where not.

use crate::site::{LOGIN, PASSWORD, Site};

/// What leads to another site, or ends the line of a header.
const EVIL: [&str; 27] = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "ftp://example.com/",
    "http://example.com@evil.example/",
    "http://example.com:80@evil.example/",
    "http://example.com.evil.example/",
    "http://evil.example\\@example.com/",
    "http://[::1",
    "/members/\r\nset-cookie: sessionid=evil",
    "/members/\r\n\r\n<script>alert(1)</script>",
];

#[tokio::test]
async fn the_form_says_where_to_go_and_goes_over_the_query() {
    let site = Site::new().await;
    let page = site.visitor().get(&format!("{LOGIN}?next=/members/%3Fa%3Db%26c")).await;
    page.shows(&["name=\"next\" value=\"&#x2f;members&#x2f;?a=b&amp;c\""]);
    for (query, form, expected) in [
        ("", Some("/members/"), "/members/"),
        ("?next=/query/", None, "/query/"),
        ("?next=/query/", Some("/members/"), "/members/"),
        ("?next=/query/", Some("//evil.example"), "/accounts/profile/"),
        ("?next=//evil.example", Some("/members/"), "/members/"),
        ("?next=/one/&next=/two/", None, "/two/"),
        ("", Some(""), "/accounts/profile/"),
        ("", Some("http://example.com/members/"), "http://example.com/members/"),
        ("", Some("//example.com/members/"), "//example.com/members/"),
        ("", Some("/é?a=b c#d"), "/%C3%A9?a=b%20c#d"),
        ("", Some("/a%0d%0aset-cookie:x"), "/a%0d%0aset-cookie:x"),
        ("", Some("/accounts/login/"), "/accounts/login/"),
    ] {
        let mut fields = vec![("username", "ann"), ("password", PASSWORD)];
        fields.extend(form.map(|next| ("next", next)));
        let answer = site.visitor().post(&format!("{LOGIN}{query}"), &fields).await;
        assert_eq!(answer.location(), expected, "{query} {form:?}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let site = Site::new().await;
    for evil in EVIL {
        let query = crate::site::form(&[("next", evil)], &[]);
        let page = site.visitor().get(&format!("{LOGIN}?{query}")).await;
        page.shows(&["name=\"next\" value=\"\""]);
        for (path, next) in [(LOGIN.to_owned(), Some(evil)), (format!("{LOGIN}?{query}"), None)] {
            let mut visitor = site.visitor();
            let mut fields = vec![("username", "ann"), ("password", PASSWORD)];
            fields.extend(next.map(|next| ("next", next)));
            let answer = visitor.post(&path, &fields).await;
            assert_eq!(answer.location(), "/accounts/profile/", "{evil:?}");
            assert_ne!(visitor.session().unwrap(), "evil");
        }
        let mut visitor = site.logged_in("ann").await;
        let answer = visitor.post("/accounts/logout/", &[("next", evil)]).await;
        assert_eq!(answer.header("location"), None, "{evil:?}");
        assert_eq!(visitor.who().await, "nobody");
    }
}

/// The page that a guard wanted to show is asked for in ways that look like another site.
#[tokio::test]
async fn a_guards_way_to_the_login_leads_back_to_this_site() {
    let site = Site::new().await;
    for (path, next) in [
        ("/members/", "/members/"),
        ("/members/?next=//evil.example", "/members/%3Fnext%3D//evil.example"),
        ("http://evil.example/members/?a", "/members/%3Fa"),
        ("/guarded/?a=%0d%0aset-cookie:x", "/guarded/%3Fa%3D%250d%250aset-cookie%3Ax"),
    ] {
        let answer = site.visitor().open(path).await;
        assert_eq!(answer.location(), format!("/accounts/login/?next={next}"), "{path}");
        let login = answer.location().to_owned();
        let answer =
            site.visitor().post(&login, &[("username", "ann"), ("password", PASSWORD)]).await;
        assert!(answer.location().starts_with('/') && !answer.location().starts_with("//"));
    }
}

#[tokio::test]
async fn a_poisoned_host_makes_no_page_of_another_site_safe() {
    let site = Site::new().await;
    let mut visitor = site.visitor();
    visitor.headers = vec![("x-forwarded-host", "evil.example".to_owned())];
    let fields = [("username", "ann"), ("password", PASSWORD), ("next", "http://evil.example/")];
    assert_eq!(visitor.post(LOGIN, &fields).await.location(), "/accounts/profile/");
    visitor.headers = vec![("host", "evil.example".to_owned())];
    assert_eq!(visitor.post(LOGIN, &fields).await.status, 400);
}
