//! docs/deployment.md: what it shows is run, with the folders and ports of the test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::common::{Document, copy_folder};

/// A machine as the page sets it up: the program, its settings and its variables.
struct Machine {
    page: Document,
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let port = || servers::free_port().unwrap();
        let page = Document::read("docs/deployment.md")
            .with("/srv/shop", format!("{path}/srv"))
            .with("/etc/shop", format!("{path}/etc"))
            .with("/var/lib/shop", format!("{path}/lib"))
            .with("target/release/shop", env!("CARGO_BIN_EXE_site"))
            .with("8001", port())
            .with("8002", port())
            // No name has to be looked up, and no certificate believed.
            .with("shop.example.com", "127.0.0.1")
            .with("listen 443 ssl", "listen 443");
        for name in ["etc", "srv", "lib"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let machine = Self { page, folder };
        let place = |name: &str| machine.folder.path().join("srv").join(name);
        fs::write(place("settings.toml"), machine.page.block("toml", "ALLOWED_HOSTS")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_site"), place("shop")).unwrap();
        let environment = machine.page.block("dotenv", "DATABASE_URL=sqlite");
        fs::write(machine.folder.path().join("etc").join("shop.env"), environment).unwrap();
        let templates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("templates");
        copy_folder(&templates, &place("templates"));
        machine
    }

    /// Runs a script with the variables of `shop.env`.
    fn run(&self, script: &str) -> Output {
        let environment = self.page.block("dotenv", "DATABASE_URL=sqlite");
        let variables = environment.lines().filter_map(|line| line.split_once('='));
        self.shell(script).envs(variables).output().unwrap()
    }

    /// A shell with this script, and with no variables of the site.
    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            // As the unit says it.
            .args(["-e", "-u", "-c", &format!("umask 0077\n{script}")])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("RUST_LOG", "error")
            .current_dir(self.folder.path());
        shell
    }

    fn succeed(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The program, with a command.
    fn program(&self, arguments: &str) -> String {
        let folder = self.folder.path().join("srv");
        format!("{}/shop --settings {0}/settings.toml {arguments}", folder.display())
    }
}

/// A block that is added to the page is one to be run.
#[test]
fn each_block_of_the_page_is_used() {
    let page = Document::read("docs/deployment.md");
    let count = |language| page.blocks(language).len();
    // The SQL, the units and the second database are looked at in segue/tests/documents.
    let languages = ["dotenv", "toml", "sh", "nginx", "ini", "sql"];
    assert_eq!(languages.map(count), [2, 1, 4, 1, 3, 2]);
}

/// A user of the machine is not made for a test: it is looked at what is asked for.
const ROOT: &str = "\
    useradd() { test \"$*\" = '--system --shell /usr/sbin/nologin shop'; }\n\
    install() { test \"$1 $2 $3 $4 $5 $6 $7\" = '-d -m 700 -o shop -g shop'; command install -d -m $3 \"$8\"; }\n\
    runuser() { test \"$1 $2 $3\" = '-u shop --'; shift 3; \"$@\"; }\n";

#[test]
fn the_first_start_makes_the_tables_where_the_variables_say() {
    let machine = Machine::new();
    let place = machine.folder.path().join("lib");
    fs::remove_dir(&place).unwrap();
    let first = machine.page.block("sh", "useradd ");
    let output = machine.shell(&format!("{ROOT}{first}")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(place.join("db.sqlite3").is_file(), "{output:?}");
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    // And nowhere else: without the variables there would be one beside the settings.
    assert!(!machine.folder.path().join("srv/db.sqlite3").exists());
    let list = machine.succeed(&machine.program("showmigrations sessions"));
    assert!(list.contains("[X] 0001_initial"), "{list}");
}

/// The page has root read it into a shell; systemd reads it too, and takes the quotes off.
#[test]
fn a_shell_reads_each_file_of_variables() {
    let machine = Machine::new();
    let files = machine.page.blocks("dotenv");
    for file in &files {
        let path = machine.folder.path().join("etc/shop.env");
        fs::write(&path, file).unwrap();
        let script = format!("set -a; . {}; set +a\nprintenv DATABASE_URL", path.display());
        let output = machine.shell(&script).output().unwrap();
        let shown = file.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read.trim_end(), shown.trim_matches('"'), "{file}");
    }
    assert!(files.iter().any(|file| file.contains('&')), "one has what a shell would cut at");
}

#[test]
fn the_check_before_the_first_visitor_finds_nothing() {
    let machine = Machine::new();
    machine.succeed(&machine.program("migrate"));
    let check = machine.page.block("sh", &machine.program("check --deploy"));
    let key = "Zk3v9Qw7Lp2Xy8Rt5Nb1Md6Fh4Jc0Gs-Zk3v9Qw7Lp2Xy8Rt5Nb1";
    let said = machine.succeed(&format!("SECRET_KEY={key} {check}"));
    assert!(said.ends_with("No issues found.\n"), "{said}");
    let said = machine.succeed(&check);
    assert!(said.contains("warning: SECRET_KEY is the example of the documents."), "{said}");
    // It would find something.
    let said = machine.succeed(&format!("SECRET_KEY=short {check}"));
    assert!(said.contains("warning: SECRET_KEY is short"), "{said}");
}

#[test]
fn the_secret_key_that_is_made_is_a_good_one() {
    let machine = Machine::new();
    let key = machine.succeed(&machine.page.block("sh", "openssl rand"));
    assert_eq!(key.trim().len(), 64, "in one line: {key}");
    machine.succeed(&machine.program("migrate"));
    let check = machine.program("check --deploy");
    let said = machine.succeed(&format!("SECRET_KEY='{}' {check}", key.trim()));
    assert!(!said.contains("SECRET_KEY"), "{said}");
}

/// The handler for health checks is that of the program of the tests.
#[test]
fn the_health_check_is_that_of_this_site() {
    let page = Document::read("docs/deployment.md");
    let shown = page.block("rust", "async fn health");
    let views = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/student/views.rs"));
    let (_, shown) = shown.split_once("async fn health").unwrap();
    assert!(views.unwrap().contains(shown), "{shown}");
}

mod nginx {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use servers::Nginx;

