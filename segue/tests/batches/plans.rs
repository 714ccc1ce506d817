//! What PostgreSQL plans for statements on many rows: once, and with a look at those rows alone.

use segue::{Replaced, SessionStore as _, SignedDuration, Timestamp};

use super::{create, tomorrow};
use crate::common::databases;

/// Writes down, from within the session that changes a row, how often it has planned anew, and its plans for
/// loads and for the clean-up.
const NOTE: &str = "\
    CREATE TABLE notes (custom_plans bigint, line text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE prepared record; line text;
    BEGIN
        INSERT INTO notes SELECT sum(custom_plans) FROM pg_prepared_statements
            WHERE statement LIKE '%django_session%';
        FOR prepared IN SELECT name, statement LIKE 'DELETE%' AS clears FROM pg_prepared_statements
            WHERE statement LIKE 'SELECT%unnest%' OR statement LIKE 'DELETE%LIMIT%'
        LOOP
            FOR line IN EXECUTE format(
                CASE WHEN prepared.clears THEN 'EXPLAIN EXECUTE %I (''2026-11-29'', 10)'
                ELSE 'EXPLAIN EXECUTE %I (''{}'', ''2026-11-29'')' END, prepared.name)
            LOOP
                INSERT INTO notes VALUES (NULL, line);
            END LOOP;
        END LOOP;
        RETURN COALESCE(NEW, OLD);
    END $$;
    CREATE TRIGGER note BEFORE UPDATE OR DELETE ON django_session
        FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO django_session
        SELECT md5(n::text), repeat('x', 400), now() + (1 + n * 7919 % 20000) * interval '1 minute'
        FROM generate_series(1, 20000) AS n;
    ANALYZE django_session";

/// By itself the server plans a statement on lists each time, which takes longer than to run it; and a plan
/// for any number of rows goes through all of a table, where it is not made to begin with those in question.
#[tokio::test]
async fn postgresql_plans_once_and_looks_at_what_was_asked_for() {
    let place = databases::postgres();
    let store = place.store().await;
    place.run(NOTE).await;
    let key = create(&store, 1).await.remove(0);
    for turn in 0..20 {
        let seen = store.load(&key).await.unwrap().unwrap();
        let saved = store.replace(&key, &seen, turn.to_string().as_bytes(), tomorrow()).await;
        assert_eq!(saved.unwrap(), Replaced::Saved(key.clone()));
    }
    store.create(b"over", Timestamp::now() - SignedDuration::from_secs(1)).await.unwrap();
    assert_eq!(store.clear_expired(&|_| {}).await.unwrap(), 1);
    let planned = "SELECT count(custom_plans)::text, max(custom_plans)::text FROM notes";
    assert_eq!(place.rows(planned).await, [["21", "0"]]);
    let lines = place.rows("SELECT DISTINCT line FROM notes WHERE line IS NOT NULL").await.concat();
    let plan = lines.join("\n");
    for index in ["session_key", "expire_date"] {
        assert!(plan.contains(&format!("Index Scan using django_session_{index}")), "{plan}");
    }
    for everything in ["Merge", "Hash", "Seq", "Bitmap", "Sort"] {
        assert!(!plan.contains(everything), "{plan}");
    }
}
