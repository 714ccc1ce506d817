//! What `docs/settings.md` says of Django's defaults is what Django says.

use std::path::Path;

use serde_json::{Value, json};

use crate::place::SECRET;
use crate::side::Django;

/// Defaults that no value in the page tells, because they differ in more than that.
const IN_WORDS: &[&str] = &["CACHES", "PASSWORD_HASHERS"];

/// The cells of each row: setting, what it is, what it takes, default, Django's default.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let line = line.trim_matches('|').replace("\\|", "\u{0}");
        line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    lines.filter(|cells| cells.len() == 5).collect()
}

/// The value that a cell begins with; nothing is Python's `None`.
fn value(cell: &str) -> Value {
    if cell.starts_with("none") {
        return Value::Null;
    }
    let code = cell.strip_prefix('`').and_then(|cell| cell.split('`').next());
    serde_json::from_str(code.unwrap_or_else(|| panic!("no value in {cell}"))).unwrap()
}

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join("docs/settings.md")).unwrap()
}

#[test]
fn djangos_defaults_are_those_of_the_page() {
    let mut django =
        Django::configured(json!({"database": ":memory:", "secret_key": SECRET, "auth": true}));
    let code = "from django.conf import global_settings\n\
                result = {name: repr(value) if isinstance(value, type) else value\n\
                          for name, value in vars(global_settings).items() if name.isupper()}";
    let theirs = django.call(&json!({"op": "python", "code": code}));
    let rows = rows(&page());
    assert!(rows.len() > 50, "the tables are found: {}", rows.len());
    for cells in &rows {
        let [name, _, takes, default, of_django] = &cells[..] else { unreachable!() };
        let name = name.trim_matches('`');
        let theirs = theirs.get(name);
        if of_django.starts_with("ours") {
            assert_eq!(theirs, None, "{name} is Django's as well");
            continue;
        }
        let theirs = theirs.unwrap_or_else(|| panic!("Django has no {name}"));
        if IN_WORDS.contains(&name) {
            continue;
        }
        let taken = format!(
            "`{}`",
            takes.replace('\\', "").split_inclusive('"').take(2).collect::<String>()
        );
        let said = match of_django.as_str() {
            "the same" if default == "what it takes" => value(&taken),
            "the same" => value(default),
            of_django => value(of_django),
        };
        // An engine has a short name here as well.
        let short = json!(theirs.as_str().map(|text| text.rsplit('.').next()));
        let is_same = said == *theirs || (name == "SESSION_ENGINE" && said == short);
        assert!(is_same, "{name}: the page says {said}, Django {theirs}");
    }
    // What is said to be Django's, and not here, is Django's.
    let page = page();
    let (_, elsewhere) = page.split_once("<!-- settings: elsewhere -->").unwrap();
    let cells = elsewhere.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let names: Vec<&str> =
        cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`')).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        // The one without a default: each project has its own.
        let is_theirs = theirs.get(name).is_some() || name == "ROOT_URLCONF";
        assert!(is_theirs, "Django has no {name}");
        assert!(rows.iter().all(|cells| cells[0].trim_matches('`') != name), "{name} is here");
    }
}
