//! The list of an app's migrations, a file of its sources: `src/APP/migrations.rs`.

/// The file for these migrations. With braces, because rustfmt leaves what is in them alone: one a
/// line, so that two branches of a project can be merged.
pub(super) fn render(names: &[String]) -> String {
    let names: String = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
    let list = if names.is_empty() { "[]".to_owned() } else { format!(" {{\n{names}}}") };
    format!(
        "//! The migrations of this app, in their order: `makemigrations` keeps this list.\n\n\
         /// What `migrate` applies after Django's own.\n\
         pub const MIGRATIONS: segue::Migrations = segue::migrations!{list};\n"
    )
}

/// The names in a list; nothing, where the file holds none.
pub(super) fn read(text: &str) -> Option<Vec<String>> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let (_, list) = code.split_once("migrations!")?;
    let list = list.trim_start().strip_prefix(['[', '{', '('])?;
    let (list, _) = list.split_once([']', '}', ')'])?;
    Some(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        for list in [&[][..], &["0001_a"], &["0001_add_marks", "0002_b", "0010_c"]] {
            assert_eq!(read(&render(&names(list))), Some(names(list)));
        }
        assert!(render(&[]).ends_with("= segue::migrations![];\n"));
        let two = "= segue::migrations! {\n    \"0001_a\",\n    \"0002_b\",\n};\n";
        assert!(render(&names(&["0001_a", "0002_b"])).ends_with(two));
    }

    #[test]
    fn a_list_is_read_as_others_write_it() {
        for text in [
            "const M: &[X] = segue::migrations![\"0001_a\", \"0002_b\"];",
            "use segue::migrations;\nconst M: M = migrations! [\n\"0001_a\", // \"0000_x\"\n\"0002_b\",\n];",
            "pub const M: M = segue::migrations!(\"0001_a\", \"0002_b\");",
        ] {
            assert_eq!(read(text), Some(names(&["0001_a", "0002_b"])), "{text}");
        }
        for text in ["", "pub mod migrations;", "// segue::migrations![\"0001_a\"]", "migrations!["]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
