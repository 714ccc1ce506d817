use super::*;

fn split(sql: &str) -> Vec<&str> {
    statements(sql, Dialect::Postgres).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn semicolons_end_statements() {
    assert_eq!(split(""), [""; 0]);
    assert_eq!(split(" ; ;\n-- nothing\n/* ; */"), [""; 0]);
    assert_eq!(split("SELECT 1"), ["SELECT 1"]);
    assert_eq!(split("-- a; b\nSELECT 1;\n\nSELECT 2 ;"), ["SELECT 1", "SELECT 2"]);
    assert_eq!(split("SELECT 1 -- one;\n, 2; SELECT 3"), ["SELECT 1 -- one;\n, 2", "SELECT 3"]);
    let found = statements("-- é\nSELECT 1; SELECT 2", Dialect::Postgres);
    assert_eq!(found, [(6, "SELECT 1"), (16, "SELECT 2")]);
}

#[test]
fn a_semicolon_within_something_ends_nothing() {
    for whole in [
        "SELECT 'a;b'",
        "SELECT 'it''s; one'",
        r"SELECT 'a\', 1",
        r"SELECT E'it\'s; one'",
        r"SELECT e'\\\';', ';'",
        r#"SELECT "a;b", "c"";d""#,
        "SELECT $$a;b'$$",
        "SELECT $body$ $$ ; $other$ ; $body$",
        "SELECT $é$;$é$",
        "SELECT /* a; /* b; */ c; */ 1",
        "SELECT 1 -- a;\n + 1",
        "CREATE RULE r AS ON DELETE TO t DO (DELETE FROM a; DELETE FROM b)",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END",
        "create or replace procedure p() begin atomic insert into t values (1); end",
        "SELECT 'never ended; ",
        "SELECT $a$ never ended; $b$",
        "SELECT a$1, b$$;".trim_end_matches(';'),
    ] {
        assert_eq!(split(whole), [whole]);
        let two = format!("SELECT 0;{whole}");
        assert_eq!(split(&two), ["SELECT 0", whole]);
    }
}

#[test]
fn what_looks_like_it_is_not() {
    assert_eq!(split(r"SELECT 'a\'; SELECT 2").len(), 2, "no escapes without an E");
    assert_eq!(split("SELECT $1; SELECT $2").len(), 2, "parameters are no tags");
    assert_eq!(split("SELECT a$b$c; SELECT a$b$c").len(), 2, "a dollar in a name is no tag");
    assert_eq!(split("BEGIN; SELECT 1; END").len(), 3, "no function, no body");
    assert_eq!(split("CREATE TABLE begin (id int); SELECT 1").len(), 2);
    assert_eq!(split("SELECT 1); SELECT 2").len(), 2, "a bracket too many");
    assert_eq!(split("CREATE FUNCTION f() RETURNS int AS $$ BEGIN $$; SELECT 1").len(), 2);
}

#[test]
fn nothing_to_run_is_seen() {
    for dialect in Dialect::ALL {
        for sql in ["", " \n\t", "-- a\n", "-- a", "/* a\n b */ -- c\n/* never ended"] {
            assert!(is_blank(sql, dialect), "{dialect} {sql:?}");
            assert!(statements(sql, dialect).is_empty(), "{dialect} {sql:?}");
        }
        for sql in ["SELECT 1", ";", "- -", "'-- a'", "-- a\nX"] {
            assert!(!is_blank(sql, dialect), "{dialect} {sql:?}");
        }
    }
    assert!(is_blank("# a", Dialect::MySql) && !is_blank("# a", Dialect::Sqlite));
    assert!(!is_blank("--1", Dialect::MySql) && is_blank("--1", Dialect::Sqlite));
    assert!(!is_blank("/*!40101 SET a = 1 */", Dialect::MySql));
    assert!(!is_blank("/*M!100101 SET a = 1 */", Dialect::MySql));
    assert!(is_blank("/*! a */", Dialect::Postgres));
}

#[test]
fn the_end_of_the_last_statement_is_seen() {
    for dialect in Dialect::ALL {
        for (sql, well) in [
            ("", true),
            ("-- a", true),
            ("X;", true),
            ("X; -- a", true),
            ("X", false),
            ("X -- ;", false),
        ] {
            assert_eq!(ends_well(sql, dialect), well, "{dialect} {sql:?}");
        }
    }
    assert!(!ends_well("SELECT [a;", Dialect::Sqlite), "a name in brackets");
}

fn mysql(sql: &str) -> Vec<&str> {
    statements(sql, Dialect::MySql).into_iter().map(|(_, text)| text).collect()
}

/// What MySQL would take for a statement that is empty is left out.
#[test]
fn mysqls_statements_are_told_apart() {
    assert_eq!(mysql("A;; B ; -- c\n# d;\n/* e; */\n"), ["A", "B"]);
    assert_eq!(mysql("A 'it\\'s; -- a' -- b"), ["A 'it\\'s; -- a'"]);
    assert_eq!(mysql("A \"; \\\" ;\", `;`; B"), ["A \"; \\\" ;\", `;`", "B"]);
    assert_eq!(mysql("/*!40101 SET a = ';' */; B"), ["/*!40101 SET a = ';' */", "B"]);
    assert_eq!(mysql("A 1--1; B"), ["A 1--1", "B"]);
}

/// Where a routine ends is for the server to see.
#[test]
fn from_a_routine_on_mysql_gets_all_of_it() {
    for routine in [
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET x = 1; SET y = 2; END",
        "CREATE DEFINER=`a`@`b` PROCEDURE p() IF 1 THEN SELECT 1; END IF",
        "create or replace function f() returns int return 1",
        "ALTER EVENT e DO BEGIN DELETE FROM a; END",
        "BEGIN NOT ATOMIC SELECT 1; END",
    ] {
        let sql = format!("A; B;\n{routine};\nC; -- d\n");
        assert_eq!(mysql(&sql), ["A", "B", &format!("{routine};\nC;")]);
    }
    assert_eq!(mysql("BEGIN; A; COMMIT; DROP TRIGGER t; B").len(), 5);
}

#[test]
fn sqlite_gets_all_of_it() {
    let sql = "A;\nCREATE TRIGGER t AFTER INSERT ON a BEGIN B; END;\nC; -- d\n";
    assert_eq!(statements(sql, Dialect::Sqlite), [(0, sql.trim_end_matches(" -- d\n"))]);
    assert_eq!(statements(" -- a\n", Dialect::Sqlite), []);
}
