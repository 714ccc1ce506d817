//! Every command at a terminal and in a pipe: what is said where, and how it looks.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Stdio;

use segue::settings::Settings;
use segue::{Clock, Codec, SecretKeys, SessionData, SessionStore as _, SignedDuration, Timestamp};

use crate::common::{Project, Seen, request, without_colours};

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
fn commands_in_the_help(project: &Project, before: &str) -> BTreeSet<String> {
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
fn assert_plain(text: &str, what: &str) {
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

/// So does the log, which is for people as well.
#[test]
fn the_log_has_colours_at_a_terminal_alone() {
    for (variable, has_colours) in [(("LANG", "C"), true), (("NO_COLOR", "1"), false)] {
        let project = Project::new();
        let seen = project.at_a_terminal_with("check", &[], &[("RUST_LOG", "warn"), variable]);
        let line = seen.raw.lines().find(|line| line.contains("SECRET_KEY is not set")).unwrap();
        assert_eq!(line != without_colours(line), has_colours, "{line:?}");
    }
    let project = Project::new();
    let output = project.command().env("RUST_LOG", "warn").arg("check").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("SECRET_KEY is not set"), "{log}");
    assert_plain(&log, "check");
}

#[test]
fn the_help_has_colours_at_a_terminal_alone() {
    let project = Project::new();
    for arguments in ["--help", "sessions list --help", "completions --help"] {
        let seen = project.at_a_terminal(arguments, &[]);
        assert!(seen.success() && seen.raw != seen.text, "{seen:?}");
        assert_eq!(seen.text.contains("Examples:"), arguments != "--help", "{seen:?}");
        let text = project.succeed(&arguments.split(' ').collect::<Vec<_>>());
        assert_plain(&text, arguments);
        assert_eq!(text, seen.text.replace("\r\n", "\n"));
        let seen = project.at_a_terminal_with(arguments, &[], &[("NO_COLOR", "1")]);
        assert_eq!(seen.raw, seen.text);
    }
}

/// What it says until it is stopped.
#[test]
fn a_server_at_a_terminal_and_in_a_pipe() {
    let case = Case { prepare: migrate, ..NOTHING };
    let stop = [("(stop with Ctrl-C)", "\u{3}".to_owned())];
    let seen = project(&case).typing("runserver 127.0.0.1:0", &stop, &[]);
    assert!(seen.success(), "{seen:?}");
    for text in ["Serving on http://127.0.0.1:", "Stopping: finishing the requests"] {
        assert!(seen.text.contains(text), "{seen:?}");
    }
    let project = project(&case);
    let mut command = project.command();
    let mut child = command
        .args(["runserver", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let (mut said, mut piece) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&said).contains("(stop with Ctrl-C)") {
        let length = output.read(&mut piece).unwrap();
        assert!(length > 0, "it ended");
        said.extend_from_slice(&piece[..length]);
    }
    // Who has answered once listens to signals as well.
    let told = String::from_utf8_lossy(&said).into_owned();
    let (_, address) = told.split_once("http://").unwrap();
    let address = format!("http://{}", address.split_whitespace().next().unwrap());
    assert_eq!(request(&address, "GET", "/", None, "").unwrap().status, 200);
    let kill = ["-c", "kill -s INT \"$0\"", &child.id().to_string()];
    assert!(std::process::Command::new("sh").args(kill).status().unwrap().success());
    output.read_to_end(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert_plain(&String::from_utf8(said).unwrap(), "runserver");
    let mut complained = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
    assert_plain(&complained, "runserver");
}

/// 0 done, 1 failed, 2 a wrong command line: as the help says.
#[test]
fn the_exit_code_tells_what_happened() {
    let project = Project::new();
    let help = project.succeed(&["--help"]);
    let codes =
        "Exit status: 0 done; 1 failed, and standard error says why; 2 a wrong command line.";
    assert!(help.contains(codes), "{help}");
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["migrate", "--help"], 0),
        (&["check"], 0),
        (&["clearsessions"], 1),
        (&["check", "--settings", "nowhere.toml"], 1),
        (&["nonsense"], 2),
        (&["migrate", "--nonsense"], 2),
        (&["completions"], 2),
        (&["completions", "tcsh"], 2),
        (&["sessions"], 2),
        (&["sessions", "delete", "--yes"], 2),
        (&["check", "--fail-level", "NONE"], 2),
    ] {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        let complained = String::from_utf8(output.stderr).unwrap();
        assert_eq!(complained.is_empty(), code == 0, "{arguments:?}: {complained}");
        // `sessions` alone shows what there is.
        let has_reason = complained.starts_with("error: ") || complained.contains("Usage: ");
        assert!(code == 0 || has_reason, "{arguments:?}: {complained}");
    }
    let version = project.succeed(&["--version"]);
    assert!(version.starts_with("site (Segue ") && version.ends_with(")\n"), "{version}");
}

/// They are there where no settings are.
#[test]
fn a_shell_and_man_read_what_is_printed_for_them() {
    let elsewhere = tempfile::tempdir().unwrap();
    let print = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_site"));
        let output = command.env_clear().current_dir(&elsewhere).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = print(&["completions", shell]);
        for word in ["site", "clearsessions", "--database-url", "dry-run", "expires-before"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // What bash makes of it: it completes the word that is begun.
    let file = elsewhere.path().join("site.bash");
    std::fs::write(&file, print(&["completions", "bash"])).unwrap();
    let script = "source \"$0\"; COMP_WORDS=(site sessions delete --exp); COMP_CWORD=3; \
                  _site site --exp delete; echo \"${COMPREPLY[@]}\"";
    let bash = std::process::Command::new("bash").args(["-c", script]).arg(&file).output().unwrap();
    let completed = String::from_utf8(bash.stdout).unwrap();
    assert_eq!(completed, "--expired --expires-before --expires-after\n", "{:?}", bash.stderr);

    let page = print(&["manpage"]);
    let commands = commands_in_the_help(&Project::new(), "");
    for command in commands {
        let section = format!(".SH \"SITE {}\"\n", command.to_uppercase());
        let plain = format!(".SH SITE {}\n", command.to_uppercase());
        assert!(page.contains(&section) || page.contains(&plain), "{command}: {page}");
    }
    for text in ["\\-\\-expires\\-before", "SESSION_COOKIE_AGE", "Exit status: 0 done"] {
        assert!(page.contains(text), "{text}");
    }
}
