//! Pages of others that send something to the demo, with the visitor's cookies.

use fantoccini::Locator;
use serde_json::json;

use crate::attacker::{Attacker, ENCODINGS, form, sandboxed};
use crate::common::{Demo, Project, TOKEN};
use crate::page::Page;
use crate::processes::{Browser, Driver, Look};
use crate::visit::TOKEN_FIELD;

/// What changes the session.
const FORMS: [&str; 2] = ["/set/", "/flush/"];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_origin_changes_the_session_or_reads_the_token() {
    let project = Project::new();
    let (demo, driver) = (project.serve(), Driver::start());
    let attacker = Attacker::start().await;
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(attack(page, demo, attacker)).await;
}

/// The attacks work where they are let: what refused them was the check, and which one.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_origin_that_is_trusted_the_cookie_and_the_token_are_still_asked_for() {
    let (project, driver) = (Project::new(), Driver::start());
    project.succeed(&["migrate"]);
    let attacker = Attacker::start().await;
    let trusted = format!("{},{}", attacker.other_site(), attacker.other_origin());
    let demo = Demo::start(
        project.command().env("CSRF_TRUSTED_ORIGINS", trusted).args(["runserver", "127.0.0.1:0"]),
    );
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(attack_from_a_trusted_origin(page, attacker)).await;
    drop(demo);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_fetch_metadata_forms_need_no_token_and_other_origins_are_refused() {
    let (project, driver) = (Project::new(), Driver::start());
    project.succeed(&["migrate"]);
    let demo = Demo::start(
        project.command().env("CSRF_MODE", "fetch-metadata").args(["runserver", "127.0.0.1:0"]),
    );
    let attacker = Attacker::start().await;
    let browser = Browser::open(&driver, Look::Desktop).await;
    let page = browser.page(&demo.address);
    browser.run(attack_without_tokens(page, demo, attacker)).await;
}

async fn attack(page: Page, demo: Demo, attacker: Attacker) {
    let origins = [attacker.other_site(), attacker.other_origin()];
    // Who has no cookie yet gets none by this.
    for from in &origins {
        attacker.lure(&page, from, &form(&at(&demo, "/set/"), ENCODINGS[0], "")).await;
        page.refused(&bad_origin(from)).await;
    }
    assert!(page.session_cookie().await.is_none());

    let victim = Victim::begin(&page, &demo).await;
    for from in &origins {
        attacker.lure(&page, from, &form(&at(&demo, "/set/"), ENCODINGS[0], "")).await;
        page.refused(&bad_origin(from)).await;
        victim.has_lost_nothing();
        for encoding in ENCODINGS {
            attacker.lure(&page, from, &form(&at(&demo, "/flush/"), encoding, "")).await;
            page.refused(&bad_origin(from)).await;
            victim.has_lost_nothing();
        }
    }
    page.screenshot("11-forged").await;

    for path in FORMS {
        let form = form(&at(&demo, path), ENCODINGS[0], "");
        for from in &origins {
            attacker.lure(&page, from, &sandboxed(&form)).await;
            page.refused(&bad_origin("null")).await;
            victim.has_lost_nothing();
        }
        page.client.goto(&format!("data:text/html,{form}")).await.unwrap();
        page.refused(&bad_origin("null")).await;
        victim.has_lost_nothing();
    }

    steal(&page, &demo, &attacker).await;
    victim.has_lost_nothing();

    // The site by its other name, with a token that is good there, is another one too.
    let host = demo.address.replace("127.0.0.1", "localhost");
    let other = Page { client: page.client.clone(), site: host };
    other.open("/", "Your session").await;
    other.holds("You have none yet.").await;
    let form =
        format!("document.querySelector('[action=\"/set/\"]').action = '{}/set/'", page.site);
    page.script(&form).await;
    page.script("document.querySelector('#name').value = 'evil'").await;
    page.follow(Locator::XPath("//button[.='Set Session']")).await;
    page.refused(&bad_origin(&other.site)).await;
    victim.has_lost_nothing();

    // Cookies do not know of ports, so the attacker can have the visitor send one of his own.
    attacker.lure(&page, &origins[1], &with_own_cookie(&at(&demo, "/set/"))).await;
    page.refused(&bad_origin(&origins[1])).await;
    assert_eq!(page.cookie("csrftoken").await.unwrap().value(), TOKEN);
    victim.has_lost_nothing();
    victim.is_still_there(&page).await;
}

