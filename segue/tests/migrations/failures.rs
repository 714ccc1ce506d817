//! A migration that fails: nothing of it has happened, or it is said what has, and how to go on.

use segue::database::{Database, MigrationErrorKind, Target};
use segue::describe;

use crate::apps::{app, bring, migrator, ours};
use crate::common::databases::{self, Place};
use crate::{count, tables};

async fn has_table(place: &Place, name: &str) -> bool {
    tables(place).await.iter().any(|table| table == name)
}

/// What a failure says, with the database's own words.
async fn failure(place: &Place, app: segue::App, target: Target<'_>) -> String {
    let error = bring(place, &migrator(&[app]), target).await.unwrap_err();
    assert_eq!(error.kind(), MigrationErrorKind::Failed, "{error}");
    describe(&error)
}

const GOOD: &str =
    "-- migrate:up\nCREATE TABLE good (id integer);\n-- migrate:down\nDROP TABLE good;\n";

#[tokio::test(flavor = "multi_thread")]
async fn of_one_that_fails_nothing_has_happened() {
    for place in [databases::sqlite(), databases::postgres()] {
        let text = "-- migrate:up\nCREATE TABLE bad (id integer);\nINSERT INTO good VALUES (7);\n\n\
                    INSERT INTO\n  nowhere VALUES (1);\nDROP TABLE good;\n";
        let bad = app("student", &[("0001_good", GOOD), ("0002_bad", text)]);
        let said = failure(&place, bad, Target::All).await;
        let start = "student.0002_bad was not applied: statement 3 of the part `up` in \
                     student/migrations/0002_bad.sql";
        assert!(said.starts_with(start), "{said}");
        assert!(said.contains("failed, and the database is as it was before: "), "{said}");
        assert!(said.contains("nowhere"), "the database's own words: {said}");
        // PostgreSQL says where.
        let is_postgres = place.url.starts_with("postgres");
        assert_eq!(said.contains("0002_bad.sql, at line 6, failed"), is_postgres, "{said}");
        assert_eq!(ours(&place).await, ["student.0001_good"], "{place:?}");
        assert_eq!(count(&place, "good").await, 0, "{place:?}");
        assert!(!has_table(&place, "bad").await, "{place:?}");

        // It is mended, and goes on.
        let mended = text.replace("INTO\n  nowhere", "INTO bad");
        let mended = [("0001_good", GOOD), ("0002_bad", mended.as_str())];
        let done = bring(&place, &migrator(&[app("student", &mended)]), Target::All).await.unwrap();
        assert_eq!(done, ["Applying student.0002_bad"]);
        assert!(has_table(&place, "bad").await && !has_table(&place, "good").await, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_that_cannot_be_undone_nothing_has_happened() {
    for place in [databases::sqlite(), databases::postgres()] {
        let text = "-- migrate:up\n-- migrate:down\nDROP TABLE good;\nDROP TABLE good;\n";
        let bad = app("student", &[("0001_good", GOOD), ("0002_bad", text)]);
        bring(&place, &migrator(&[bad]), Target::All).await.unwrap();
        let said = failure(&place, bad, Target::Zero("student")).await;
        let start = "student.0002_bad was not undone: statement 2 of the part `down` in ";
        assert!(said.starts_with(start), "{said}");
        assert_eq!(ours(&place).await, ["student.0001_good", "student.0002_bad"], "{place:?}");
        assert!(has_table(&place, "good").await, "{place:?}");
    }
}

/// What is only found at the end is found before anything counts.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_committed_has_not_happened() {
    for place in [databases::sqlite(), databases::postgres()] {
        let text = "-- migrate:up\nCREATE TABLE a (id integer PRIMARY KEY);\n\
                    CREATE TABLE b (a integer REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);\n\
                    INSERT INTO b VALUES (1);\n";
        let said = failure(&place, app("student", &[("0001_a", text)]), Target::All).await;
        assert!(said.starts_with("student.0001_a was not applied: "), "{said}");
        assert!(said.contains("could not be committed"), "{said}");
        assert!(said.to_lowercase().contains("foreign key"), "{said}");
        assert_eq!(ours(&place).await, [""; 0], "{place:?}");
        assert!(!has_table(&place, "b").await, "{place:?}");
    }
}

/// MySQL makes tables one by one, whatever a file says.
#[tokio::test(flavor = "multi_thread")]
async fn on_mysql_it_is_said_what_has_happened() {
    let place = databases::mariadb();
    let text = "-- migrate:up\nCREATE TABLE first (id integer);\nINSERT INTO first VALUES (1);\n\
                CREATE TABLE third (id integr);\nCREATE TABLE fourth (id integer);\n";
    let bad = app("student", &[("0001_bad", text)]);
    let said = failure(&place, bad, Target::All).await;
    let expected = "student.0001_bad was not applied: statement 3 of the part `up` in \
                    student/migrations/0001_bad.sql, at line 4, failed. Those before it have happened, because \
                    MySQL has no transactions for tables, but for what stood in a transaction of the file's \
                    own: undo it by hand, or write the file so that it can be run twice, and run `migrate` again; or do the rest by hand, and run `migrate \
                    --fake student 0001_bad`: ";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("integr"), "{said}");
    assert_eq!(count(&place, "first").await, 1);
    assert!(!has_table(&place, "fourth").await);
    assert_eq!(ours(&place).await, [""; 0]);

    // The first way: it is run as it is, and fails at what is there.
    let said = failure(&place, bad, Target::All).await;
    let interrupted = "statement 1 of the part `up` in student/migrations/0001_bad.sql, at line 2, \
                       failed. If a run \
                       of it was interrupted before, what that did has happened, because MySQL";
    assert!(said.contains(interrupted), "{said}");
    // So it is written to be run twice.
    let twice = "-- migrate:up\nCREATE TABLE IF NOT EXISTS first (id integer);\nDELETE FROM first;\n\
                 INSERT INTO first VALUES (1);\nCREATE TABLE third (id integer);\n";
    let mended = migrator(&[app("student", &[("0001_bad", twice)])]);
    let done = bring(&place, &mended, Target::All).await.unwrap();
    assert_eq!(done, ["Applying student.0001_bad"]);
    assert_eq!(count(&place, "first").await, 1);
    assert_eq!(ours(&place).await, ["student.0001_bad"]);
}

/// The other way: the rest is done by hand.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_advised_helps_backwards_too() {
    let place = databases::mariadb();
    let text = "-- migrate:up\nCREATE TABLE a (id integer); CREATE TABLE b (id integer)\n\
                -- migrate:down\nDROP TABLE b; DROP TABLE c; DROP TABLE a;\n";
    let migrator = migrator(&[app("student", &[("0001_good", GOOD), ("0002_bad", text)])]);
    bring(&place, &migrator, Target::All).await.unwrap();
    let error = bring(&place, &migrator, Target::Zero("student")).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("was not undone: statement 2 of the part `down`"), "{said}");
    assert!(said.contains("The one before it has happened"), "{said}");
    assert!(said.ends_with("run `migrate --fake student 0001_good`"), "{said}");
    place.run("DROP TABLE a").await;
    let database = Database::from_url(&place.url).await.unwrap();
    let first = Target::new(Some("student"), Some("0001_good"));
    migrator.fake(&database, first, &|_| ()).await.unwrap();
    assert_eq!(ours(&place).await, ["student.0001_good"]);
    let done = bring(&place, &migrator, Target::Zero("student")).await.unwrap();
    assert_eq!(done, ["Unapplying student.0001_good"]);
}

