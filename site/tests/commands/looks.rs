//! How the program looks beside its commands: help, log, exit codes, what shells and `man` read.

use std::io::Read as _;
use std::process::Stdio;

use crate::cases::{assert_plain, commands_in_the_help};
use crate::common::{Project, request, without_colours};

/// The log is for people.
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
    let project = Project::new();
    project.succeed(&["migrate"]);
    let stop = [("(stop with Ctrl-C)", "\u{3}".to_owned())];
    let seen = project.typing("runserver 127.0.0.1:0", &stop, &[]);
    assert!(seen.success(), "{seen:?}");
    for text in ["Serving on http://127.0.0.1:", "Stopping: finishing the requests"] {
        assert!(seen.text.contains(text), "{seen:?}");
    }
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
