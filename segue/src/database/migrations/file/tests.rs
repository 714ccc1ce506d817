use super::*;

use Dialect::{MySql, Postgres, Sqlite};

fn parse(text: &str) -> MigrationFile<'_> {
    MigrationFile::parse(text).unwrap_or_else(|mistake| panic!("{text:?}: {mistake}"))
}

fn up(text: &str, dialect: Dialect) -> Option<&str> {
    MigrationFile::parse(text).unwrap().up(dialect).map(|part| part.sql.trim())
}

fn mistake(text: &str) -> String {
    MigrationFile::parse(text).expect_err(text).to_string()
}

#[test]
fn a_part_goes_to_the_next_marker() {
    let text = "-- About marks.\n\n/* Ours. */\n-- migrate:up\nA;\nB;\n\n-- migrate:down\nC;\n";
    let file = parse(text);
    for dialect in Dialect::ALL {
        assert_eq!(file.up(dialect).unwrap().sql, "A;\nB;\n\n");
        assert_eq!(file.down(dialect).unwrap().sql, "C;\n");
        assert!(file.up(dialect).unwrap().in_transaction);
    }
    let part = file.up(Sqlite).unwrap();
    assert_eq!([0, 1, 3, 6].map(|at| file.line_of(part, at)), [5, 5, 6, 7]);
    assert_eq!(file.line_of(file.down(Sqlite).unwrap(), 0), 9);
}

#[test]
fn what_names_the_database_goes_first() {
    let text = "-- migrate:up\nall\n-- migrate:up postgres\npostgres\n\
                -- migrate:down mysql sqlite\nthese\n";
    assert_eq!(up(text, Sqlite), Some("all"));
    assert_eq!(up(text, MySql), Some("all"));
    assert_eq!(up(text, Postgres), Some("postgres"));
    let file = parse(text);
    assert_eq!(file.down(MySql).unwrap().sql, "these\n");
    assert_eq!(file.down(Postgres), None, "nothing for it, and nothing for all");
    assert_eq!(up("-- migrate:up mysql\nx", Sqlite), None);
    assert_eq!(up("-- migrate:down\ny\n-- migrate:up mysql\nx", MySql), Some("x"));
}

#[test]
fn an_empty_part_is_not_a_missing_one() {
    let file = parse("-- migrate:up\n-- migrate:down\n-- nothing to do\n");
    assert_eq!(file.up(Sqlite).unwrap().sql, "");
    assert_eq!(file.down(Sqlite).unwrap().sql, "-- nothing to do\n");
    assert_eq!(parse("-- migrate:up").down(Sqlite), None);
}

#[test]
fn markers_are_read_as_dbmate_reads_them() {
    for marker in [
        "-- migrate:up",
        "--migrate:up",
        "--   migrate:up  ",
        "  -- migrate:up\t",
        "\u{feff}-- migrate:up",
    ] {
        for end in ["\n", "\r\n"] {
            assert_eq!(up(&format!("{marker}{end}x"), Sqlite), Some("x"), "{marker:?}");
        }
    }
    let file =
        parse("-- migrate:up transaction:false postgres\nx\n-- migrate:up transaction:true\ny");
    assert!(!file.up(Postgres).unwrap().in_transaction);
    assert!(file.up(Sqlite).unwrap().in_transaction);
}

/// As a comment it would have what is after it run together with what is before.
#[test]
fn what_is_nearly_a_marker_is_a_mistake() {
    for line in [
        "-- migrate: down",
        "-- Migrate:Down",
        "-- MIGRATE:DOWN",
        "-- migrate :down",
        "--- migrate:down",
        "# migrate:down",
        "-- # migrate:down",
        "-- migrate down",
        "-- migrate_down",
        "-- migrate-down",
        "-- migrate:down;",
        "-- migrate:down: sqlite",
        "-- migrate:rollback",
        "-- migrate:downs",
        "-- migrate:",
        "  -- migrate: down",
    ] {
        let said = mistake(&format!("-- migrate:up\nx;\n{line}\ny;\n"));
        assert!(said.starts_with("line 3: "), "{line}: {said}");
        assert!(said.contains("`-- migrate:up` or `-- migrate:down`"), "{line}: {said}");
    }
    for comment in [
        "-- migrated:down",
        "-- we migrate down here",
        "-- migrates up",
        "-- migrate all of them up",
        "-- migrateup",
        "/* migrate:down */",
    ] {
        let text = format!("-- migrate:up\n{comment}\nx;\n");
        assert_eq!(parse(&text).parts.len(), 1, "{comment}");
    }
}

#[test]
fn what_a_marker_says_must_be_known() {
    for (marker, said) in [
        ("-- migrate:up mariadb", "line 1: \"mariadb\" in \"-- migrate:up mariadb\". A marker is"),
        ("-- migrate:up postgresql", "\"postgresql\""),
        ("-- migrate:up Sqlite", "\"Sqlite\""),
        ("-- migrate:up transaction:no", "\"transaction:no\""),
        ("-- migrate:up transaction: false", "\"transaction:\""),
        ("-- migrate:up sqlite, mysql", "\"sqlite,\""),
        ("-- migrate:up sqlite mysql sqlite", "sqlite stands twice"),
    ] {
        let found = mistake(&format!("{marker}\nx;"));
        assert!(found.contains(said), "{marker}: {found}");
    }
}

#[test]
fn two_parts_for_one_database_are_a_mistake() {
    for (second, is_mistake) in [
        ("-- migrate:up", true),
        ("-- migrate:up transaction:false", true),
        ("-- migrate:up mysql", true),
        ("-- migrate:up sqlite mysql", true),
        ("-- migrate:up postgres", false),
        ("-- migrate:down", false),
        ("-- migrate:down mysql", false),
    ] {
        let text = format!("-- migrate:up\n-- migrate:up mysql\n\n{second}\n");
        let found = MigrationFile::parse(&text).err().map(|found| found.to_string());
        assert_eq!(found.is_some(), is_mistake, "{second}: {found:?}");
        if let Some(found) = found {
            let line = if second.contains("mysql") { 2 } else { 1 };
            let end =
                format!("a second part `up` for the same database; the first is at line {line}");
            assert_eq!(found, format!("line 4: {end}"), "{second}");
        }
    }
}

#[test]
fn what_would_never_be_run_is_a_mistake() {
    let said = mistake("-- ours\n\nCREATE TABLE a (id int);\n-- migrate:up\n");
    assert!(said.starts_with("line 3: a statement before the first marker"), "{said}");
    let said = mistake("/* a */ x\n-- migrate:up\n");
    assert!(said.starts_with("line 1: a statement before"), "{said}");
    for (text, line) in [("", 1), ("-- only\n-- comments\n", 2), ("-- migrate:down\nx;\n", 2)] {
        let said = mistake(text);
        assert!(said.starts_with(&format!("line {line}: no line `-- migrate:up`")), "{said}");
    }
    assert!(mistake("CREATE TABLE a (id int);").starts_with("line 1: a statement before"));
}