/// Scripts of other origins cannot read the pages, nor send anything that counts.
async fn steal(page: &Page, demo: &Demo, attacker: &Attacker) {
    for from in [attacker.other_site(), attacker.other_origin()] {
        attacker.lure(page, &from, &format!("<iframe src=\"{}\"></iframe>", demo.address)).await;
        let script = format!(
            "const read = async (method, mode, type) => {{
               const body = method === 'POST' ? 'name=evil' : undefined;
               const init = {{method, mode, body, credentials: 'include', headers: {{}}}};
               if (type) init.headers['Content-Type'] = type;
               try {{
                 const response = await fetch('{}/' + (body ? 'set/' : ''), init);
                 return response.type + ' ' + await response.text();
               }} catch (error) {{
                 return error.name;
               }}
             }};
             return (async () => [
               await read('GET', 'cors'),
               await read('GET', 'no-cors'),
               await read('POST', 'cors'),
               await read('POST', 'cors', 'application/json'),
               await read('POST', 'no-cors'),
               await read('POST', 'no-cors', 'application/x-www-form-urlencoded'),
               String(document.querySelector('iframe').contentDocument),
             ])()",
            demo.address
        );
        let error = "TypeError";
        let expected = json!([error, "opaque ", error, error, "opaque ", "opaque ", "null"]);
        assert_eq!(page.script(&script).await, expected, "{from}");
    }
}

async fn attack_from_a_trusted_origin(page: Page, attacker: Attacker) {
    page.open("/", "Your session").await;
    page.set_name("Zoë").await;
    let action = format!("{}/set/", page.site);
    // The cookie says `SameSite=Lax`.
    attacker.lure(&page, &attacker.other_site(), &form(&action, ENCODINGS[0], "")).await;
    page.refused("CSRF cookie not set.").await;
    attacker.lure(&page, &attacker.other_origin(), &form(&action, ENCODINGS[0], "")).await;
    page.refused("CSRF token missing.").await;
    page.open("/get/", "Session Value is Zoë").await;

    attacker.lure(&page, &attacker.other_origin(), &with_own_cookie(&action)).await;
    page.heading("Session is set").await;
    page.open("/get/", "Session Value is evil").await;
}

async fn attack_without_tokens(page: Page, demo: Demo, attacker: Attacker) {
    page.open("/", "Your session").await;
    let fields = format!("document.querySelectorAll('{TOKEN_FIELD}')");
    page.script(&format!("{fields}.forEach(field => field.remove())")).await;
    assert_eq!(page.script(&format!("return {fields}.length")).await, 0);
    let victim = Victim::begin(&page, &demo).await;
    for path in FORMS {
        let action = at(&demo, path);
        for (from, site) in
            [(attacker.other_site(), "cross-site"), (attacker.other_origin(), "same-site")]
        {
            let form = form(&action, ENCODINGS[0], "");
            attacker.lure(&page, &from, &form).await;
            page.refused(&bad_site(site, &from)).await;
            victim.has_lost_nothing();
            attacker.lure(&page, &from, &sandboxed(&form)).await;
            page.refused(&bad_site("cross-site", "null")).await;
            victim.has_lost_nothing();
        }
    }
    victim.is_still_there(&page).await;
}

/// Who has a session with a name in it.
struct Victim<'a> {
    demo: &'a Demo,
    cookie: String,
}

impl<'a> Victim<'a> {
    async fn begin(page: &Page, demo: &'a Demo) -> Self {
        if page.text("h1").await.ok().as_deref() != Some("Your session") {
            page.open("/", "Your session").await;
        }
        page.set_name("Zoë").await;
        let cookie = page.session_cookie().await.unwrap().value().to_owned();
        Self { demo, cookie }
    }

    fn has_lost_nothing(&self) {
        let cookie = format!("sessionid={}", self.cookie);
        let answer = self.demo.get("/get/", Some(&cookie));
        assert!(answer.body.contains("<h1>Session Value is Zoë</h1>"), "{answer:?}");
    }

    /// In the browser as well, and can go on.
    async fn is_still_there(&self, page: &Page) {
        assert_eq!(page.session_cookie().await.unwrap().value(), self.cookie);
        page.open("/", "Your session").await;
        page.holds("Zoë").await;
        page.set_name("Søren").await;
        page.open("/get/", "Session Value is Søren").await;
    }
}

/// A form with a token, and the cookie that it agrees with.
fn with_own_cookie(action: &str) -> String {
    let field = format!("<input name=\"csrfmiddlewaretoken\" value=\"{TOKEN}\">");
    let cookie = format!("<script>document.cookie = 'csrftoken={TOKEN}; path=/'</script>");
    cookie + &form(action, ENCODINGS[0], &field)
}

fn at(demo: &Demo, path: &str) -> String {
    format!("{}{path}", demo.address)
}

fn bad_origin(origin: &str) -> String {
    format!("Origin checking failed - {origin} does not match any trusted origins.")
}

fn bad_site(site: &str, origin: &str) -> String {
    format!(
        "Sec-Fetch-Site checking failed - {site}, and {origin} does not match any trusted origins."
    )
}
