//! Whether many people have a password.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;
use memchr::memmem;

use crate::characters::strip;
use crate::error::ConfigError;

/// The list of Django 5.2; its licence stands beside it.
const DJANGOS: &[u8] = include_bytes!("common-passwords.txt.gz");

/// `CommonPasswordValidator`.
pub(super) struct Common(Option<List>);

/// Passwords in lower case, one a line, with a line break before the first one too. A search through
/// the text is nothing beside a hash, and a set of so many texts would take ten times the memory.
struct List(String);

impl Common {
    /// The list in a file, or Django's.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, ConfigError> {
        let list = path.map(|path| {
            let read = std::fs::read(path).and_then(|bytes| List::read(&bytes));
            read.map_err(|error| ConfigError::file(path, error))
        });
        list.transpose().map(Self)
    }

    pub(super) fn has(&self, password: &str) -> bool {
        self.0.as_ref().unwrap_or_else(|| djangos()).has(password)
    }
}

/// Unpacked when it is first asked for, once in the process.
fn djangos() -> &'static List {
    static LIST: OnceLock<List> = OnceLock::new();
    // A list that is empty would fail the tests; it cannot be another one at run time.
    LIST.get_or_init(|| List::read(DJANGOS).unwrap_or_else(|_| List(String::new())))
}

impl List {
    /// Text, plain or gzipped.
    fn read(bytes: &[u8]) -> io::Result<Self> {
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            MultiGzDecoder::new(bytes).read_to_string(&mut text)?;
        } else {
            let mut bytes = bytes;
            bytes.read_to_string(&mut text)?;
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let list = text.lines().fold("\n".to_owned(), |list, line| list + strip(line) + "\n");
        Ok(Self(list))
    }

    fn has(&self, password: &str) -> bool {
        let password = password.to_lowercase();
        let password = strip(&password);
        // What has several lines is in no list.
        !password.contains('\n')
            && memmem::find(self.0.as_bytes(), format!("\n{password}\n").as_bytes()).is_some()
    }
}