/// What MySQL takes for a statement that is empty is none, and bodies with semicolons are whole.
#[tokio::test(flavor = "multi_thread")]
async fn mysqls_ways_of_writing_are_understood() {
    let place = databases::mariadb();
    let text = "-- migrate:up\n\
                CREATE TABLE a (id integer, text varchar(40)); -- a comment's end\n\
                # another; comment\n\
                CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN\n\
                  SET NEW.id = NEW.id + 1;\n  SET NEW.text = 'it\\'s; -- none';\nEND;\n\
                SELECT * FROM a;\n\
                INSERT INTO a VALUES (1, ''); -- done\n-- really; done\n/* all of it */\n";
    let comments = "-- migrate:up\n-- Only this.\n# And this.\n-- migrate:down\n/* Nothing. */\n";
    let all = [("0001_a", text), ("0002_comments", comments)];
    let migrator = migrator(&[app("student", &all)]);
    bring(&place, &migrator, Target::All).await.unwrap();
    assert_eq!(place.rows("SELECT CAST(id AS CHAR), text FROM a").await, [["2", "it's; -- none"]]);
    assert_eq!(ours(&place).await.len(), 2);
    let first = Target::new(Some("student"), Some("0001"));
    bring(&place, &migrator, first).await.unwrap();
}

