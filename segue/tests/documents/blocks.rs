//! The blocks of the documents, and that each of them is covered by a test.

use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A document for users: its path from the root, and its text.
pub fn documents() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        names.push(format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    names.sort();
    let read = |name: String| {
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        (name, text)
    };
    names.into_iter().map(read).collect()
}

/// What stands between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub document: String,
    /// Its first line, counted from 1.
    pub line: usize,
    pub language: String,
    pub text: String,
    /// The test that it names in a comment above it, or that its section does.
    pub tested_by: Option<String>,
    /// Whether that test covers a whole section, in whatever languages.
    pub is_followed: bool,
}

impl Block {
    /// Its first line, where it says what it is.
    pub fn title(&self) -> &str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', '-', ' '])
    }

    /// Where it is, for who has to mend it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.document, self.line)
    }
}

/// All of them, of these documents.
pub fn blocks_of(documents: &[(String, String)]) -> Vec<Block> {
    documents.iter().flat_map(|(name, text)| blocks_in(name, text)).collect()
}

/// All of them in this language.
pub fn in_language(language: &str) -> Vec<Block> {
    let blocks = blocks_of(&documents());
    blocks.into_iter().filter(|block| block.language == language).collect()
}

fn blocks_in(document: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    let mut above = "";
    let mut followed: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(language)) => {
                let tested_by = followed.or_else(|| comment(above, "tested by "));
                let block = Block {
                    document: document.to_owned(),
                    line: number + 2,
                    language: language.to_owned(),
                    text: String::new(),
                    tested_by: tested_by.map(str::to_owned),
                    is_followed: followed.is_some(),
                };
                open = Some((block, line.len() - bare.len()));
            }
            (Some(_), Some("")) => blocks.extend(open.take().map(|(block, _)| block)),
            (Some((block, indent)), _) => {
                // Within a list it is indented.
                block.text += line.get(*indent..).unwrap_or_default();
                block.text.push('\n');
            }
            (None, None) => {}
        }
        if open.is_none() && line.starts_with("## ") {
            followed = None;
        } else if let Some(test) = comment(line, "followed by ") {
            followed = Some(test);
        }
        if !bare.is_empty() {
            above = line;
        }
    }
    assert!(open.is_none(), "{document}: a block has no end");
    blocks
}

/// What a comment says after these words.
fn comment<'a>(line: &'a str, words: &str) -> Option<&'a str> {
    line.trim().strip_prefix("<!-- ")?.strip_prefix(words)?.strip_suffix(" -->")
}

/// What is wrong with a block: that no test covers it.
fn complaint(block: &Block, library: &str) -> Option<String> {
    if let (true, Some(path)) = (block.is_followed, &block.tested_by) {
        return is_not_in(block, path);
    }
    let included = format!("include_str!(\"../../{}\")", block.document);
    let wrong = match block.language.as_str() {
        "" => "it has no language".to_owned(),
        // Doctests.
        "rust" | "rust,no_run" if library.contains(&included) => return None,
        "rust" | "rust,no_run" => format!("segue/src/lib.rs does not have {included}"),
        // `settings.rs`, `templates.rs`, `nginx.rs`, `systemd.rs` and `sql.rs`, all beside this.
        "toml" | "dotenv" | "html" | "nginx" | "ini" | "sql" => return None,
        language => match &block.tested_by {
            None => format!(
                "nothing tests {language} by itself: write `<!-- tested by PATH -->` above it, and a \
                 test that reads the document or has these lines"
            ),
            Some(path) => return is_not_in(block, path),
        },
    };
    Some(format!("{}: {wrong}", block.place()))
}

/// The test reads the document, or has each line of the block.
fn is_not_in(block: &Block, path: &str) -> Option<String> {
    let Ok(test) = std::fs::read_to_string(root().join(path)) else {
        return Some(format!("{}: there is no {path}", block.place()));
    };
    let reads = test.contains(&block.document);
    let lines = block.text.lines().map(str::trim).filter(|line| !line.is_empty());
    let missing = lines.into_iter().find(|line| !test.contains(line));
    let missing = missing.filter(|_| !reads)?;
    Some(format!("{}: {path} neither reads this document nor has {missing:?}", block.place()))
}

#[test]
fn each_is_covered_by_a_test() {
    let library = std::fs::read_to_string(root().join("segue/src/lib.rs")).unwrap();
    let blocks = blocks_of(&documents());
    assert!(blocks.len() > 60, "the blocks are found: {}", blocks.len());
    let complaints: Vec<String> =
        blocks.iter().filter_map(|block| complaint(block, &library)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The rule itself, on a document that breaks it in each way.
#[test]
fn what_is_not_covered_is_found() {
    let document = "\
        ```\na\n```\n```rust\nlet a = 1;\n```\n```rust,ignore\nlet a = 1;\n```\n```cobol\na\n```\n\
        ```sh\nls\n```\n<!-- tested by nowhere.rs -->\n```sh\nls\n```\n\
        <!-- tested by site/tests/browser/login.rs -->\n```sh\nno such line\n```\n\
        1. a list\n\n   ```toml\n   A = 1\n   ```\n\
        <!-- tested by site/tests/browser/login.rs -->\n```text\nuse fantoccini::Locator;\n```\n\
        ## A\n<!-- followed by site/tests/browser/login.rs -->\n```rust\nuse fantoccini::Locator;\n\
        ```\n```sh\nno such line\n```\n## B\n```sh\nls\n```\n";
    let blocks = blocks_in("docs/bad.md", document);
    let complaints: Vec<Option<String>> = blocks
        .iter()
        .map(|block| complaint(block, "include_str!(\"../../docs/csrf.md\")"))
        .collect();
    let expected = [
        Some("no language"),
        Some("does not have include_str!(\"../../docs/bad.md\")"),
        Some("nothing tests rust,ignore by itself"),
        Some("nothing tests cobol by itself"),
        Some("nothing tests sh by itself"),
        Some("there is no nowhere.rs"),
        Some("has \"no such line\""),
        None,
        None,
        None,
        Some("has \"no such line\""),
        Some("nothing tests sh by itself"),
    ];
    assert_eq!(complaints.len(), expected.len());
    for (found, expected) in complaints.iter().zip(expected) {
        let agree = match (found, expected) {
            (Some(found), Some(expected)) => found.contains(expected),
            (None, None) => true,
            _ => false,
        };
        assert!(agree, "{found:?}, and not {expected:?}");
    }
    assert_eq!((blocks[7].text.as_str(), blocks[7].line), ("A = 1\n", 27));
}
