//! What the forms of the login and of another password say, in Django's words.

use std::collections::BTreeMap;

use axum::Router;
use http::Request;
use segue::auth::views;
use segue::settings::PasswordHasher;
use segue::users::NewUser;
use segue::{Site, Templates};
use serde_json::{Value, json};

use crate::place::Place;
use crate::side::Django;
use crate::users::{database, django, form, send, settings, text};

const PASSWORD: &str = "correct horse battery staple";

/// Each error on a line, behind its field.
const LOGIN: &str = "{% for error in form.errors %}__all__|{{ error|safe }}\n{% endfor %}\
                     {% for error in form.username.errors %}username|{{ error|safe }}\n{% endfor %}\
                     {% for error in form.password.errors %}password|{{ error|safe }}\n{% endfor %}";

const CHANGE: &str = "{% for text in help %}help|{{ text|safe }}\n{% endfor %}\
     {% for error in form.old_password.errors %}old_password|{{ error|safe }}\n{% endfor %}\
     {% for error in form.new_password1.errors %}new_password1|{{ error|safe }}\n{% endfor %}\
     {% for error in form.new_password2.errors %}new_password2|{{ error|safe }}\n{% endfor %}";

type Errors = BTreeMap<String, Vec<String>>;

fn errors(page: &str) -> Errors {
    let mut errors = Errors::new();
    for (field, error) in page.lines().filter_map(|line| line.split_once('|')) {
        errors.entry(field.to_owned()).or_default().push(error.to_owned());
    }
    errors
}

fn theirs(told: &Value) -> Errors {
    serde_json::from_value(told.clone()).unwrap()
}

/// Both sides, with two users.
async fn sides(place: &Place) -> (Django, Router, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates/registration");
    std::fs::create_dir_all(&templates).unwrap();
    std::fs::write(templates.join("login.html"), LOGIN).unwrap();
    std::fs::write(templates.join("password_change_form.html"), CHANGE).unwrap();
    let mut settings = settings();
    settings.base_dir = folder.path().to_owned();
    settings.database_url = database(place);
    settings.passwords.hashers = Some(vec![PasswordHasher::Pbkdf2Sha256 { iterations: 10 }]);
    let routes = Router::new().nest("/accounts", views::urls());
    let exempt = routes.with_state(Templates::new(&settings));
    let site = Site::new(settings, Router::new()).await.unwrap();
    let users = site.users().unwrap();
    let new = |name: &str| NewUser::new(name).password(PASSWORD).email("zoe@zebra.example");
    for new in [new("zoe"), new("fiona"), new("gone").inactive(), new("é".repeat(150).as_str())] {
        users.create(new).await.unwrap().unwrap();
    }
    (django(place), site.csrf_exempt(exempt).into_router(), folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_says_what_djangos_says() {
    let place = Place::new().await;
    let (mut django, app, _folder) = sides(&place).await;
    let long = |length| "é".repeat(length);
    let names = [
        "zoe",
        " zoe\n",
        "Zoe",
        "\u{fb01}ona",
        "gone",
        "nobody",
        "",
        " ",
        "\t\n",
        "\0",
        "zoe\0",
        "\u{a0}zoe\u{3000}",
        "zoe\u{200b}",
        "<b>",
        &long(150),
        &long(151),
        &"\u{fb03}".repeat(51),
        &"\u{fb03}".repeat(151),
    ];
    let passwords = [PASSWORD, "wrong", "", " ", "\0", "correct horse battery staple "];
    let mut cases = Vec::new();
    for name in names {
        cases.extend(passwords.map(|password| (name.to_owned(), password)));
    }
    let data: Vec<Value> = cases
        .iter()
        .map(|(name, password)| json!({"username": name, "password": password}))
        .collect();
    let told = django.call(
        &json!({"op": "form_errors", "form": "AuthenticationForm", "user": "", "cases": data}),
    );
    let mut let_in = 0;
    let mut differ = Vec::new();
    for ((name, password), told) in cases.iter().zip(told.as_array().unwrap()) {
        let body = form(&[("username", name), ("password", password), ("next", "")]);
        let response = send(&app, Request::post("/accounts/login/"), &body).await;
        let is_in = response.status() == 302;
        let_in += usize::from(is_in);
        let mut ours = errors(&text(response).await);
        // We say that no name is so long, and Django that it is not correct.
        let mut theirs = theirs(told);
        if name.chars().count() > 150 {
            let said = ours.remove("username").unwrap();
            assert!(
                said[0].starts_with("Ensure this value has at most 150 characters"),
                "{said:?}"
            );
            theirs.remove("__all__");
            assert!(!is_in);
        } else if is_in != ours.is_empty() {
            differ.push((name, password, ours.clone(), theirs.clone()));
        }
        if ours != theirs {
            differ.push((name, password, ours, theirs));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
    assert_eq!(let_in, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_is_refused_in_djangos_words() {
    let place = Place::new().await;
    let (mut django, app, _folder) = sides(&place).await;
    let new = [
        "",
        " ",
        "\0",
        "short",
        "password",
        "12345678",
        "zoe zebra",
        "a fine new one",
        "a fine new two",
    ];
    let mut cases = Vec::new();
    for old in [PASSWORD, "wrong", "", "\0", "correct horse battery staple "] {
        for one in new {
            cases.extend(new.map(|two| [old, one, two]));
        }
    }
    let data: Vec<Value> = cases
        .iter()
        .map(|[old, one, two]| {
            json!({"old_password": old, "new_password1": one, "new_password2": two})
        })
        .collect();
    let told = django.call(
        &json!({"op": "form_errors", "form": "PasswordChangeForm", "user": "zoe", "cases": data}),
    );
    let help = django.call(&json!({"op": "help_texts"}));
    let body = form(&[("username", "zoe"), ("password", PASSWORD), ("next", "")]);
    let response = send(&app, Request::post("/accounts/login/"), &body).await;
    let mut cookies = response.headers().get_all("set-cookie").iter();
    let cookie =
        cookies.find(|cookie| cookie.as_bytes().starts_with(b"sessionid=")).unwrap().clone();
    let mut fine = 0;
    let mut differ = Vec::new();
    for ([old, one, two], told) in cases.iter().zip(told.as_array().unwrap()) {
        let mut theirs = theirs(told);
        // Django examines the second one alone as well, though the form is refused for the first.
        if matches!(*one, "" | "\0") && !matches!(*two, "" | "\0") {
            theirs.remove("new_password2");
        }
        if theirs.is_empty() {
            // It would be the password.
            fine += 1;
            continue;
        }
        let body = form(&[("old_password", old), ("new_password1", one), ("new_password2", two)]);
        let request = Request::post("/accounts/password_change/").header("cookie", &cookie);
        let response = send(&app, request, &body).await;
        assert_eq!(response.status(), 200, "{old:?} {one:?} {two:?}");
        let mut ours = errors(&text(response).await);
        assert_eq!(json!(ours.remove("help").unwrap()), help);
        if ours != theirs {
            differ.push((old, one, two, ours, theirs));
        }
    }
    assert!(differ.is_empty(), "{} {differ:#?}", differ.len());
    assert_eq!(fine, 2);
    let body = form(&[
        ("old_password", PASSWORD),
        ("new_password1", "a fine new one"),
        ("new_password2", "a fine new one"),
    ]);
    let request = Request::post("/accounts/password_change/").header("cookie", &cookie);
    assert_eq!(send(&app, request, &body).await.status(), 302);
}