/// `CREATE INDEX CONCURRENTLY` refuses to be one of several, and so does what is run twice for it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_transaction_statements_go_one_by_one() {
    let place = databases::postgres();
    let text = "-- migrate:up transaction:false\n-- Repeatable; as it should be.\n\
                DROP INDEX CONCURRENTLY IF EXISTS good_ids;\n\
                CREATE INDEX CONCURRENTLY good_ids ON good (id);\n\
                DO $$ BEGIN PERFORM 1; END $$;\n\
                -- migrate:down transaction:false\nDROP INDEX CONCURRENTLY good_ids\n";
    let good = migrator(&[app("student", &[("0001_good", GOOD), ("0002_index", text)])]);
    bring(&place, &good, Target::All).await.unwrap();
    assert!(place.has_index("good_ids").await);
    let first = Target::new(Some("student"), Some("0001"));
    bring(&place, &good, first).await.unwrap();
    assert!(!place.has_index("good_ids").await);

    let text = "-- migrate:up transaction:false\nCREATE TABLE a (id integer);\n\
                CREATE TABLE b (id integer);\n\n  CREATE TABLE c\n  (id integr);\nCREATE TABLE d (id int);\n";
    let bad = app("student", &[("0001_good", GOOD), ("0002_bad", text)]);
    let said = failure(&place, bad, Target::All).await;
    let expected = "student.0002_bad was not applied: statement 3 of the part `up` in \
                    student/migrations/0002_bad.sql, at line 6, failed. Those before it have happened, \
                    because the file says transaction:false, but for what stood in a transaction of the \
                    file's own: ";
    assert!(said.starts_with(expected), "{said}");
    for (table, is_left) in [("a", true), ("b", true), ("c", false), ("d", false)] {
        assert_eq!(has_table(&place, table).await, is_left, "{table}");
    }
    assert_eq!(ours(&place).await, ["student.0001_good"]);
}

/// SQLite looks at foreign keys only outside of transactions.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_can_do_without_a_transaction() {
    let place = databases::sqlite();
    let tables_of = "-- migrate:up\nCREATE TABLE a (id integer PRIMARY KEY);\n\
                     CREATE TABLE b (a integer REFERENCES a (id));\n\
                     INSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1);\n";
    let anew = "-- migrate:up transaction:false\nPRAGMA foreign_keys = OFF;\nBEGIN;\n\
                CREATE TABLE new_a (id integer PRIMARY KEY, name text);\n\
                INSERT INTO new_a SELECT id, 'one' FROM a;\nDROP TABLE a;\n\
                ALTER TABLE new_a RENAME TO a;\nPRAGMA foreign_key_check;\nCOMMIT;\nVACUUM;\n";
    let bad = "-- migrate:up transaction:false\nCREATE TABLE c (id integer);\nBEGIN;\n\
               CREATE TABLE d (id integer);\nCREATE TABEL e (id integer);\nCOMMIT;\n";
    let all = [("0001_tables", tables_of), ("0002_anew", anew), ("0003_bad", bad)];
    let said = failure(&place, app("student", &all), Target::All).await;
    assert!(
        said.starts_with("student.0003_bad was not applied: statement 4 of the part `up`"),
        "{said}"
    );
    let expected = "Those before it have happened, because the file says transaction:false, but for what \
                    stood in a transaction of the file's own: ";
    assert!(said.contains(expected), "{said}");
    assert_eq!(place.rows("SELECT name FROM a").await, [["one"]]);
    assert_eq!(count(&place, "b").await, 1, "nothing was deleted with the old table");
    assert!(has_table(&place, "c").await && !has_table(&place, "d").await);
    assert_eq!(ours(&place).await, ["student.0001_tables", "student.0002_anew"]);
}

/// What the files say that end the transaction in which they are run, and go on with this: for each the
/// error. What was committed is there, and nothing is recorded that may have failed.
async fn said_after_the_end(rest: &str) -> Vec<String> {
    let mut all = Vec::new();
    for place in [databases::sqlite(), databases::postgres()] {
        for (number, end) in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "END"].into_iter().enumerate()
        {
            let table = format!("t{number}");
            let text = format!("-- migrate:up\nCREATE TABLE {table} (id integer);\n{end};\n{rest}");
            let migrations = [("0001_t", text.as_str())];
            all.push(failure(&place, app("student", &migrations), Target::All).await);
            assert_eq!(has_table(&place, &table).await, end != "ROLLBACK", "{place:?} {end}");
            assert_eq!(ours(&place).await, [""; 0], "{place:?} {end}");
        }
    }
    all
}

/// Whoever ends the transaction in the file has no transaction: that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_does_not_end_its_transaction() {
    for said in said_after_the_end("").await {
        let start = "student.0001_t was not applied: a statement in student/migrations/0001_t.sql ends \
                     the transaction";
        assert!(said.starts_with(start), "{said}");
        assert!(said.contains("run `migrate --fake student 0001_t`"), "{said}");
    }
}

