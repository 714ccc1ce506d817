//! The lines around one.

use super::report::Line;

/// So many lines stand before it and after it.
const AROUND: usize = 5;

/// More letters of a line are not shown.
const MOST: usize = 300;

/// The lines around this one, which counts from 1.
pub(super) fn around(source: &str, number: usize) -> Vec<Line> {
    let first = number.saturating_sub(AROUND).max(1);
    let numbered = source.lines().enumerate().map(|(index, text)| (index + 1, text));
    numbered
        .skip(first - 1)
        .take_while(|(at, _)| *at <= number + AROUND)
        .map(|(at, text)| Line { number: at, text: cut(text), is_marked: at == number })
        .collect()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_neighbours_and_its_number() {
        let source = (1..=20).map(|n| format!("line {n}\n")).collect::<String>();
        let numbers = |number| {
            let lines = around(&source, number);
            assert!(lines.iter().all(|line| line.text == format!("line {}", line.number)));
            let marked: Vec<_> = lines.iter().filter(|line| line.is_marked).collect();
            assert!(marked.iter().all(|line| line.number == number));
            (lines.first().map(|line| line.number), lines.last().map(|line| line.number))
        };
        assert_eq!(numbers(10), (Some(5), Some(15)));
        assert_eq!(numbers(1), (Some(1), Some(6)));
        assert_eq!(numbers(20), (Some(15), Some(20)));
        assert_eq!(numbers(0), (Some(1), Some(5)));
        assert_eq!(numbers(100), (None, None));
        assert_eq!(around(&"é".repeat(1000), 1)[0].text.chars().count(), MOST + 1);
    }
}
