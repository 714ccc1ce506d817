//! Every command at a terminal and in a pipe: what is said where, and how it looks.

use std::collections::BTreeSet;
use std::process::Stdio;

use segue::settings::Settings;
use segue::{Clock, Codec, SecretKeys, SessionData, SessionStore as _, SignedDuration, Timestamp};

use crate::common::{Project, Seen, without_colours};

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2";

/// A command with arguments, and what comes of it.
struct Case {
    /// The words that name the command.
    command: &'static str,
    arguments: &'static str,
    prepare: fn(&Project),
    /// What a person types at the questions, and what a script writes.
    typed: &'static [&'static str],
    /// What stands on standard output, and on standard error.
    says: &'static [&'static str],
    complains: &'static [&'static str],
    code: i32,
    /// Whether it has colours at a terminal.
    coloured: bool,
}

const NOTHING: Case = Case {
    command: "",
    arguments: "",
    prepare: |_| {},
    typed: &[],
    says: &[],
    complains: &[],
    code: 0,
    coloured: false,
};

/// At least one for each command: a new one is not forgotten.
const CASES: &[Case] = &[
    Case {
        command: "runserver",
        arguments: "192.0.2.1:8000",
        prepare: migrate,
        complains: &["error: cannot listen on 192.0.2.1:8000: this machine does not have that"],
        code: 1,
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "migrate",
        says: &["Running migrations:\n", "  Applying sessions.0001_initial... OK\n"],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "startapp",
        arguments: "urls",
        complains: &["error: \"urls\" cannot be the name of an app: it is the name of a module"],
        code: 1,
        coloured: true,
        ..NOTHING
    },
    Case { command: "makemigrations", says: &["No changes detected\n"], ..NOTHING },
    Case {
        command: "showmigrations",
        arguments: "sessions",
        prepare: migrate,
        says: &["sessions\n [X] 0001_initial\n"],
        ..NOTHING
    },
    Case {
        command: "sqlmigrate",
        arguments: "sessions 0001",
        says: &["CREATE TABLE \"django_session\""],
        ..NOTHING
    },
    Case {
        command: "createsuperuser",
        arguments: "--noinput --username ada --email ada@example.com",
        prepare: migrate,
        says: &["Superuser created successfully.\n"],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "createsuperuser",
        arguments: "--noinput --username ada --email ada@example",
        prepare: migrate,
        complains: &[
            "error: the address \"ada@example\" will not do: Enter a valid email address.",
        ],
        code: 1,
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "changepassword",
        arguments: "ada",
        prepare: with_user,
        typed: &["one thing", "another", "correct horse battery", "correct horse battery"],
        says: &["Password changed successfully for user \"ada\"\n"],
        complains: &["Password: ", "Password (again): ", "Error: Your passwords didn't match.\n"],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "clearsessions",
        prepare: with_sessions,
        says: &["Removed 1 expired session.\n"],
        ..NOTHING
    },
    Case {
        command: "sessions list",
        prepare: with_sessions,
        says: &["KEY        EXPIRES (UTC)", "  readable    7\n", "  unreadable  -\n"],
        complains: &["3 sessions.\n", "warning: the data of 1 session cannot be read"],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "sessions show",
        arguments: "abcdefgh",
        prepare: with_sessions,
        complains: &["error: there is no session abcd…"],
        code: 1,
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "sessions delete",
        arguments: "--expired --yes",
        prepare: with_sessions,
        says: &["Deleted 1 session.\n"],
        ..NOTHING
    },
    Case {
        command: "sessions stats",
        prepare: with_sessions,
        says: &["Sessions                 3\n", "  expired                1\n"],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "check",
        arguments: "--deploy",
        prepare: migrate,
        says: &[
            " answers.\n",
            "warning: SESSION_COOKIE_SECURE is off. (security.W012)\n  risk: ",
            "\n  mend: ",
            " issues found.\n",
        ],
        coloured: true,
        ..NOTHING
    },
    Case {
        command: "completions",
        arguments: "bash",
        says: &["_site()", "clearsessions"],
        ..NOTHING
    },
    Case { command: "manpage", says: &[".TH site 1", "SITE SESSIONS LIST"], ..NOTHING },
];

fn migrate(project: &Project) {
    project.succeed(&["migrate"]);
}

fn with_user(project: &Project) {
    migrate(project);
    let arguments = ["createsuperuser", "--noinput", "--username", "ada", "--email", ""];
    project.succeed(&arguments);
}

