//! The two places in `src/lib.rs` that name an app.

const LIST: &str = "pub const INSTALLED_APPS: &[App] = &[";

/// As wide as rustfmt leaves a line.
const WIDTH: usize = 100;

/// The file with this app in it.
pub(super) fn in_lib(text: &str, app: &str) -> Result<String, String> {
    let (before, rest) =
        text.split_once(LIST).ok_or_else(|| format!("there is no line `{LIST}`"))?;
    let (list, after) =
        rest.split_once("];").ok_or("the list INSTALLED_APPS does not end with `];`")?;
    let mut apps: Vec<&str> =
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    // A comment in the list would go with the line that it stands in.
    if let Some(other) = apps.iter().find(|entry| !is_path(entry)) {
        return Err(format!("INSTALLED_APPS has {other:?}, which is no app"));
    }
    let entry = format!("{app}::APP");
    if apps.contains(&entry.as_str()) {
        return Err(format!("{app} is in INSTALLED_APPS already"));
    }
    apps.push(&entry);
    Ok(with_module(before, app)? + &format!("{LIST}{}];", list_of(&apps)) + after)
}

fn is_path(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:".contains(letter))
}

/// On one line where it fits, as rustfmt would have it.
fn list_of(apps: &[&str]) -> String {
    let line = apps.join(", ");
    if LIST.len() + line.len() + "];".len() <= WIDTH {
        return line;
    }
    apps.iter().map(|app| format!("\n    {app},")).collect::<String>() + "\n"
}

/// The module among the others, by the alphabet.
fn with_module(text: &str, app: &str) -> Result<String, String> {
    let line = format!("pub mod {app};");
    let lines: Vec<&str> = text.lines().collect();
    if lines.contains(&line.as_str()) {
        return Err(format!("there is a module {app} already"));
    }
    let is_module = |line: &str| line.starts_with("pub mod ") && line.ends_with(';');
    let place = lines
        .iter()
        .position(|other| is_module(other) && *other > line.as_str())
        .or_else(|| lines.iter().rposition(|other| is_module(other)).map(|last| last + 1))
        .ok_or("there is no line `pub mod …;`")?;
    let (before, after) = lines.split_at(place);
    let lines: Vec<&str> = before.iter().chain([&line.as_str()]).chain(after).copied().collect();
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "//! Docs.\n\npub mod urls;\n\nuse segue::App;\n\n/// The apps.\npub const \
                       INSTALLED_APPS: &[App] = &[];\n";

    #[test]
    fn an_app_is_added_in_both_places() {
        let one = in_lib(NEW, "student").unwrap();
        let expected = NEW.replace("pub mod urls", "pub mod student;\npub mod urls");
        assert_eq!(one, expected.replace("&[]", "&[student::APP]"));
        let two = in_lib(&one, "wiki").unwrap();
        assert!(two.contains("pub mod student;\npub mod urls;\npub mod wiki;\n\nuse"), "{two}");
        assert!(two.contains("&[student::APP, wiki::APP];\n"), "{two}");
        let long = ["a", "b"].map(|letter| letter.repeat(30));
        let four = in_lib(&in_lib(&two, &long[0]).unwrap(), &long[1]).unwrap();
        assert!(four.contains("= &[\n    student::APP,\n    wiki::APP,\n    aaa"), "{four}");
        assert!(four.ends_with("bb::APP,\n];\n"), "{four}");
        let five = in_lib(&four, "last").unwrap();
        assert!(five.contains("bb::APP,\n    last::APP,\n];"), "{five}");
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        let twice = in_lib(NEW, "student").unwrap();
        for (text, reason) in [
            ("fn main() {}\n", "there is no line `pub const INSTALLED_APPS"),
            (&NEW.replace("pub mod urls;\n", ""), "there is no line `pub mod"),
            (&NEW.replace("[];", "[]"), "does not end"),
            (&NEW.replace("&[]", "&[\n    a::APP, // why\n]"), "which is no app"),
            (&twice, "in INSTALLED_APPS already"),
            (&NEW.replace("urls", "student"), "there is a module student"),
        ] {
            let refusal = in_lib(text, "student").unwrap_err();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
