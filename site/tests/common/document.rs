//! The blocks of a document for users, to be run.

use std::fs;
use std::path::Path;

/// A document, with the test's own folders and ports in the place of those that it names.
pub struct Document {
    name: &'static str,
    text: String,
}

impl Document {
    /// Reads one by its path from the root.
    pub fn read(name: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        Self { name, text: fs::read_to_string(root.join(name)).unwrap() }
    }

    /// The same with another text in each place of this one.
    pub fn with(mut self, from: &str, to: impl std::fmt::Display) -> Self {
        assert!(self.text.contains(from), "{} does not name {from}", self.name);
        self.text = self.text.replace(from, &to.to_string());
        self
    }

    /// All blocks in this language, without the indent that they have in a list.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut open: Option<(String, usize)> = None;
        for line in self.text.lines() {
            let bare = line.trim_start();
            match (&mut open, bare.strip_prefix("```")) {
                (None, Some(_)) => open = Some((format!("{bare}\n"), line.len() - bare.len())),
                (Some(_), Some("")) => blocks.extend(open.take().map(|(text, _)| text)),
                (Some((text, indent)), _) => {
                    *text += &format!("{}\n", line.get(*indent..).unwrap_or_default());
                }
                (None, None) => {}
            }
        }
        let fence = format!("```{language}\n");
        blocks.iter().filter_map(|block| block.strip_prefix(&fence)).map(str::to_owned).collect()
    }

    /// The block in this language of which a line begins like this.
    pub fn block(&self, language: &str, beginning: &str) -> String {
        let begins = |block: &String| block.lines().any(|line| line.starts_with(beginning));
        let mut found = self.blocks(language);
        found.retain(begins);
        assert_eq!(found.len(), 1, "{}: the {language} with {beginning}", self.name);
        found.remove(0)
    }
}
