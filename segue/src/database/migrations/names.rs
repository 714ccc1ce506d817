//! Which names apps and migrations may have.

/// What the columns of `django_migrations` take.
const LONGEST: usize = 255;

/// Django's own apps, whether this build makes their tables or not: a Django may.
const DJANGOS: [&str; 3] = ["auth", "contenttypes", "sessions"];

/// What speaks against a name for an app of a project.
pub(crate) fn app_problem(name: &str) -> Option<&'static str> {
    if DJANGOS.contains(&name) {
        return Some("it is the name of an app of Django's, whose migrations it would hide");
    }
    if !is_identifier(name) {
        return Some(
            "an app is a module: ASCII letters, digits and underscores, and no digit at the beginning",
        );
    }
    (name.len() > LONGEST).then_some("it is longer than 255 characters")
}

/// The number at the beginning of a migration's name.
///
/// # Errors
/// What is wrong with the name.
pub(crate) fn number(name: &str) -> Result<u32, &'static str> {
    let wrong = "a migration is named by a number of four digits or more and a word or several, as \
                 0001_add_marks: ASCII letters, digits and underscores";
    let (digits, rest) = name.split_once('_').ok_or(wrong)?;
    let are_digits = digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits || rest.is_empty() || !is_identifier(name.trim_start_matches(is_digit)) {
        return Err(wrong);
    }
    if name.len() > LONGEST {
        return Err("it is longer than 255 characters");
    }
    digits.parse().map_err(|_| "its number is too large")
}

/// What is said of two migrations of an app that have the same number: nothing tells which is first.
pub(crate) fn same_number(app: &str, one: &str, other: &str) -> String {
    let number = one.split('_').next().unwrap_or_default();
    format!(
        "{app} has two migrations with the number {number}, {one} and {other}: give the file of one of \
         them, which is not applied anywhere yet, another number"
    )
}

/// Whether it is letters, digits and underscores of ASCII, and begins with no digit.
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(is_digit)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        let long = format!("0001_{}", "a".repeat(250));
        for (name, expected) in [
            ("0001_initial", Some(1)),
            ("0012_x_2", Some(12)),
            ("10000_after", Some(10_000)),
            ("20261129_1200", Some(20_261_129)),
            (&long, Some(1)),
            (&format!("{long}a"), None),
            ("", None),
            ("0001", None),
            ("0001_", None),
            ("001_initial", None),
            ("initial", None),
            ("_0001_initial", None),
            ("0001-initial", None),
            ("0001_ini-tial", None),
            ("0001_é", None),
            ("٠٠٠١_initial", None),
            ("+001_initial", None),
            ("0001_a b", None),
            ("99999999999_x", None),
        ] {
            assert_eq!(number(name).ok(), expected, "{name}");
        }
    }

    #[test]
    fn apps_are_modules() {
        for name in ["student", "a", "_a1", "Student", "admin"] {
            assert_eq!(app_problem(name), None, "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "é", "a b", "auth", "contenttypes", "sessions"] {
            assert!(app_problem(name).is_some(), "{name}");
        }
        assert!(app_problem(&"a".repeat(255)).is_none() && app_problem(&"a".repeat(256)).is_some());
    }
}