    use super::Machine;
    use crate::common::request;

    /// `systemctl restart` as the unit has it: TERM, the end, and a start with the same variables.
    const SYSTEMCTL: &str = "\
        begin() { $PROGRAM runserver 127.0.0.1:$1 >>log 2>&1 & echo $! >$1.pid; }\n\
        systemctl() {\n\
            test $1 = restart; port=${2#shop@}; pid=$(cat $port.pid)\n\
            kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done\n\
            echo $2 >>restarts; begin $port\n\
        }\n";

    /// Both programs end with it.
    struct Running<'a>(&'a Machine);

    impl Drop for Running<'_> {
        fn drop(&mut self) {
            let _ = self.0.run("for file in *.pid; do kill -s KILL $(cat $file) || true; done");
        }
    }

    #[test]
    fn a_new_version_costs_no_visitor_a_request() {
        let machine = Machine::new();
        machine.succeed(&machine.program("migrate"));
        let script = |text: &str| {
            let program = machine.program("");
            machine.succeed(&format!("PROGRAM='{program}'\n{SYSTEMCTL}{text}"))
        };
        let update = machine.page.block("sh", "install -m ");
        let ports = update.split_once("for port in ").unwrap().1.split(';').next().unwrap();
        let _running = Running(&machine);
        script(&format!("for port in {ports}; do begin $port; done"));
        let health = update.lines().find(|line| line.contains("curl")).unwrap();
        let rest = update.split_once(health).unwrap().1.split("done").next().unwrap();
        script(&format!("for port in {ports}; do\n{health}{rest}\ndone"));

        let sites = machine.page.block("nginx", "upstream ");
        let sites = sites.replace("ssl_reject_handshake on;", "");
        let nginx = Nginx::start(&sites).unwrap();
        let address = format!("http://127.0.0.1:{}", nginx.port());
        let (stop, served) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        // Each makes a session.
                        let answer = request(&address, "GET", "/set/", None, "").unwrap();
                        assert_eq!(answer.status, 200, "{answer:?}");
                        assert!(answer.cookie().starts_with("sessionid="));
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // Twice, because what nginx remembers of the first time must not matter.
            for _ in 0..2 {
                script(&update);
            }
            stop.store(true, Ordering::Relaxed);
        });
        let restarts = machine.succeed("cat restarts");
        assert_eq!(restarts.lines().count(), 4, "each was started anew: {restarts}");
        assert!(served.load(Ordering::Relaxed) > 20, "there were visitors: {served:?}");
    }
}