/// Also where a statement fails after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_after_the_end_of_its_transaction() {
    for said in said_after_the_end("INSERT INTO nowhere VALUES (1);\n").await {
        assert!(said.starts_with("student.0001_t was not applied: statement "), "{said}");
        let ended = "failed when the transaction that the file is run in had ended, so what is \
                     before it may have happened. Undo that by hand, take COMMIT and ROLLBACK out";
        assert!(said.contains(ended), "{said}");
        assert!(said.contains("nowhere"), "the database's own words: {said}");
    }
}

/// The server ends the connection while a file is run, and while it is committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_told_apart() {
    let place = databases::postgres();
    let cut = "-- migrate:up\nCREATE TABLE a (id integer);\n\
               SELECT pg_terminate_backend(pg_backend_pid());\nCREATE TABLE b (id integer);\n";
    let said = failure(&place, app("student", &[("0001_a", cut)]), Target::All).await;
    let expected = "was cut off, and the database is as it was before, unless the file ends the transaction \
                    that it is run in: ";
    assert!(said.starts_with("student.0001_a was not applied: statement 2 "), "{said}");
    assert!(said.contains(expected), "{said}");

    let text = "-- migrate:up\nCREATE TABLE a (id integer);\n\
                CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$\n\
                BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;\n\
                CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED\n\
                FOR EACH ROW EXECUTE FUNCTION cut();\nINSERT INTO a VALUES (1);\n";
    let said = failure(&place, app("student", &[("0001_a", text)]), Target::All).await;
    let expected = "student.0001_a may have been applied: the connection broke while that was committed. \
                    Run `migrate` again, which finds it done or does it: ";
    assert!(said.starts_with(expected), "{said}");
    assert!(!has_table(&place, "a").await);
    let done = bring(&place, &migrator(&[app("student", &[("0001_a", GOOD)])]), Target::All).await;
    assert_eq!(done.unwrap(), ["Applying student.0001_a"]);
}

/// What a file begins on MySQL it may undo.
#[tokio::test(flavor = "multi_thread")]
async fn what_stood_in_a_transaction_of_the_files_own_is_undone() {
    let place = databases::mariadb();
    let text = "-- migrate:up\nCREATE TABLE a (id integer) ENGINE = InnoDB;\nSTART TRANSACTION;\n\
                INSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);\nCOMMIT;\n";
    let said = failure(&place, app("student", &[("0001_a", text)]), Target::All).await;
    assert!(said.contains("but for what stood in a transaction of the file's own: "), "{said}");
    assert_eq!(count(&place, "a").await, 0);
}

/// What a file sets for its connection is not there for the next, nor for the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_postgresql_is_a_migration() {
    let place = databases::postgres();
    let dump = "SET statement_timeout = 400;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
                SET ROLE pg_read_all_data;\nRESET ROLE;\n";
    let one = format!("-- migrate:up\n{dump}CREATE TABLE public.a (id integer);\n");
    let two =
        format!("-- migrate:up transaction:false\n{dump}CREATE TABLE public.b (id integer);\n");
    let three = "-- migrate:up\nSELECT pg_sleep(0.8);\nCREATE TABLE c (id integer);\n";
    let all = [("0001_a", one.as_str()), ("0002_b", two.as_str()), ("0003_c", three)];
    bring(&place, &migrator(&[app("student", &all)]), Target::All).await.unwrap();
    assert_eq!(ours(&place).await.len(), 3);
    for table in ["a", "b", "c"] {
        assert!(has_table(&place, table).await, "{table}");
    }
}

/// Tables take as long as they take: only requests have a limit.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_is_too_slow() {
    for (place, sleep) in
        [(databases::postgres(), "SELECT pg_sleep(1)"), (databases::mariadb(), "DO SLEEP(1)")]
    {
        let more = if place.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{more}timeout=0.5&max_connections=1", place.url);
        let database = Database::from_url(&url).await.unwrap();
        for how in ["", " transaction:false"] {
            let (number, table) = if how.is_empty() { ("0001", "a") } else { ("0002", "b") };
            let text = format!(
                "-- migrate:up{how}\nCREATE TABLE {table} (id integer);\n{sleep};\n\
                 INSERT INTO {table} VALUES (1);\n"
            );
            let first = [("0001_a", "-- migrate:up\n"), ("0002_b", text.as_str())];
            let all =
                if number == "0001" { vec![("0001_a", text.as_str())] } else { first.to_vec() };
            let migrator = migrator(&[app("student", &all)]);
            migrator.migrate(&database, Target::All, &|_| ()).await.unwrap();
            assert_eq!(count(&place, table).await, 1, "{place:?}");
        }
    }
}
