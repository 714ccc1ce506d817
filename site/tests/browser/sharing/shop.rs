//! The shop of docs/sharing.md, made of the blocks of the page: nginx, Django in gunicorn, our program
//! and a database. Only addresses and folders are others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use servers::Nginx;
use tempfile::TempDir;

use crate::common::Program;

/// What the block begins with that is for nginx.
const SITES: &str = "# /etc/nginx/conf.d/shop.conf";

/// Who can log in, and into Django's admin.
pub(super) const USER: &str = "zoe";
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// The blocks of the page, with the shop's own folders and ports in the place of the page's.
struct Blocks {
    page: String,
    folder: PathBuf,
    django_port: u16,
    rust_port: u16,
}

impl Blocks {
    /// The block that begins with this comment; it may stand in a list.
    fn named(&self, comment: &str) -> String {
        let begins = |block: &&str| {
            block.lines().nth(1).is_some_and(|line| line.trim().starts_with(comment))
        };
        let mut found = self.page.split("```").filter(begins);
        let block = found.next().unwrap_or_else(|| panic!("no block begins with {comment}"));
        assert!(found.next().is_none(), "two blocks begin with {comment}");
        let lines = block.lines().skip(1);
        let indent = lines.clone().next().unwrap().find(|c: char| c != ' ').unwrap();
        self.moved(
            &lines
                .map(|line| format!("{}\n", line.get(indent..).unwrap_or("")))
                .collect::<String>(),
        )
    }

    /// The commands that hold this word.
    fn commands(&self, word: &str) -> String {
        let blocks = self.page.split("```sh\n").skip(1);
        let mut found = blocks.map(|rest| rest.split("```").next().unwrap());
        self.moved(found.find(|block| block.contains(word)).unwrap())
    }

    fn moved(&self, text: &str) -> String {
        let folder = self.folder.display();
        text.replace("/srv/shop", &format!("{folder}/srv"))
            .replace("/etc/shop", &format!("{folder}/etc"))
            .replace("127.0.0.1:8001", &format!("127.0.0.1:{}", self.django_port))
            .replace("127.0.0.1:8002", &format!("127.0.0.1:{}", self.rust_port))
    }
}

/// The shop, open for visitors.
pub(super) struct Shop {
    django: Option<Program>,
    rust: Option<Program>,
    pub(super) nginx: Nginx,
    database_url: String,
    blocks: Blocks,
    _folder: TempDir,
}

/// A part of it that is started again, with the variables that are in `shop.env` by now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Django,
    Rust,
}

impl Shop {
    pub(super) fn open() -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs/sharing.md");
        let page = fs::read_to_string(page).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [django_port, rust_port] = [(); 2].map(|()| servers::free_port().unwrap());
        let blocks = Blocks { page, folder: folder.path().to_owned(), django_port, rust_port };
        let database_url = servers::fresh_database(servers::shared::postgres()).unwrap();
        for name in ["etc", "srv", "srv/django", "srv/templates"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let place = |path: &str| folder.path().join("srv").join(path);
        write_environment(&blocks, &database_url, "# /etc/shop/shop.env, chmod 600");
        run(&blocks, &format!("django-admin startproject shop {}", place("django").display()));
        let settings = place("django/shop/settings.py");
        let made = fs::read_to_string(&settings).unwrap();
        let end = blocks.named("# /srv/shop/django/shop/settings.py");
        fs::write(&settings, format!("{made}\n{end}")).unwrap();
        fs::write(place("django/shop/urls.py"), blocks.named("# /srv/shop/django/shop/urls.py"))
            .unwrap();
        fs::write(place("settings.toml"), blocks.named("# /srv/shop/settings.toml")).unwrap();
        let template = blocks.named("<!-- /srv/shop/templates/basket.html -->");
        fs::write(place("templates/basket.html"), template).unwrap();
        symlink(env!("CARGO_BIN_EXE_shop"), place("shop")).unwrap();

        let once = blocks.commands("createsuperuser");
        run(&blocks, &once.replace("createsuperuser", "createsuperuser --no-input"));
        let [django, rust] = [Side::Django, Side::Rust].map(|side| Some(start(&blocks, side)));
        let nginx = Nginx::start(&blocks.named(SITES)).unwrap();
        Self { django, rust, nginx, database_url, blocks, _folder: folder }
    }

    /// What nginx is told.
    pub(super) fn sites(&self) -> String {
        self.blocks.named(SITES)
    }

    /// The same after the page `/basket/` has moved to Rust, by the block of the page that says how.
    pub(super) fn sites_after_the_move(&self) -> String {
        let moved = self.blocks.named("# in the place of the last location in");
        let location = moved.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("\n");
        let before = self.sites();
        let start = before.find("location = /basket/").unwrap();
        format!("{}{location}\n}}\n", &before[..start])
    }

    /// Puts another `shop.env` of the page in the place of the first one.
    pub(super) fn set_environment(&self, comment: &str) {
        write_environment(&self.blocks, &self.database_url, comment);
    }

    /// Stops one side, as systemd does, and starts it again.
    pub(super) fn restart(&mut self, side: Side) {
        let program = match side {
            Side::Django => &mut self.django,
            Side::Rust => &mut self.rust,
        };
        if let Some(program) = program.take() {
            program.signal("TERM");
            assert!(program.wait(), "{side:?} ends well");
        }
        *program = Some(start(&self.blocks, side));
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
        python.args(["-c", code, &self.nginx.port().to_string(), name, request]);
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

fn run(blocks: &Blocks, script: &str) {
    let output = shell(script).current_dir(&blocks.folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
}

/// Writes `shop.env` from the page, with the database of the test.
fn write_environment(blocks: &Blocks, database_url: &str, comment: &str) {
    let mut lines = blocks.named(comment);
    match lines.find("DATABASE_URL=") {
        Some(start) => lines.replace_range(start.., &format!("DATABASE_URL={database_url}\n")),
        None => lines += &format!("DATABASE_URL={database_url}\n"),
    }
    fs::write(blocks.folder.join("etc/shop.env"), lines).unwrap();
}

/// Starts one side with the command of the page.
fn start(blocks: &Blocks, side: Side) -> Program {
    let environment = fs::read_to_string(blocks.folder.join("etc/shop.env")).unwrap();
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    // The shell makes room for the program, which is stopped by its id.
    let (script, ready) = match side {
        Side::Django => {
            let command = blocks.commands("gunicorn");
            (command.replace("&& gunicorn", "&& exec gunicorn"), "Listening at: http://")
        }
        Side::Rust => (format!("exec {}", blocks.commands("runserver")), "Serving on http://"),
    };
    let mut command = shell(&format!("exec 2>&1; {script}"));
    let mut program = Program::start(command.envs(variables)).unwrap();
    program.wait_for(ready);
    program
}
