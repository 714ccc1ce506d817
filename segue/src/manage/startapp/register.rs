//! The two places in `src/lib.rs` that name an app.

const LIST: &str = "pub const INSTALLED_APPS: &[App] = &[";

/// As wide as rustfmt leaves a line.
const WIDTH: usize = 100;

/// The file with this app in it. Where a place for it is not certain there is none.
pub(super) fn in_lib(text: &str, app: &str) -> Result<String, String> {
    let (before, rest) = at_the_list(text)?;
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
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Ok(with_module(before, app, end)? + LIST + &list_of(&apps, end) + "];" + after)
}

/// What is before the list, and what is in it and behind.
fn at_the_list(text: &str) -> Result<(&str, &str), String> {
    let starts_line = |at: &usize| text[..*at].is_empty() || text[..*at].ends_with('\n');
    let mut places = text.match_indices(LIST).map(|(at, _)| at).filter(starts_line);
    let place = places.next().ok_or_else(|| format!("there is no line `{LIST}`"))?;
    if places.next().is_some() {
        return Err(format!("there is more than one line `{LIST}`"));
    }
    let (before, rest) = text.split_at(place);
    // What is in one only looks like a module or a list.
    if before.contains("/*") {
        return Err("there is a comment between /* and */ before INSTALLED_APPS".to_owned());
    }
    Ok((before, rest.strip_prefix(LIST).unwrap_or_default()))
}

fn is_path(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:".contains(letter))
}

/// On one line where it fits, as rustfmt would have it.
fn list_of(apps: &[&str], end: &str) -> String {
    let line = apps.join(", ");
    if LIST.len() + line.len() + "];".len() <= WIDTH {
        return line;
    }
    apps.iter().map(|app| format!("{end}    {app},")).collect::<String>() + end
}

/// The module among the others, by the alphabet.
fn with_module(text: &str, app: &str, end: &str) -> Result<String, String> {
    let new = format!("pub mod {app};");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let modules = lines.iter().map(|line| line.trim_end()).enumerate();
    let modules = modules.filter(|(_, line)| line.starts_with("pub mod ") && line.ends_with(';'));
    let modules: Vec<(usize, &str)> = modules.collect();
    if modules.iter().any(|(_, other)| *other == new) {
        return Err(format!("there is a module {app} already"));
    }
    let (first, _) = *modules.first().ok_or("there is no line `pub mod …;`")?;
    let smaller = modules.iter().rfind(|(_, other)| *other < new.as_str());
    let (before, after) = match smaller {
        // What follows may belong to the next one.
        Some((at, _)) => lines.split_at(at + 1),
        None => lines.split_at(above(&lines, first)?),
    };
    Ok(before.concat() + &new + end + &after.concat())
}

/// Where what belongs to the module in this line begins: its comments and attributes.
fn above(lines: &[&str], module: usize) -> Result<usize, String> {
    let mut place = module;
    let mut is_apart = false;
    for (at, line) in lines.iter().map(|line| line.trim_end()).enumerate().take(module).rev() {
        let is_of_the_file =
            line.starts_with("//!") || line.starts_with("#![") && line.ends_with(']');
        if line.is_empty() {
            is_apart = true;
        } else if line.starts_with("#[") || line.starts_with("///") {
            place = at;
        } else if is_of_the_file || line.ends_with(';') || line == "}" {
            break;
        } else if !line.starts_with("//") {
            return Err(format!("what {line:?} before the modules belongs to is not certain"));
        } else if is_apart {
            break;
        } else {
            place = at;
        }
    }
    Ok(place)
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
    fn what_belongs_to_a_module_stays_with_it() {
        let with = |modules: &str| NEW.replace("pub mod urls;\n", modules);
        for (before, after) in [
            ("#[cfg(test)]\npub mod wiki;\n", "pub mod student;\n#[cfg(test)]\npub mod wiki;\n"),
            (
                "/// A.\n\n// B.\n#[c]\npub mod z;\n",
                "pub mod student;\n/// A.\n\n// B.\n#[c]\npub mod z;\n",
            ),
            (
                "pub mod a;\n/// The wiki.\npub mod wiki;\n",
                "pub mod a;\npub mod student;\n/// The wiki.\npub mod wiki;\n",
            ),
            ("#[cfg(test)]\npub mod a;\n", "#[cfg(test)]\npub mod a;\npub mod student;\n"),
            ("#![a]\npub mod urls;\n", "#![a]\npub mod student;\npub mod urls;\n"),
            ("// Mine.\n\npub mod urls;\n", "// Mine.\n\npub mod student;\npub mod urls;\n"),
        ] {
            let expected = with(after).replace("&[]", "&[student::APP]");
            assert_eq!(in_lib(&with(before), "student").as_deref(), Ok(expected.as_str()));
        }
    }

    #[test]
    fn a_list_in_a_comment_is_none() {
        let line = format!("// {LIST}a::APP];\n");
        let text = NEW.replace("/// The apps", &format!("{line}/// The apps"));
        let expected = text.replace("&[];", "&[student::APP];");
        let expected = expected.replace("pub mod urls", "pub mod student;\npub mod urls");
        assert_eq!(in_lib(&text, "student"), Ok(expected));
    }

    #[test]
    fn lines_end_as_they_did() {
        let of_windows = |text: &str| text.replace('\n', "\r\n");
        let mut text = NEW.to_owned();
        for app in ["student", "wiki", &"a".repeat(30), &"b".repeat(30)] {
            let next = in_lib(&text, app).unwrap();
            assert_eq!(in_lib(&of_windows(&text), app), Ok(of_windows(&next)));
            text = next;
        }
        assert!(text.contains("[\n"), "also where it takes several lines: {text}");
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        let twice = in_lib(NEW, "student").unwrap();
        for (text, reason) in [
            ("fn main() {}\n", "there is no line `pub const INSTALLED_APPS"),
            (&NEW.replace("pub mod urls;\n", ""), "there is no line `pub mod"),
            (&NEW.replace("[];", "[]"), "does not end"),
            (&NEW.replace("&[]", "&[\n    a::APP, // why\n]"), "which is no app"),
            (&format!("{NEW}{LIST}];\n"), "more than one line `pub const INSTALLED_APPS"),
            (&NEW.replace("pub const", " pub const"), "there is no line `pub const INSTALLED_APPS"),
            (&NEW.replace("use", "/*\npub mod a;\n*/\nuse"), "a comment between /* and */"),
            (&NEW.replace("pub mod", "#[cfg(\n    test\n)]\npub mod"), "what \")]\" before"),
            (&twice, "in INSTALLED_APPS already"),
            (&NEW.replace("urls", "student"), "there is a module student"),
        ] {
            let refusal = in_lib(text, "student").unwrap_err();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
