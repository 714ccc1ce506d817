//! The shop of docs/sharing.md: a visitor moves between Django and Rust behind one nginx, with one
//! session and one login.

mod shop;

use std::time::{Duration, Instant};

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::common::Document;
use crate::page::Page;
use crate::processes::{Browser, Driver, Look};

use shop::{PASSWORD, Shop, Side, USER};

const HOST: &str = "https://shop.example.com";

/// What is longer than a reload of nginx takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser to which the shop's name leads to its nginx.
async fn browser(driver: &Driver, shop: &Shop, look: Look) -> Browser {
    let rules = format!(
        "--host-resolver-rules=MAP shop.example.com:443 127.0.0.1:{}, MAP shop.example.com:80 \
         127.0.0.1:{}",
        shop.nginx().port(),
        shop.nginx().http_port()
    );
    Browser::open_with(driver, look, &[&rules, "--ignore-certificate-errors"]).await
}

/// A block that is added to the page is one for the set-up to use.
#[test]
fn each_block_of_the_page_is_used() {
    let page = Document::read("docs/sharing.md");
    let count = |language| page.blocks(language).len();
    let languages = ["dotenv", "python", "toml", "rust,no_run", "html", "sh", "nginx"];
    assert_eq!(languages.map(count), [4, 2, 1, 1, 1, 4, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_has_one_session_and_one_login_on_both_sides() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let browser = browser(&driver, &shop, Look::Desktop).await;
    let page = browser.page(HOST);
    browser
        .run(async move {
            fill_the_basket(&page).await;
            log_in_and_out(&page).await;
            move_the_page(&page, &shop).await;
        })
        .await;
}

/// Each page has forms for both sides, and the token in each is one of whoever shows the page.
async fn fill_the_basket(page: &Page) {
    page.client.goto("http://shop.example.com/django/").await.unwrap();
    page.heading("Basket, from Django").await;
    assert_eq!(page.client.current_url().await.unwrap().scheme(), "https", "nginx sends it there");
    assert!(page.session_cookie().await.is_none(), "looking around begins no session");
    page.screenshot("sharing-1-empty").await;
    add(page, "tea", "Django").await;
    let cookie = page.session_cookie().await.unwrap();
    assert_eq!(cookie.secure(), Some(true));
    assert_eq!(cookie.http_only(), Some(true));
    let token = page.cookie("csrftoken").await.unwrap();
    assert_eq!(token.secure(), Some(true));

    // From Django's page to Rust, and from Rust's page to Django.
    add(page, "milk", "Rust").await;
    add(page, "<b>sugar</b>", "Django").await;
    add(page, "lemon", "Rust").await;
    page.screenshot("sharing-2-filled").await;
    assert_eq!(items(page).await, ["tea", "milk", "<b>sugar</b>", "lemon"]);
    page.open("/django/", "Basket, from Django").await;
    assert_eq!(items(page).await, ["tea", "milk", "<b>sugar</b>", "lemon"]);
    assert_eq!(page.session_cookie().await.unwrap().value(), cookie.value());
    assert_eq!(page.cookie("csrftoken").await.unwrap().value(), token.value(), "one secret");
    page.open("/basket/", "Basket, from Django").await;
}

async fn log_in_and_out(page: &Page) {
    let before = page.session_cookie().await.unwrap();
    // Django's page for members sends to Rust's login, which leads back.
    page.client.goto(&format!("{HOST}/django/orders/")).await.unwrap();
    page.heading("Log in").await;
    let address = page.client.current_url().await.unwrap();
    assert_eq!(address.path(), "/rust/accounts/login/");
    assert_eq!(address.query(), Some("next=/django/orders/"));
    page.screenshot("sharing-3-login").await;
    log_in(page, PASSWORD).await;
    page.shows("body", "Orders of zoe, from Django").await;
    show(page, "/rust/orders/", "Orders of zoe, from Rust").await;
    page.open("/rust/", "Basket, from Rust").await;
    page.shows("p", "You are zoe.").await;
    assert_eq!(items(page).await.len(), 4, "the basket is still there");
    assert_ne!(page.session_cookie().await.unwrap().value(), before.value(), "the key is another");
    show(page, "/django/admin/", "Django administration").await;
    page.screenshot("sharing-4-admin").await;

    // A logout on each side is one on both.
    page.open("/rust/", "Basket, from Rust").await;
    page.follow(Locator::XPath("//button[.='Log out in Django']")).await;
    page.heading("Basket").await;
    is_out(page).await;
    assert!(page.session_cookie().await.is_none(), "the cookie has left the browser");

    // A login on Django's side, and a logout on Rust's.
    page.client.goto(&format!("{HOST}/django/admin/login/?next=/rust/orders/")).await.unwrap();
    page.shows("#site-name", "Django administration").await;
    page.screenshot("sharing-5-admin-login").await;
    log_in(page, PASSWORD).await;
    page.shows("body", "Orders of zoe, from Rust").await;
    show(page, "/django/orders/", "Orders of zoe, from Django").await;
    page.open("/django/", "Basket, from Django").await;
    page.shows("p", "You are zoe.").await;
    page.follow(Locator::XPath("//button[.='Log out in Rust']")).await;
    page.heading("Basket").await;
    is_out(page).await;
}

/// `/basket/` is served by one side and then by the other, with what is in it.
async fn move_the_page(page: &Page, shop: &Shop) {
    page.open("/basket/", "Basket, from Django").await;
    add(page, "tea", "Django").await;
    shop.nginx().reload(&shop.sites_after_the_move()).unwrap();
    comes_from(page, "Rust").await;
    assert_eq!(items(page).await, ["tea"]);
    page.screenshot("sharing-6-moved").await;
    shop.nginx().reload(&shop.sites()).unwrap();
    comes_from(page, "Django").await;
    assert_eq!(items(page).await, ["tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_on_either_side_ends_the_other_devices_on_both() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let first = browser(&driver, &shop, Look::Desktop).await;
    let second = browser(&driver, &shop, Look::Phone).await;
    let (here, there) = (first.page(HOST), second.page(HOST));
    let steps = async move {
        let mut password = PASSWORD.to_owned();
        for (path, done) in [
            ("/rust/accounts/password_change/", "Password changed"),
            ("/django/admin/password_change/", "Password change successful"),
        ] {
            for page in [&here, &there] {
                page.open("/rust/accounts/login/", "Log in").await;
                log_in(page, &password).await;
                page.heading("Basket").await;
            }
            here.client.goto(&format!("{HOST}{path}")).await.unwrap();
            let new = format!("another {password}");
            fill(&here, "old_password", &password).await;
            fill(&here, "new_password1", &new).await;
            fill(&here, "new_password2", &new).await;
            send(&here, "new_password1").await;
            here.heading(done).await;
            show(&here, "/django/orders/", "Orders of zoe, from Django").await;
            show(&here, "/rust/orders/", "Orders of zoe, from Rust").await;
            is_out(&there).await;
            password = new;
        }
        drop(shop);
    };
    second.run(first.run(steps)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_out_while_the_secret_key_is_replaced() {
    let (mut shop, driver) = (Shop::open(), Driver::start());
    // The page begins with a key of its own, and replaces another one.
    shop.set_environment("shop.env, step 1");
    for side in [Side::Django, Side::Rust] {
        shop.restart(side);
    }
    let first = browser(&driver, &shop, Look::Desktop).await;
    let second = browser(&driver, &shop, Look::Desktop).await;
    let (of_rust, of_django) = (first.page(HOST), second.page(HOST));
    let steps = async move {
        for (page, login) in [
            (&of_rust, "/rust/accounts/login/"),
            (&of_django, "/django/admin/login/?next=/basket/"),
        ] {
            page.client.goto(&format!("{HOST}{login}")).await.unwrap();
            log_in(page, PASSWORD).await;
            page.heading("Basket").await;
            add(page, "tea", "Rust").await;
        }
        for step in ["shop.env, step 2", "shop.env, step 3"] {
            shop.set_environment(step);
            for side in [Side::Rust, Side::Django] {
                shop.restart(side);
                for page in [&of_rust, &of_django] {
                    show(page, "/django/orders/", "Orders of zoe, from Django").await;
                    show(page, "/rust/orders/", "Orders of zoe, from Rust").await;
                    // What is changed is signed anew, with the key of whoever changes it.
                    page.open("/django/", "Basket, from Django").await;
                    add(page, "milk", "Django").await;
                    add(page, "lemon", "Rust").await;
                }
            }
        }
        assert_eq!(items(&of_rust).await.len(), 9, "nothing is lost from the basket");

        // Without the key of before, both are strangers: it was the steps that kept them.
        shop.set_environment("# The first");
        for side in [Side::Django, Side::Rust] {
            shop.restart(side);
        }
        is_out(&of_rust).await;
    };
    second.run(first.run(steps)).await;
}

/// Sends a form by a script of the shop, with headers that a proxy would set.
async fn forge(page: &Page, side: &str, headers: Value) -> Value {
    page.open("/rust/", "Basket, from Rust").await;
    let script = "const [path, headers] = arguments; \
                  const token = document.querySelector('[name=csrfmiddlewaretoken]').value; \
                  const body = new URLSearchParams({csrfmiddlewaretoken: token, item: 'tea'}); \
                  return fetch(path, {method: 'POST', headers, body}) \
                      .then((answer) => [answer.status, answer.url])";
    page.client.execute(script, vec![json!(side), headers]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_side_believes_what_a_visitor_says_of_the_connection() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let browser = browser(&driver, &shop, Look::Desktop).await;
    let page = browser.page(HOST);
    browser
        .run(async move {
            // Nobody else's name, neither in TLS nor in the head.
            let get = |host: &str| {
                format!("GET /rust/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            };
            let answer = shop.send("shop.example.com", &get("shop.example.com"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            assert!(answer.contains("Strict-Transport-Security: max-age"), "{answer}");
            let answer = shop.send("evil.example", &get("shop.example.com"));
            assert!(answer.contains("UNRECOGNIZED_NAME"), "{answer}");
            assert_eq!(shop.send("shop.example.com", &get("evil.example")).trim(), "");

            // A side that took the visitor for one of http would refuse the form: its origin is https.
            let headers = json!({
                "X-Forwarded-Proto": "http",
                "X_Forwarded_Proto": "http",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Port": "81",
                "Forwarded": "proto=http;host=evil.example",
            });
            for (side, at) in [("/django/add/", "/django/"), ("/rust/add/", "/rust/")] {
                let answer = forge(&page, side, headers.clone()).await;
                assert_eq!(answer, json!([200, format!("{HOST}{at}")]), "{side}");
            }
            // Where nginx lets the header pass, it is believed: the line above is what stops it.
            let without = shop.sites().replace("proxy_set_header X-Forwarded-Proto https;", "");
            shop.nginx().reload(&without).unwrap();
            for side in ["/django/add/", "/rust/add/"] {
                let answer = forge(&page, side, headers.clone()).await;
                assert_eq!(answer[0], 403, "{side}");
            }
        })
        .await;
}

/// Guesses a password so often that the last one is over the limit, each time from another address as
/// it says, and gives the last answer.
async fn guess(page: &Page, name: &str) -> Value {
    page.open("/rust/accounts/login/", "Log in").await;
    let script = "const [username] = arguments; \
                  const token = document.querySelector('[name=csrfmiddlewaretoken]').value; \
                  const guess = (n) => fetch(location.href, {method: 'POST', \
                      headers: {'X-Forwarded-For': `10.0.0.${n}`}, \
                      body: new URLSearchParams({csrfmiddlewaretoken: token, username, \
                          password: `guess ${n}`})}).then((answer) => answer.status); \
                  const all = async () => { \
                      let last; \
                      for (let n = 1; n <= 11; n++) last = await guess(n); \
                      return last; \
                  }; \
                  return all()";
    page.client.execute(script, vec![json!(name)]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_does_not_choose_the_address_that_failed_logins_count_for() {
    let (shop, driver) = (Shop::open(), Driver::start());
    let browser = browser(&driver, &shop, Look::Desktop).await;
    let page = browser.page(HOST);
    browser
        .run(async move {
            assert_eq!(guess(&page, "ann").await, 429);
            // Where nginx lets the header pass, the guesses go on.
            let without =
                shop.sites().replace("proxy_set_header X-Forwarded-For $remote_addr;", "");
            shop.nginx().reload(&without).unwrap();
            assert_eq!(guess(&page, "bob").await, 200);
        })
        .await;
}

/// Puts an item into the basket by the form for this side, which then shows the basket.
async fn add(page: &Page, item: &str, side: &str) {
    let form = format!("//form[.//button[.='Add in {side}']]");
    let field = page.client.find(Locator::XPath(&format!("{form}//input[@name='item']"))).await;
    field.unwrap().send_keys(item).await.unwrap();
    page.follow(Locator::XPath(&format!("{form}//button"))).await;
    page.heading(&format!("Basket, from {side}")).await;
    page.shows("li:last-child", item).await;
}

async fn items(page: &Page) -> Vec<String> {
    let items = "return [...document.querySelectorAll('li')].map((item) => item.textContent)";
    let items = page.script(items).await;
    items.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

async fn log_in(page: &Page, password: &str) {
    fill(page, "username", USER).await;
    fill(page, "password", password).await;
    send(page, "password").await;
}

/// Sends the form that has this field.
async fn send(page: &Page, field: &str) {
    let button = "[self::button or @type='submit']";
    let path = format!("//form[.//input[@name='{field}']]//*{button}");
    page.follow(Locator::XPath(&path)).await;
}

async fn fill(page: &Page, name: &str, value: &str) {
    let field = page.client.find(Locator::Css(&format!("[name={name}]"))).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(value).await.unwrap();
}

/// Opens a page without a heading.
async fn show(page: &Page, path: &str, text: &str) {
    page.client.goto(&format!("{HOST}{path}")).await.unwrap();
    page.shows("body", text).await;
}

/// Nobody is logged in, to either side: both send to the login.
async fn is_out(page: &Page) {
    for path in ["/django/orders/", "/rust/orders/"] {
        page.open(path, "Log in").await;
        let address = page.client.current_url().await.unwrap();
        assert_eq!(address.query(), Some(format!("next={path}").as_str()));
    }
    page.open("/django/", "Basket, from Django").await;
    page.shows("p", "You are not logged in.").await;
}

/// Opens the page that moves until this side serves it: an older worker of nginx may have been first.
async fn comes_from(page: &Page, side: &str) {
    let started = Instant::now();
    loop {
        page.open("/basket/", "Basket, from").await;
        let heading = page.text("h1").await.unwrap();
        if heading == format!("Basket, from {side}") {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "still {heading}");
    }
}
