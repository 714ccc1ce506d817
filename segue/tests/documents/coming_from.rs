//! What stands in the tables for who comes from other crates is in the programs that are compiled.

use crate::blocks::{documents, in_language};

/// The pieces of code in a cell of a table.
fn code(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(|code| code.replace('\u{0}', "|"))
}

#[test]
fn each_right_column_is_in_the_programs() {
    let (_, page) =
        documents().into_iter().find(|(name, _)| name == "docs/coming-from.md").unwrap();
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let programs: Vec<String> = in_language("rust")
        .iter()
        .filter(|block| block.document == "docs/coming-from.md")
        .map(|block| squeeze(&block.text))
        .collect();
    let (mut program, mut seen, mut within) = (0, 0, false);
    for line in page.lines() {
        let row = line.replace("\\|", "\u{0}");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        match cells[..] {
            [_, "to do this", _, "Segue", _] => within = true,
            [_, _, _, ours, _] if within && !ours.starts_with("---") => {
                for code in code(ours) {
                    // The setting stands in a program by itself.
                    let found = programs[program].contains(&squeeze(&code));
                    assert!(found, "{code:?} is not in the program below its table");
                    seen += 1;
                }
            }
            _ if within && line == "```" => {
                program += 1;
                within = false;
            }
            _ => {}
        }
    }
    assert_eq!(program, 3, "each table has its program");
    assert!(seen > 30, "the tables are found: {seen}");
}
