//! The features of segue, read from its manifest, so that a new one is checked without being told.

use crate::steps::root;

/// The names in the `[features]` table of segue's manifest, `default` and `full` among them.
pub(crate) fn of_segue() -> Result<Vec<String>, String> {
    let path = root().join("segue/Cargo.toml");
    let manifest =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let features = names(&manifest);
    if features.iter().any(|name| name == "full") {
        Ok(features)
    } else {
        Err(format!("{} has no feature `full`: was it read rightly?", path.display()))
    }
}

fn names(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        // A continued array begins with a quote, a bracket or a space, a comment with `#`.
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_alphanumeric()))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_the_table() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\n# why\ndefault = [\"a\"]\na = [\n    \
                        \"dep:b\",\n]\nfull-on = []\n\n[dependencies]\nb = \"1\"\n";
        assert_eq!(names(manifest), ["default", "a", "full-on"]);
    }
}
