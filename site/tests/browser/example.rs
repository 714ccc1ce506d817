//! Segue's example `csrf`, in the browser: what it shows is what the documents say.

#[path = "../../../segue/examples/csrf/pages.rs"]
mod pages;

use std::path::{Path, PathBuf};
use std::process::Command;

use fantoccini::Locator;
use tokio::net::TcpListener;

use crate::page::Page;
use crate::processes::{Browser, Driver, Look};
use crate::visit::TOKEN_FIELD;

/// A token of some other secret.
const WRONG: &str = "'a'.repeat(64)";

const WRONG_IN_HEADER: &str = "CSRF token from the 'X-Csrftoken' HTTP header incorrect.";

#[tokio::test(flavor = "multi_thread")]
async fn forms_uploads_and_scripts_send_the_token_and_are_refused_without_it() {
    let (site, driver) = (serve(&htmx("htmx-4.min.js")).await, Driver::start());
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&site);
    browser.run(use_forms_and_script(page)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn htmx_sends_the_token_of_the_body_in_either_version() {
    let driver = Driver::start();
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&serve(&htmx("htmx-4.min.js")).await);
    let older = browser.page(&serve(&htmx("htmx-2.min.js")).await);
    browser
        .run(async move {
            use_htmx(&page, "4.").await;
            page.shows("#fragment output", WRONG_IN_HEADER).await;
            use_htmx(&older, "2.").await;
            // It puts no refusal into the page, but tells scripts.
            older.shows("#fragment output", "403").await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_example_fits_a_phone_and_follows_the_dark_mode() {
    let (site, driver) = (serve(&htmx("htmx-4.min.js")).await, Driver::start());
    for look in [Look::Phone, Look::Dark] {
        let browser = Browser::open(&driver, look).await;
        let page = browser.page(&site);
        browser
            .run(async move {
                open(&page).await;
                send(&page, "script", "Token from the page").await;
                page.shows("#script output", "The server took").await;
                page.fits().await;
                page.screenshot(&format!("example-{look:?}").to_lowercase()).await;
            })
            .await;
    }
}

async fn use_forms_and_script(page: Page) {
    open(&page).await;
    page.screenshot("example").await;
    write(&page, "form", "Mate <b>&").await;
    send(&page, "form", "Send the form").await;
    page.shows("#answer", "The server took an order from a form: Mate <b>&.").await;

    // With the token before the file, as in the page, and behind it.
    for script in ["", "const form = document.querySelector('#upload form'); form.append(form[0])"]
    {
        open(&page).await;
        let digest = choose_file(&page).await;
        page.script(script).await;
        send(&page, "upload", "Upload the file").await;
        let expected =
            format!("The server took the file tea.bin: {FILE_SIZE} bytes, SHA-256 {digest}");
        page.shows("#answer", &expected).await;
    }
    page.screenshot("example-uploaded").await;

    for button in ["Token from the page", "Token from the cookie"] {
        write(&page, "script", button).await;
        send(&page, "script", button).await;
        let expected = format!("The server took an order from a script: {button}.");
        page.shows("#script output", &expected).await;
    }

    page.script(&format!("document.body.dataset.csrfToken = {WRONG}")).await;
    send(&page, "script", "Token from the page").await;
    page.shows("#script output", WRONG_IN_HEADER).await;
    page.screenshot("example-refused").await;
    send(&page, "script", "Token from the cookie").await;
    page.shows("#script output", "The server took").await;

    for (card, button) in [("form", "Send the form"), ("upload", "Upload the file")] {
        open(&page).await;
        choose_file(&page).await;
        let field = format!("document.querySelector('#{card} {TOKEN_FIELD}')");
        page.script(&format!("{field}.value = {WRONG}")).await;
        send(&page, card, button).await;
        page.refused("CSRF token from POST incorrect.").await;
        open(&page).await;
        choose_file(&page).await;
        page.script(&format!("{field}.remove()")).await;
        send(&page, card, button).await;
        page.refused("CSRF token missing.").await;
    }

    open(&page).await;
    page.script("document.cookie = 'csrftoken=; path=/; max-age=0'").await;
    for button in ["Token from the page", "Token from the cookie"] {
        send(&page, "script", button).await;
        page.shows("#script output", "CSRF cookie not set.").await;
    }
}

async fn use_htmx(page: &Page, version: &str) {
    open(page).await;
    let found = page.script("return htmx.version").await;
    assert!(found.as_str().unwrap().starts_with(version), "{found}");
    write(page, "fragment", "Mate <b>&").await;
    send(page, "fragment", "Send with htmx").await;
    page.shows("#fragment output", "The server took an order from htmx: Mate <b>&.").await;

    page.script(&format!(
        "for (const name of ['hx-headers', 'hx-headers:inherited'])
           document.body.setAttribute(name, JSON.stringify({{'X-CSRFToken': {WRONG}}}));
         document.addEventListener('htmx:responseError', (event) => {{
           document.querySelector('#fragment output').textContent = event.detail.xhr.status;
         }})"
    ))
    .await;
    send(page, "fragment", "Send with htmx").await;
}

const FILE_SIZE: usize = 200_000;

/// Makes a file in the page and chooses it; gives its SHA-256.
async fn choose_file(page: &Page) -> String {
    let script = format!(
        "const bytes = Uint8Array.from({{length: {FILE_SIZE}}}, (_, at) => at * at + (at >> 8));
         const files = new DataTransfer();
         files.items.add(new File([bytes], 'tea.bin'));
         document.querySelector('#upload-file').files = files.files;
         return crypto.subtle.digest('SHA-256', bytes).then((digest) =>
           Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, 0)).join(''))"
    );
    page.script(&script).await.as_str().unwrap().to_owned()
}

async fn open(page: &Page) {
    page.open("/", "CSRF protection").await;
}

async fn write(page: &Page, card: &str, drink: &str) {
    let field = page.client.find(Locator::Css(&format!("#{card}-drink"))).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(drink).await.unwrap();
}

async fn send(page: &Page, card: &str, button: &str) {
    let button = format!("//section[@id='{card}']//button[.='{button}']");
    page.click(Locator::XPath(&button)).await;
}

/// Serves the example, with htmx from this file, and tells its address.
async fn serve(htmx: &Path) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../segue/examples/csrf");
    let site = pages::site(&folder, Some(htmx)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    address
}

/// A file of the package django-htmx, which has htmx with it.
fn htmx(name: &str) -> PathBuf {
    let python = std::env::var_os("SEGUE_TEST_PYTHON").expect(
        "SEGUE_TEST_PYTHON names no Python with django-htmx: run `cargo xtask test`, which \
         installs it",
    );
    let code = "import django_htmx; print(*django_htmx.__path__)";
    let output = Command::new(python).args(["-c", code]).output().unwrap();
    assert!(output.status.success(), "django-htmx is not there: {output:?}");
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end());
    folder.join("static/django_htmx").join(name)
}
