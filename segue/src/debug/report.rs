//! What a page says, whatever it looks like.

/// What went wrong, where, and how to mend it. In all texts `backticks` are for code.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// In a few words.
    pub(super) title: String,
    /// What the error says itself.
    pub(super) message: String,
    pub(super) sections: Vec<Section>,
    pub(super) mends: Vec<String>,
    /// Names and values.
    pub(super) facts: Vec<(&'static str, String)>,
}

/// A part of a report.
#[derive(Debug)]
pub(super) enum Section {
    /// Lines of a file.
    Source { heading: String, lines: Vec<Line> },
    /// A text as it is.
    Text { heading: &'static str, text: String },
    /// Each with what is known about it, or nothing.
    List { heading: &'static str, items: Vec<(String, String)> },
}

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
    /// It is this one.
    pub(super) is_marked: bool,
}

impl Report {
    pub(super) fn new(title: impl Into<String>, message: impl Into<String>) -> Self {
        Self { title: title.into(), message: message.into(), ..Self::default() }
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mends.push(mend.into());
        self
    }

    pub(super) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    pub(super) fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }
}
