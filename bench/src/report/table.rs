//! A table in Markdown, and how numbers look in it.

use std::fmt::Write as _;

/// The first column is text and the others are numbers, unless it is said otherwise.
#[derive(Debug)]
pub(crate) struct Table {
    columns: usize,
    text: String,
}

impl Table {
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self::with_texts(1, headings)
    }

    /// One whose first columns are texts.
    pub(crate) fn with_texts(texts: usize, headings: &[&str]) -> Self {
        let numbers = headings.len().saturating_sub(texts);
        let line = "---|".repeat(texts) + &"---:|".repeat(numbers);
        Self { columns: headings.len(), text: format!("| {} |\n|{line}\n", headings.join(" | ")) }
    }

    /// A row; cells that are missing stay empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| escape(&cell)).collect();
        cells.resize(self.columns, String::new());
        // Writing to a text cannot fail.
        _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// What a cell holds may be what somebody else's program said.
pub(crate) fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// With commas: 12,345.
pub(crate) fn thousands(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{number:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// With as many places as tell something.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        size if !size.is_finite() => "–".to_owned(),
        size if size < 0.05 => "0".to_owned(),
        size if size < 100.0 => format!("{number:.1}"),
        _ => thousands(number),
    }
}

/// A share of one: 0.873.
pub(crate) fn ratio(number: f64) -> String {
    if number.is_finite() { format!("{number:.3}") } else { "–".to_owned() }
}

pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", share * 100.0) } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_cells_as_the_table() {
        let mut table = Table::new(&["server", "a", "b"]);
        table.row(["x|y\nz".to_owned(), "1".to_owned()]);
        assert_eq!(table.into_text(), "| server | a | b |\n|---|---:|---:|\n| x\\|y z | 1 |  |\n");
    }

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(-1234.0), "-1,234");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(-0.2), "0");
        assert_eq!(thousands(f64::NAN), "–");
        assert_eq!(
            [short(0.04), short(-0.5), short(99.94), short(1500.0)],
            ["0", "-0.5", "99.9", "1,500"]
        );
        assert_eq!((ratio(0.8734), percent(0.126)), ("0.873".to_owned(), "13 %".to_owned()));
    }
}
