//! The Python process that is Django, and the conversation with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use segue::SessionKey;
use serde_json::{Value, json};

/// A Django with its own settings. Its process ends with it, also when the test fails.
pub struct Django {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A row of `django_session` as Django finds it.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub data: String,
    /// The text in the column.
    pub expire_date: String,
    /// The JSON text within the data.
    pub json: String,
}

/// What a side says about the expiry of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Expires {
    pub age: i64,
    /// The date, in microseconds since 1970.
    pub micros: i64,
    pub at_browser_close: bool,
}

impl Django {
    /// A Django with sessions in this database.
    pub fn start(database: &Path, secret_key: &str) -> Self {
        Self::configured(json!({"database": database, "secret_key": secret_key}))
    }

    /// A Django with the arguments of `configure` in `side.py`.
    pub fn configured(mut configuration: Value) -> Self {
        let python = std::env::var_os("SEGUE_TEST_PYTHON").expect(
            "SEGUE_TEST_PYTHON names no Python with Django: run `cargo xtask test`, which \
             installs Django",
        );
        // The browser's tests, in another package, include this file.
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = package.with_file_name("segue").join("tests/django/side.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("SEGUE_TEST_PYTHON is a program");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut django = Self { process, input, output };
        configuration["op"] = "configure".into();
        let version = django.call(&configuration);
        assert!(version.as_str().unwrap().starts_with("5.2."), "this is Django {version}");
        django
    }

    /// Has an operation of `side.py` done.
    pub fn call(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("Django ended, or printed {line:?}"));
        if let Some(error) = answer["error"].as_str() {
            panic!("{request}: {error}");
        }
        answer["ok"].take()
    }

    fn text(&mut self, request: &Value) -> String {
        self.call(request).as_str().unwrap().to_owned()
    }

    /// What a command of `manage.py` prints.
    pub fn manage(&mut self, arguments: &[&str]) -> String {
        self.text(&json!({"op": "manage", "args": arguments}))
    }

    /// Makes a session that holds what the JSON text says.
    pub fn create(&mut self, data: &str) -> SessionKey {
        key(&self.text(&json!({"op": "create", "data": data})))
    }

    /// What a session holds, as Python writes it.
    pub fn read(&mut self, key: &SessionKey) -> String {
        self.text(&json!({"op": "read", "key": key.expose()}))
    }

    pub fn row(&mut self, key: &SessionKey) -> Option<Row> {
        let row = self.call(&json!({"op": "row", "key": key.expose()}));
        let text = |name: &str| Some(row.get(name)?.as_str()?.to_owned());
        Some(Row { data: text("data")?, expire_date: text("expire_date")?, json: text("json")? })
    }

    /// Sets each key of the JSON text, and gives the key under which it was saved.
    pub fn change(&mut self, of: &SessionKey, data: &str) -> SessionKey {
        key(&self.text(&json!({"op": "change", "key": of.expose(), "data": data})))
    }

    /// Runs Python on the `session`, and saves it.
    pub fn change_python(&mut self, of: &SessionKey, code: &str) -> SessionKey {
        key(&self.text(&json!({"op": "change_python", "key": of.expose(), "code": code})))
    }

    /// The `repr` of a Python expression about the `session`.
    pub fn evaluate(&mut self, of: &SessionKey, code: &str) -> String {
        self.text(&json!({"op": "evaluate", "key": of.expose(), "code": code}))
    }

    pub fn flush(&mut self, key: &SessionKey) {
        self.call(&json!({"op": "flush", "key": key.expose()}));
    }

    /// Stops Django's clock.
    pub fn freeze(&mut self, now: segue::Timestamp) {
        self.call(&json!({"op": "freeze", "micros": now.as_microsecond()}));
    }

    /// The operation `expiry` of `side.py`.
    pub fn expiry(
        &mut self,
        key: Option<&SessionKey>,
        value: Option<&str>,
        save: bool,
    ) -> (Option<SessionKey>, Expires) {
        let key = key.map(SessionKey::expose);
        let told = self.call(&json!({"op": "expiry", "key": key, "value": value, "save": save}));
        let expires = Expires {
            age: told["age"].as_i64().unwrap(),
            micros: told["micros"].as_i64().unwrap(),
            at_browser_close: told["at_browser_close"].as_bool().unwrap(),
        };
        (told["key"].as_str().and_then(SessionKey::parse), expires)
    }

    /// Starts Django's HTTP server and gives its port.
    pub fn serve(&mut self) -> u16 {
        self.call(&json!({"op": "serve"})).as_u64().unwrap().try_into().unwrap()
    }
}

/// The key of a session: an id, or of a session in the cookie its whole text.
fn key(text: &str) -> SessionKey {
    SessionKey::parse(text).or_else(|| SessionKey::sealed(text)).unwrap()
}

impl Drop for Django {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
