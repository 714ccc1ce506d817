//! A page of the documentation as steps that can be followed.

use std::collections::BTreeMap;
use std::fs;

use crate::workshop::root;

/// What a reader does.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Types these lines into a shell.
    Run(String),
    /// Writes this file.
    Write { path: String, text: String },
    /// Puts a line into a file, in the place of the one that begins like it.
    Change { path: String, line: String },
}

#[derive(Debug)]
pub(crate) struct Section {
    title: String,
    text: String,
}

#[derive(Debug)]
pub(crate) struct Document {
    sections: Vec<Section>,
}

impl Document {
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        // A heading of a lower rank is a section as well.
        let text = text.replace("\n### ", "\n## ");
        Self { sections: text.split("\n## ").skip(1).map(Section::parse).collect() }
    }

    pub(crate) fn section(&self, title: &str) -> &Section {
        self.sections.iter().find(|section| section.title == title).unwrap()
    }

    pub(crate) fn sections_that_begin_with_a_number(&self) -> impl Iterator<Item = &Section> {
        let numbered: Vec<&Section> =
            self.sections.iter().filter(|section| section.number().is_some()).collect();
        let numbers: Vec<u32> = numbered.iter().filter_map(|section| section.number()).collect();
        assert_eq!(numbers, (1..=6).collect::<Vec<_>>(), "there are six steps");
        numbered.into_iter()
    }

    /// The files that the numbered sections show whole, by their paths.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        self.sections_that_begin_with_a_number()
            .flat_map(Section::steps)
            .filter_map(|step| match step {
                Step::Write { path, text } => Some((path, text)),
                Step::Run(_) | Step::Change { .. } => None,
            })
            .collect()
    }
}

impl Section {
    fn parse(text: &str) -> Self {
        let (title, text) = text.split_once('\n').unwrap();
        Self { title: title.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((before, block)) = rest.split_once("```") {
            let (language, block) = block.split_once('\n').unwrap();
            let (block, after) = block.split_once("```").unwrap();
            rest = after;
            // A list that the program writes is shown as `rs`, and not to be typed.
            if language != "rs" {
                steps.push(Step::parse(before.trim_end(), language, block));
            }
        }
        steps
    }

    fn number(&self) -> Option<u32> {
        self.title.split_once(". ")?.0.parse().ok()
    }
}

impl Step {
    fn parse(before: &str, language: &str, block: &str) -> Self {
        if language == "sh" {
            return Self::Run(block.to_owned());
        }
        let first = block.lines().next().unwrap_or_default();
        if let Some(path) = first.strip_prefix("-- ").filter(|path| path.ends_with(".sql")) {
            return Self::Write { path: path.to_owned(), text: block.to_owned() };
        }
        if let Some((name, line)) =
            block.split_once('\n').filter(|(name, _)| name.starts_with("# "))
        {
            let path = name.trim_start_matches("# ").to_owned();
            return Self::Change { path, line: line.trim_end().to_owned() };
        }
        // The path stands before the block, in backticks.
        let path =
            before.lines().last().and_then(|line| line.strip_prefix('`')?.strip_suffix("`:"));
        let path = path.unwrap_or_else(|| panic!("of which file is\n{block}")).to_owned();
        Self::Write { path, text: block.to_owned() }
    }
}
