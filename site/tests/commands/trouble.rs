//! A server that is killed, and a database in trouble under a server that runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Answer, Demo, Project, request};

/// Another process that holds the write lock of a database.
pub struct Lock {
    child: Child,
}

impl Lock {
    pub fn hold(database: &Path) -> Self {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
                      c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, "held\n");
        Self { child }
    }

    pub fn release(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The settings of a site that visitors use: without `DEBUG`, which tells them more.
fn in_production(project: &Project) {
    let settings = fs::read_to_string(project.path("settings.toml")).unwrap();
    let key = "SECRET_KEY = \"a key for a test, and a long one at that: 0123456789\"";
    let production = settings.replace("DEBUG = true", &format!("DEBUG = false\n{key}"));
    assert_ne!(production, settings);
    project.set(&production);
}

/// What was answered with 200 is there after the restart: nothing acknowledged is lost.
#[test]
fn kill_9_under_load_loses_no_acknowledged_write() {
    const VISITORS: usize = 8;
    let project = Project::new();
    for round in 0..3 {
        let demo = project.serve();
        let killed = AtomicBool::new(false);
        let visitors: Vec<(String, u32)> = std::thread::scope(|scope| {
            let visitors: Vec<_> = (0..VISITORS)
                .map(|_| {
                    scope.spawn(|| {
                        let cookie = demo.get("/set/", None).cookie();
                        let mut acknowledged = 0;
                        while !killed.load(Ordering::SeqCst) {
                            let name = format!("name={}", acknowledged + 1);
                            let answer =
                                request(&demo.address, "POST", "/set/", Some(&cookie), &name);
                            match answer {
                                Ok(answer) if answer.status == 200 => acknowledged += 1,
                                _ => break,
                            }
                        }
                        (cookie, acknowledged)
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(700 + 200 * round));
            demo.program.signal("KILL");
            killed.store(true, Ordering::SeqCst);
            visitors.into_iter().map(|visitor| visitor.join().unwrap()).collect()
        });
        assert!(!demo.program.wait(), "it was killed");
        let total: u32 = visitors.iter().map(|(_, acknowledged)| acknowledged).sum();
        assert!(total > 50, "there was a load: {total} writes");

        let again = Demo::start(project.command().args(["runserver", "127.0.0.1:0"]));
        for (cookie, acknowledged) in visitors {
            let page = again.get("/get/", Some(&cookie)).body;
            // The one under way when it was killed may have been written too.
            let found = [acknowledged, acknowledged + 1]
                .iter()
                .any(|n| page.contains(&format!("Session Value is {n}<")))
                || (acknowledged == 0 && page.contains("Session Value is manish<"));
            assert!(found, "{acknowledged} were acknowledged, and the page says {page}");
        }
    }
}

/// Two servers on one file, one visitor: both see one session.
#[test]
fn two_servers_share_a_database() {
    let project = Project::new();
    let (one, two) = (project.serve(), project.serve());
    let cookie = one.set_name("ada", None).cookie();
    assert!(two.get("/get/", Some(&cookie)).body.contains("Session Value is ada"));
    two.set_name("grace", Some(&cookie));
    assert!(one.get("/get/", Some(&cookie)).body.contains("Session Value is grace"));
    request(&two.address, "POST", "/flush/", Some(&cookie), "").unwrap();
    assert!(one.get("/get/", Some(&cookie)).body.contains("No Session Value is set"));
}

#[test]
fn a_database_in_trouble_is_a_503_that_keeps_the_cookie() {
    let project = Project::new();
    in_production(&project);
    let demo = project.serve();
    let cookie = demo.get("/set/", None).cookie();
    let (path, moved) = (project.path("db.sqlite3"), project.path("moved"));
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    for answer in [demo.get("/get/", Some(&cookie)), demo.set_name("x", Some(&cookie))] {
        assert_eq!((answer.status, answer.header("set-cookie")), (503, None), "{answer:?}");
        assert!(answer.body.contains("cannot reach its session store"));
        assert!(!answer.body.contains("sqlite"), "nothing of the inside shows");
    }
    fs::remove_dir(&path).unwrap();
    fs::rename(&moved, &path).unwrap();
    assert!(demo.get("/get/", Some(&cookie)).body.contains("Session Value is manish"));
}

/// A project with the user zoe, whose hashes cost nothing.
fn project_with_a_user() -> Project {
    let project = Project::new();
    let settings = fs::read_to_string(project.path("settings.toml")).unwrap();
    project.set(&format!("{settings}\nPASSWORD_HASHERS = [\"md5\"]\n"));
    project.succeed(&["migrate"]);
    let mut command = project.command();
    command.args(["createsuperuser", "--noinput", "--username", "zoe", "--email", ""]);
    command.env("DJANGO_SUPERUSER_PASSWORD", "long and secret");
    assert!(command.output().unwrap().status.success());
    project
}

/// Logs in, from the address that a proxy says.
fn log_in(demo: &Demo, forwarded_for: &str, password: &str) -> Answer {
    let headers = format!("a=b\r\nX-Forwarded-For: {forwarded_for}");
    let form = format!("username=zoe&password={}", password.replace(' ', "+"));
    request(&demo.address, "POST", "/accounts/login/", Some(&headers), &form).unwrap()
}

/// The server tells whence a request comes, and a header says so only where a proxy writes it.
#[test]
fn the_eleventh_wrong_login_is_refused() {
    let project = project_with_a_user();
    let demo = project.serve();
    for n in 0..10 {
        let answer = log_in(&demo, &format!("192.0.2.{n}"), "a guess");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for password in ["a guess", "long and secret"] {
        let answer = log_in(&demo, "192.0.2.99", password);
        assert_eq!(answer.status, 429, "{answer:?}");
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&seconds), "{seconds}");
        assert!(answer.body.contains("Too many failed attempts."), "{answer:?}");
    }
    drop(demo);

    let mut command = project.command();
    let demo = Demo::start(command.env("NUM_PROXIES", "1").args(["runserver", "127.0.0.1:0"]));
    for n in 0..10 {
        // What the visitor wrote into the header stands before what the proxy adds.
        let answer = log_in(&demo, &format!("198.51.100.{n}, 192.0.2.1"), "a guess");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(log_in(&demo, "192.0.2.2, 192.0.2.1", "long and secret").status, 429);
    assert_eq!(log_in(&demo, "192.0.2.1, 192.0.2.2", "long and secret").status, 302);
}

#[test]
fn a_database_in_trouble_logs_nobody_out_and_nobody_in() {
    let project = project_with_a_user();
    in_production(&project);
    let demo = project.serve();
    let answer = log_in(&demo, "", "long and secret");
    let cookie = answer.set_cookies().find(|cookie| cookie.starts_with("sessionid=")).unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert!(demo.get("/members/", Some(&cookie)).body.contains("You are <b>zoe</b>"));
    let (path, moved) = (project.path("db.sqlite3"), project.path("moved"));
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    for answer in [demo.get("/members/", Some(&cookie)), log_in(&demo, "", "long and secret")] {
        assert_eq!((answer.status, answer.header("set-cookie")), (503, None), "{answer:?}");
        assert!(!answer.body.contains("sqlite"), "nothing of the inside shows");
    }
    fs::remove_dir(&path).unwrap();
    fs::rename(&moved, &path).unwrap();
    assert!(demo.get("/members/", Some(&cookie)).body.contains("You are <b>zoe</b>"));
    assert_eq!(log_in(&demo, "", "long and secret").status, 302);
}

/// A server without permission to write says so at the start, also where somebody has the database open
/// and its log is there. Root may write everything, so as root the server is started as nobody.
#[test]
fn a_read_only_database_is_said_at_the_start() {
    let project = Project::new();
    let key = "SECRET_KEY = \"a key for a test, and a long one at that: 0123456789\"";
    project.set(&format!("{key}\nALLOWED_HOSTS = [\"localhost\"]\n"));
    project.succeed(&["migrate"]);
    let program = project.path("program");
    fs::copy(env!("CARGO_BIN_EXE_site"), &program).unwrap();
    let log = project.path("db.sqlite3-wal");
    assert_read_only_is_said(&project);
    let lock = Lock::hold(&project.path("db.sqlite3"));
    assert!(log.exists());
    assert_read_only_is_said(&project);
    lock.release();
}

fn assert_read_only_is_said(project: &Project) {
    let mode = |name: &str, mode| {
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, of_name) in [("db.sqlite3", 0o444), ("settings.toml", 0o444), ("program", 0o555)] {
        mode(name, of_name);
    }
    mode("", 0o555);
    // One that serves would not come to an end.
    let mut command = Command::new("timeout");
    command.arg("60");
    let is_root = fs::metadata("/proc/self").unwrap();
    if std::os::unix::fs::MetadataExt::uid(&is_root) == 0 {
        command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    }
    command.arg(project.path("program")).args(["runserver", "127.0.0.1:0"]);
    let output = command.current_dir(project.path("")).output().unwrap();
    mode("", 0o755);
    mode("db.sqlite3", 0o644);
    assert!(!output.status.success() && output.status.code() != Some(124), "it serves");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("DATABASE_URL names cannot be opened"), "{complaint}");
    assert!(complaint.contains("is read-only"), "{complaint}");
}