/// One that is live, one that has expired, one that another key signed.
fn with_sessions(project: &Project) {
    migrate(project);
    let settings = Settings::from_file(project.path("settings.toml")).unwrap();
    let work = async {
        let url = format!("sqlite://{}", project.path("db.sqlite3").display());
        let store = segue::engines::DatabaseStore::from_url(&url).await.unwrap();
        let hour = SignedDuration::from_hours(1);
        let keys = &settings.secret_keys;
        for (ends_in, keys) in
            [(hour, keys), (-hour, keys), (hour, &SecretKeys::new("another key"))]
        {
            let data = SessionData::parse(r#"{"_auth_user_id":"7"}"#).unwrap();
            let payload = Codec::signed_json(keys, &Clock::system()).encode(&data).unwrap();
            store.create(&payload, Timestamp::now() + ends_in).await.unwrap();
        }
        store.database().close().await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(work);
}

fn project(case: &Case) -> Project {
    let project = Project::new();
    project.set(&format!(
        "SECRET_KEY = \"{SECRET}\"\nALLOWED_HOSTS = [\"127.0.0.1\"]\nDEBUG = true\n\
         PASSWORD_HASHERS = [\"md5\"]\nAUTH_PASSWORD_VALIDATORS = []\n"
    ));
    (case.prepare)(&project);
    project
}

/// The commands that the help names, and those within them.
pub fn commands_in_the_help(project: &Project, before: &str) -> BTreeSet<String> {
    let arguments: Vec<&str> = before.split_whitespace().chain(["--help"]).collect();
    let help = project.succeed(&arguments);
    let Some((_, rest)) = help.split_once("\nCommands:\n") else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    for line in rest.lines().take_while(|line| line.starts_with("  ")) {
        let name = line.split_whitespace().next().unwrap();
        let words = format!("{before} {name}").trim_start().to_owned();
        let within = commands_in_the_help(project, &words);
        if within.is_empty() {
            names.insert(words);
        }
        names.extend(within);
    }
    names
}

#[test]
fn every_command_has_a_case() {
    let commands = commands_in_the_help(&Project::new(), "");
    assert!(commands.contains("migrate") && commands.contains("sessions list"), "{commands:?}");
    let cases: BTreeSet<String> = CASES.iter().map(|case| case.command.to_owned()).collect();
    let missing: Vec<&String> = commands.difference(&cases).collect();
    assert!(missing.is_empty(), "a case in the table of {} for {missing:?}", file!());
    let gone: Vec<&String> = cases.difference(&commands).collect();
    assert!(gone.is_empty(), "{gone:?} are no commands any more");
}

/// What is written for another program has no colours, no bars, and nothing else that moves a cursor.
#[track_caller]
pub fn assert_plain(text: &str, what: &str) {
    let is_script = what.starts_with("completions") || what.starts_with("manpage");
    for letter in text.chars() {
        let is_plain = letter == '\n' || !letter.is_control() || (letter == '\t' && is_script);
        assert!(is_plain, "{what}: {letter:?} in {text:?}");
    }
}

#[test]
fn in_a_pipe_results_and_talk_are_plain_and_apart() {
    for case in CASES {
        let Case { command, arguments, .. } = case;
        let what = format!("{command} {arguments}");
        let project = project(case);
        let typed: String = case.typed.iter().map(|line| format!("{line}\n")).collect();
        let mut program = project.command();
        program.args(what.split_whitespace()).stdin(Stdio::piped());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(case.code), "{what}: {said}{complained}");
        assert_plain(&said, &what);
        assert_plain(&complained, &what);
        for text in case.says {
            assert!(said.contains(text), "{what}: {text:?} is not on standard output: {said}");
            assert!(
                !complained.contains(text),
                "{what}: {text:?} is on standard error: {complained}"
            );
        }
        for text in case.complains {
            assert!(
                complained.contains(text),
                "{what}: {text:?} is not on standard error: {complained}"
            );
            assert!(!said.contains(text), "{what}: {text:?} is on standard output: {said}");
        }
        if case.complains.is_empty() {
            assert_eq!(complained, "", "{what}");
        }
    }
}

fn seen(case: &Case, variables: &[(&str, &str)]) -> Seen {
    let what = format!("{} {}", case.command, case.arguments);
    let seen = project(case).at_a_terminal_with(&what, case.typed, variables);
    assert_eq!(seen.code, Some(case.code), "{what}: {seen:?}");
    // A terminal ends its lines with two letters.
    let text = seen.text.replace("\r\n", "\n");
    for expected in case.says.iter().chain(case.complains) {
        assert!(text.contains(expected), "{what}: {expected:?} is not in {text}");
    }
    assert_plain(&text, &what);
    seen
}

#[test]
fn at_a_terminal_there_are_colours_and_nothing_else() {
    for case in CASES {
        let seen = seen(case, &[]);
        let has_colours = seen.raw != seen.text;
        assert_eq!(has_colours, case.coloured, "{}: {:?}", case.command, seen.raw);
    }
}

/// <https://no-color.org>, and `CLICOLOR` of <https://bixense.com/clicolors>.
#[test]
fn who_wants_no_colours_gets_none() {
    for variable in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        for case in CASES.iter().filter(|case| case.coloured).take(6) {
            let seen = seen(case, &[variable]);
            assert_eq!(seen.raw, seen.text, "{variable:?} {}", case.command);
        }
    }
    let case = CASES.iter().find(|case| case.command == "migrate").unwrap();
    let output =
        project(case).command().arg("migrate").env("CLICOLOR_FORCE", "1").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_ne!(text, without_colours(&text), "who wants them in a pipe gets them");
}
