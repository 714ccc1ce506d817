//! The templates that a project puts in the place of ours.

use std::fs;

use http::StatusCode;
use segue::users::NewUser;

use crate::site::{CHANGE, DONE, LOGIN, LOGOUT, NEW, PASSWORD, Site, routes, settings_in};

/// A site whose project has these templates.
async fn site(templates: &[(&str, &str)]) -> Site {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("templates/registration")).unwrap();
    for (name, text) in templates {
        fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let settings = settings_in(&folder);
    let site = segue::Site::new(settings.clone(), routes(&settings)).await.unwrap();
    site.database().unwrap().migrate().await.unwrap();
    let site = Site { app: site.clone().into_router(), site, folder };
    site.create(NewUser::new("ann").password(PASSWORD)).await;
    site
}

#[tokio::test]
async fn one_file_gives_them_all_the_look_of_the_project() {
    let base = "{% extends \"base.html\" %}\n{% block content %}{% block registration %}\
                {% endblock %}{% endblock %}";
    let site = site(&[
        ("base.html", "<body class=\"ours\">{% block content %}{% endblock %}</body>"),
        ("registration/base.html", base),
    ])
    .await;
    let mut visitor = site.visitor();
    let ours = "<body class=\"ours\">";
    visitor.get(LOGIN).await.shows(&[ours, "<h1>Log in</h1>", "csrfmiddlewaretoken"]);
    visitor.log_in("ann", "x").await.shows(&[ours, "Please enter a correct"]);
    visitor.log_in("ann", PASSWORD).await.location();
    visitor.get(CHANGE).await.shows(&[ours, "<h1>Password change</h1>", "csrfmiddlewaretoken"]);
    visitor.change(PASSWORD, NEW, NEW).await.location();
    visitor.get(DONE).await.shows(&[ours, "<h1>Password changed</h1>"]);
    visitor.post(LOGOUT, &[]).await.shows(&[ours, "<h1>Logged out</h1>"]);
}

#[tokio::test]
async fn each_of_them_can_be_replaced_and_finds_what_the_docs_say() {
    let all = [
        (
            "registration/login.html",
            "login {{ form.username.value }} {{ form.errors|length }} \
             {{ form.username.errors|length }} {{ form.password.errors|length }} {{ next }}",
        ),
        ("registration/logged_out.html", "out"),
        (
            "registration/password_change_form.html",
            "change {{ form.old_password.errors|length }} {{ form.new_password1.errors|length }} \
             {{ form.new_password2.errors|length }} {{ help|length }}",
        ),
        ("registration/password_change_done.html", "done"),
    ];
    let site = site(&all).await;
    let mut visitor = site.visitor();
    let text = |answer: crate::site::Answer| {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    };
    assert_eq!(text(visitor.get(&format!("{LOGIN}?next=x")).await), "login  0 0 0 x");
    assert_eq!(text(visitor.log_in("ann", "x").await), "login ann 1 0 0 ");
    assert_eq!(text(visitor.log_in("", "").await), "login  0 1 1 ");
    visitor.log_in("ann", PASSWORD).await.location();
    assert_eq!(text(visitor.get(CHANGE).await), "change 0 0 0 4");
    assert_eq!(text(visitor.change("x", "", "").await), "change 1 1 1 4");
    visitor.change(PASSWORD, NEW, NEW).await.location();
    assert_eq!(text(visitor.get(DONE).await), "done");
    assert_eq!(text(visitor.post(LOGOUT, &[]).await), "out");
}

/// A template that cannot be rendered is a 500 and no login, whoever it is.
#[tokio::test]
async fn a_broken_template_is_a_500_that_says_nothing() {
    let broken = "{{ form.username.value }}{% nonsense %}";
    let site = site(&[("registration/login.html", broken)]).await;
    for answer in [site.visitor().get(LOGIN).await, site.visitor().log_in("ann", "guess").await] {
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!answer.body.contains("nonsense") && !answer.body.contains("ann"), "{answer:?}");
    }
}
