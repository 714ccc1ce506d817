//! `createsuperuser` and `changepassword`, by a script and by a person at a terminal.

use std::io::Write as _;
use std::process::{Output, Stdio};

use segue::Settings;
use segue::database::Database;
use segue::users::Users;

use crate::common::{Project, request, typing};

const PASSWORD: &str = "correct horse battery staple";

/// Logs in at the demo, and tells whether that worked.
fn can_log_in(project: &Project, username: &str, password: &str) -> bool {
    let demo = project.serve();
    let form = format!("username={username}&password={}", password.replace(' ', "+"));
    let answer = request(&demo.address, "POST", "/accounts/login/", None, &form).unwrap();
    assert!([200, 302].contains(&answer.status), "{answer:?}");
    answer.status == 302
}

/// Whether a user may do everything, in Django's admin as well.
fn is_superuser(project: &Project, username: &str) -> bool {
    let url = format!("sqlite://{}", project.path("db.sqlite3").display());
    let user = async {
        let database = Database::from_url(&url).await.unwrap();
        let users = Users::new(database, &Settings::new("any")).unwrap();
        users.by_username(username).await.unwrap().unwrap()
    };
    let user = tokio::runtime::Runtime::new().unwrap().block_on(user);
    user.is_superuser && user.is_staff && user.is_active
}

/// Runs a command with these variables.
fn with(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    project.command().args(arguments).envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn a_script_makes_a_superuser_without_being_asked() {
    let project = Project::new();
    let arguments = ["createsuperuser", "--noinput"];
    assert!(project.fail(&arguments).contains("run `migrate` first"));
    project.succeed(&["migrate"]);
    let complaint = project.fail(&arguments);
    assert!(complaint.contains("--username or DJANGO_SUPERUSER_USERNAME is needed"), "{complaint}");

    let variables = [
        ("DJANGO_SUPERUSER_USERNAME", "root"),
        ("DJANGO_SUPERUSER_EMAIL", "root@example.com"),
        ("DJANGO_SUPERUSER_PASSWORD", PASSWORD),
    ];
    let output = with(&project, &arguments, &variables);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"Superuser created successfully.\n");
    assert!(can_log_in(&project, "root", PASSWORD));
    assert!(is_superuser(&project, "root"));

    let output = with(&project, &arguments, &variables);
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("\"root\" is already taken"), "{complaint}");
    assert!(!complaint.contains(PASSWORD));
}

#[test]
fn arguments_go_over_the_environment_and_without_a_password_nobody_logs_in() {
    let project = Project::new();
    project.succeed(&["migrate"]);
    let arguments = ["createsuperuser", "--noinput", "--username", "ann", "--email", "a@b.example"];
    let output = with(&project, &arguments, &[("DJANGO_SUPERUSER_USERNAME", "bob")]);
    assert!(output.status.success(), "{output:?}");
    assert!(!can_log_in(&project, "ann", ""));
    for (variables, expected) in [
        ([("DJANGO_SUPERUSER_PASSWORD", "")], "DJANGO_SUPERUSER_PASSWORD is empty"),
        ([("DJANGO_SUPERUSER_PASSWORD", "x")], "already taken"),
    ] {
        let output = with(&project, &arguments, &variables);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(expected), "{complaint}");
    }
    let wrong = ["createsuperuser", "--noinput", "--username", "a b", "--email", ""];
    assert!(project.fail(&wrong).contains("Enter a valid username."));
    let wrong = ["createsuperuser", "--noinput", "--username", "bob", "--email", "bob"];
    assert!(project.fail(&wrong).contains("\"bob\" will not do: Enter a valid email address."));
    assert!(project.fail(&["createsuperuser"]).contains("run `createsuperuser --noinput`"));
}

