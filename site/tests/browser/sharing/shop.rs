//! The shop of docs/sharing.md, made of the blocks of the page: nginx, Django in gunicorn, our program
//! and a database. Only addresses and folders are others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use servers::Nginx;
use tempfile::TempDir;

use crate::common::{Document, Program};

/// Who can log in, and into Django's admin.
pub(super) const USER: &str = "zoe";
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// The shop, open for visitors.
pub(super) struct Shop {
    django: Option<Program>,
    rust: Option<Program>,
    nginx: Option<Nginx>,
    database_url: String,
    page: Document,
    folder: TempDir,
}

/// A part of it that is started again, with the variables that are in `shop.env` by now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Django,
    Rust,
}

impl Shop {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let port = || servers::free_port().unwrap();
        let page = Document::read("docs/sharing.md")
            .with("/srv/shop", format!("{path}/srv"))
            .with("/etc/shop", format!("{path}/etc"))
            .with("127.0.0.1:8001", format!("127.0.0.1:{}", port()))
            .with("127.0.0.1:8002", format!("127.0.0.1:{}", port()));
        let database_url = servers::fresh_database(servers::shared::postgres()).unwrap();
        for name in ["etc", "srv", "srv/django", "srv/templates"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let shop = Self { django: None, rust: None, nginx: None, database_url, page, folder };
        shop.build();
        let [django, rust] = [Side::Django, Side::Rust].map(|side| Some(shop.start(side)));
        let nginx = Some(Nginx::start(&shop.sites()).unwrap());
        Self { django, rust, nginx, ..shop }
    }

    /// Puts each file into its place, and has Django make the tables.
    fn build(&self) {
        let place = |path: &str| self.folder.path().join("srv").join(path);
        self.set_environment("# The first");
        self.run(&format!("django-admin startproject shop {}", place("django").display()));
        let write = |path: &str, language: &str| {
            let title = format!("# {}", place(path).display());
            fs::write(place(path), self.page.block(language, &title)).unwrap();
        };
        let made = fs::read_to_string(place("django/shop/settings.py")).unwrap();
        write("django/shop/settings.py", "python");
        let end = fs::read_to_string(place("django/shop/settings.py")).unwrap();
        fs::write(place("django/shop/settings.py"), format!("{made}\n{end}")).unwrap();
        write("django/shop/urls.py", "python");
        write("settings.toml", "toml");
        let [template] = &self.page.blocks("html")[..] else { panic!("one template") };
        fs::write(place("templates/basket.html"), template).unwrap();
        symlink(env!("CARGO_BIN_EXE_shop"), place("shop")).unwrap();
        let once = self.page.block("sh", "python manage.py createsuperuser");
        self.run(&once.replace("createsuperuser", "createsuperuser --no-input"));
    }

    /// What nginx is told.
    pub(super) fn sites(&self) -> String {
        self.page.block("nginx", "upstream ")
    }

    pub(super) fn nginx(&self) -> &Nginx {
        self.nginx.as_ref().unwrap()
    }

    /// What nginx is told after the page `/basket/` has moved to Rust, by the block that says how.
    pub(super) fn sites_after_the_move(&self) -> String {
        let moved = self.page.block("nginx", "# in the place of the last location in");
        let location = moved.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("\n");
        let before = self.sites();
        let start = before.find("location = /basket/").unwrap();
        format!("{}{location}\n}}\n", &before[..start])
    }

    /// Writes `shop.env` as the page has it for this step, with the database of the test.
    pub(super) fn set_environment(&self, step: &str) {
        let steps = self.page.blocks("dotenv");
        let place = match step {
            "# The first" => 0,
            _ => steps.iter().position(|block| block.contains(step)).unwrap(),
        };
        let lines = steps[place].lines().filter(|line| !line.starts_with("DATABASE_URL="));
        let mut text: String = lines.map(|line| format!("{line}\n")).collect();
        text += &format!("DATABASE_URL={}\n", self.database_url);
        fs::write(self.folder.path().join("etc/shop.env"), text).unwrap();
    }

    /// Stops one side, as systemd does, and starts it again.
    pub(super) fn restart(&mut self, side: Side) {
        let stopped = match side {
            Side::Django => self.django.take(),
            Side::Rust => self.rust.take(),
        };
        let stopped = stopped.unwrap();
        stopped.signal("TERM");
        assert!(stopped.wait(), "{side:?} ends well");
        let started = Some(self.start(side));
        match side {
            Side::Django => self.django = started,
            Side::Rust => self.rust = started,
        }
    }

    /// Starts one side with the command of the page.
    fn start(&self, side: Side) -> Program {
        let environment = fs::read_to_string(self.folder.path().join("etc/shop.env")).unwrap();
        let variables = environment.lines().filter_map(|line| line.split_once('='));
        // The shell makes room for the program, which is stopped by its id.
        let (script, ready) = match side {
            Side::Django => {
                let command = self.page.block("sh", "gunicorn ");
                (command.replace("\ngunicorn", "\nexec gunicorn"), "Listening at: http://")
            }
            Side::Rust => {
                let program = self.folder.path().join("srv/shop --settings");
                let command = self.page.block("sh", program.to_str().unwrap());
                (format!("exec {command}"), "Serving on http://")
            }
        };
        let mut command = shell(&format!("exec 2>&1; {script}"));
        let mut program = Program::start(command.envs(variables)).unwrap();
        program.wait_for(ready);
        program
    }

    fn run(&self, script: &str) {
        let mut command = shell(script);
        let output = command.current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }

    /// Sends bytes to nginx over TLS, asking for this name, and gives what it answers.
    pub(super) fn send(&self, name: &str, request: &str) -> String {
        let code = "import socket, ssl, sys\n\
                    context = ssl._create_unverified_context()\n\
                    port, name, request = sys.argv[1:]\n\
                    with socket.create_connection(('127.0.0.1', int(port)), 20) as plain:\n\
                    \x20   try:\n\
                    \x20       with context.wrap_socket(plain, server_hostname=name) as stream:\n\
                    \x20           stream.sendall(request.encode())\n\
                    \x20           print(stream.makefile(newline='').read())\n\
                    \x20   except ssl.SSLError as error:\n\
                    \x20       print(error)\n";
        let mut python = Command::new(python());
        python.args(["-c", code, &self.nginx().port().to_string(), name, request]);
        let output = python.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn python() -> PathBuf {
    let python = std::env::var_os("SEGUE_TEST_PYTHON");
    python.expect("SEGUE_TEST_PYTHON names no Python with Django: run `cargo xtask test`").into()
}

/// A shell in which `python`, `django-admin` and `gunicorn` are those of the tests.
fn shell(script: &str) -> Command {
    let programs = python().parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", script])
        .env_clear()
        .env("PATH", path.unwrap())
        .env("RUST_LOG", "error")
        .envs([("DJANGO_SUPERUSER_USERNAME", USER), ("DJANGO_SUPERUSER_PASSWORD", PASSWORD)])
        .env("DJANGO_SUPERUSER_EMAIL", "zoe@example.com");
    command
}
