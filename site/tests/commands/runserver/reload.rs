//! Settings and templates are read again, sources are pointed at.

use std::fs;

use super::{Connection, NOTICED, here, next_line, project, serve, set};
use crate::common::TOKEN;

/// The name of the session's cookie in an answer.
fn cookie(answer: &str) -> &str {
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    line.unwrap_or_else(|| panic!("no cookie in {answer}")).split('=').next().unwrap()
}

#[test]
fn changed_settings_are_served_on_the_connections_that_are_there() {
    let project = project();
    set(&project, "");
    let mut demo = serve(&mut here(&project), &[]);
    let mut connection = Connection::open(&demo);
    assert_eq!(cookie(&connection.get("/set/")), "sessionid");
    for name in ["first", "second"] {
        set(&project, &format!("SESSION_COOKIE_NAME = \"{name}\""));
        demo.program.wait_for("settings.toml has changed: reloaded.");
        assert_eq!(cookie(&connection.get("/set/")), name);
        assert_eq!(cookie(&Connection::open(&demo).get("/set/")), name);
    }
}

/// What began in the old site ends there, and only then its database is closed.
#[test]
#[cfg(target_os = "linux")]
fn a_request_that_is_under_way_ends_where_it_began() {
    let project = project();
    set(&project, "");
    let mut demo = serve(&mut here(&project), &[]);
    let holds = |database: &str| {
        let files = fs::read_dir(format!("/proc/{}/fd", demo.program.id())).unwrap();
        let database = project.path(database);
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|path| path == database))
    };
    let mut upload = Connection::open(&demo);
    let form = format!("csrfmiddlewaretoken={TOKEN}&name=");
    upload.write(&format!(
        "POST /set/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={TOKEN}\r\nContent-Length: \
         {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len() + 5
    ));
    // It is under way when another that came after it has been answered.
    let mut other = Connection::open(&demo);
    assert_eq!(cookie(&other.get("/set/")), "sessionid");
    assert!(holds("db.sqlite3"));

    let url = "DATABASE_URL = \"sqlite://other.sqlite3\"";
    fs::copy(project.path("db.sqlite3"), project.path("other.sqlite3")).unwrap();
    set(&project, &format!("SESSION_COOKIE_NAME = \"other\"\n{url}"));
    demo.program.wait_for("settings.toml has changed: reloaded.");
    assert_eq!(cookie(&other.get("/set/")), "other");
    let holds = |database: &str| {
        let files = fs::read_dir(format!("/proc/{}/fd", demo.program.id())).unwrap();
        let database = project.path(database);
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|path| path == database))
    };
    assert!(holds("db.sqlite3"), "the old database is still needed");
    assert!(holds("other.sqlite3"));
    upload.write("grace");
    let answer = upload.read();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(cookie(&answer), "sessionid", "it ended in the site in which it began");
    let mut waited = 0;
    while holds("db.sqlite3") {
        waited += 1;
        assert!(waited < 300, "the old database is closed at last");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_mistake_is_told_as_at_the_start_and_the_old_site_goes_on() {
    let project = project();
    set(&project, "SESSION_COOKIE_NAME = \"good\"");
    let mut demo = serve(&mut here(&project), &[]);
    let mut connection = Connection::open(&demo);
    let toml = "settings.toml has changed, and does not hold: the site goes on as it was.";
    for (mistake, complaint) in [
        ("SESSION_COOKIE_AGE = \"a week\"", "error: SESSION_COOKIE_AGE: found \"a week\" in "),
        ("SESSION_COKIE_AGE = 5", "error: SESSION_COKIE_AGE in settings.toml is not a setting; "),
        ("SESSION_COOKIE_AGE 600", "error: cannot use the file settings.toml: "),
        ("SESSION_ENGINE = \"cache\"", "error: "),
        ("DATABASE_URL = \"sqlite://no/such/folder/db\"", "error: "),
        // The project's own code does not hold either.
        ("SESSION_COOKIE_NAME = \"broken\"", "no routes for this cookie"),
    ] {
        set(&project, mistake);
        demo.program.wait_for(complaint);
        demo.program.wait_for(toml);
        assert_eq!(cookie(&connection.get("/set/")), "good", "{mistake}");
    }
    fs::remove_file(project.path("settings.toml")).unwrap();
    demo.program.wait_for("error: ");
    assert_eq!(cookie(&connection.get("/set/")), "good");
    set(&project, "SESSION_COOKIE_NAME = \"mended\"");
    demo.program.wait_for("settings.toml has changed: reloaded.");
    assert_eq!(cookie(&connection.get("/set/")), "mended");
}

#[test]
fn what_is_not_migrated_is_told_again() {
    let project = project();
    set(&project, "");
    let mut demo = serve(&mut here(&project), &[]);
    set(&project, "DATABASE_URL = \"sqlite://new.sqlite3\"");
    demo.program.wait_for("unapplied migration(s)");
    demo.program.wait_for("settings.toml has changed: reloaded.");
}

#[test]
fn debug_can_be_turned_off_and_then_nothing_is_watched() {
    let project = project();
    set(&project, "");
    let mut demo = serve(&mut here(&project), &[]);
    let mut connection = Connection::open(&demo);
    assert!(connection.get("/panics/").contains("there is a name"));
    let off = "DEBUG = false\nSECRET_KEY = \"hunter2-hunter2-hunter2\"\nALLOWED_HOSTS = [\"localhost\"]\n";
    project.set(off);
    demo.program.wait_for("settings.toml has changed: reloaded. DEBUG is off now");
    assert!(connection.get("/panics/").ends_with("\r\n\r\nInternal server error."));
    assert!(connection.get("/set/").contains("; Secure"), "cookies as in production");
    project.set(&format!("{off}SESSION_COOKIE_NAME = \"late\"\n"));
    std::thread::sleep(NOTICED);
    assert_eq!(cookie(&connection.get("/set/")), "sessionid");
}

#[test]
fn whoever_wants_no_reload_gets_none() {
    let project = project();
    let production = "SECRET_KEY = \"hunter2-hunter2-hunter2\"\nALLOWED_HOSTS = [\"localhost\"]\n";
    for (settings, arguments) in [
        ("DEBUG = true\nALLOWED_HOSTS = [\"localhost\"]\n", &["--noreload"][..]),
        (production, &[]),
    ] {
        project.set(settings);
        let demo = serve(&mut here(&project), arguments);
        project.set(&format!("{settings}SESSION_COOKIE_NAME = \"other\"\n"));
        fs::write(project.path("src/main.rs"), "changed").unwrap();
        std::thread::sleep(NOTICED);
        assert_eq!(cookie(&Connection::open(&demo).get("/set/")), "sessionid", "{arguments:?}");
    }
}

#[test]
fn a_changed_source_is_named_once_with_what_to_do() {
    let project = project();
    set(&project, "");
    let mut demo = serve(&mut here(&project), &[]);
    let advice = "stop with Ctrl-C, and `cargo run` again to see it.\n";
    for name in ["src/student/views.rs", "Cargo.toml", "src/student/migrations/0001_marks.sql"] {
        fs::create_dir_all(project.path(name).parent().unwrap()).unwrap();
        fs::write(project.path(name), "changed").unwrap();
        assert_eq!(next_line(&mut demo.program), format!("{name} has changed: {advice}"));
        std::thread::sleep(NOTICED);
    }
    fs::remove_file(project.path("src/main.rs")).unwrap();
    assert_eq!(next_line(&mut demo.program), format!("src/main.rs has changed: {advice}"));
    // Had it been said twice, it would stand before this.
    set(&project, "SESSION_COOKIE_AGE = 600");
    assert_eq!(next_line(&mut demo.program), "settings.toml has changed: reloaded.\n");
}

/// Of each template that a page is made of, and of one that is new.
#[test]
fn changed_templates_are_read_again() {
    let project = project();
    let write = |name: &str, text: &str| {
        fs::write(project.path("templates").join(name), text).unwrap();
    };
    write(
        "page.html",
        "{% extends \"frame.html\" %}{% block inner %}{% include \"part.html\" %}{% endblock %}",
    );
    write("frame.html", "<one>{% block inner %}{% endblock %}");
    write("part.html", "<a>");
    let demo = serve(&mut here(&project), &[]);
    let page = || demo.get("/page/", None);
    assert_eq!(page().body, "<one><a>");
    write("part.html", "<b longer>");
    assert_eq!(page().body, "<one><b longer>");
    write("frame.html", "<two longer>{% block inner %}{% endblock %}");
    assert_eq!(page().body, "<two longer><b longer>");
    write("page.html", "{% include \"new.html\" %}");
    let missing = page();
    assert_eq!(missing.status, 500);
    assert!(missing.body.contains("new.html"), "{missing:?}");
    write("new.html", "<new>");
    assert_eq!(page().body, "<new>");
    write("new.html", "{% if %}");
    assert_eq!(page().status, 500);
    write("new.html", "<mended>");
    assert_eq!(page().body, "<mended>");
    // One that Segue brings is replaced by a file.
    assert_eq!(demo.get("/accounts/login/", None).status, 200);
    write("registration/login.html", "<ours>");
    assert_eq!(demo.get("/accounts/login/", None).body, "<ours>");
}