#[test]
fn a_person_is_asked_and_told_what_will_not_do() {
    let project = Project::new();
    project.succeed(&["migrate"]);
    let lines = [
        "a b", // no name
        "zoe",
        "zoe@example", // no address
        "zoe@example.com",
        "   ", // blank
        "   ",
        "12345", // too short, common, numeric
        "12345",
        "n",
        PASSWORD,
        "another one",
        PASSWORD,
        PASSWORD,
    ];
    let seen = project.at_a_terminal("createsuperuser", &lines);
    assert!(seen.success(), "{seen:?}");
    let seen = seen.text;
    for text in [
        "Username (leave blank to use \"root\"): ",
        "Enter a valid username.",
        "Email address: ",
        "Error: Enter a valid email address.",
        "Password: ",
        "Password (again): ",
        "Error: Blank passwords aren't allowed.",
        "This password is too short. It must contain at least 8 characters.",
        "This password is too common.",
        "This password is entirely numeric.",
        "Bypass password validation and create user anyway? [y/N]: ",
        "Error: Your passwords didn't match.",
        "Superuser created successfully.",
    ] {
        assert!(seen.contains(text), "{text:?} is not in {seen}");
    }
    assert!(!seen.contains(PASSWORD), "what is typed is not shown: {seen}");
    assert!(can_log_in(&project, "zoe", PASSWORD));

    // A name that is taken is asked for again, before any password is.
    let lines = ["zoe", "ann", "", PASSWORD, PASSWORD];
    let seen = project.at_a_terminal("createsuperuser", &lines);
    let taken = "Error: the username \"zoe\" is already taken";
    assert!(seen.success() && seen.text.contains(taken), "{seen:?}");
    assert!(is_superuser(&project, "ann"));
}

/// The shell that asks for the next command is one that shows what is typed into it.
#[test]
fn who_breaks_off_at_a_password_gets_the_terminal_back() {
    let project = Project::new();
    project.succeed(&["migrate"]);
    let settings = project.path("settings.toml");
    let program = env!("CARGO_BIN_EXE_site");
    let createsuperuser = format!(
        "{program} --settings {} createsuperuser --username zoe --email=",
        settings.display()
    );
    let command = format!("sh -c 'trap : INT; {createsuperuser}; echo status $?; stty -a'");
    let ctrl_c = [("Password: ", "\u{3}".to_owned())];
    let seen = typing(&command, &project.path(""), &ctrl_c, &[]);
    assert!(seen.has_ended && seen.text.contains("Cancelled.\r\nstatus 130\r\n"), "{seen:?}");
    assert!(seen.text.contains(" echo ") && seen.text.contains("-echonl"), "{seen:?}");
}

#[test]
fn a_forgotten_password_is_replaced_and_ends_the_sessions() {
    let project = Project::new();
    project.succeed(&["migrate"]);
    let arguments = ["createsuperuser", "--noinput", "--username", "zoe", "--email", ""];
    assert!(with(&project, &arguments, &[("DJANGO_SUPERUSER_PASSWORD", "first")]).status.success());
    assert!(project.fail(&["changepassword", "nobody"]).contains("there is no user \"nobody\""));

    // A script that writes none is told so, and not asked three times.
    assert!(project.fail(&["changepassword", "zoe"]).contains("the answers have ended"));
    // A script writes both lines.
    let mut child = project
        .command()
        .args(["changepassword", "zoe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = format!("{PASSWORD}\n{PASSWORD}\n");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("Password changed successfully for user \"zoe\"\n"), "{said}");
    assert!(!can_log_in(&project, "zoe", "first"));
    assert!(can_log_in(&project, "zoe", PASSWORD));

    // Three tries, then it stays as it was.
    let tries = ["12345", "12345", "12345", "12345", "12345", "12345"];
    let seen = project.at_a_terminal("changepassword zoe", &tries);
    assert!(!seen.success() && seen.text.contains("no password after 3 tries"), "{seen:?}");
    assert!(can_log_in(&project, "zoe", PASSWORD));
}
