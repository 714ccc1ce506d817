//! What PostgreSQL plans for a batch: once, and with a look at the rows that were asked for alone.

use segue::{Replaced, SessionStore as _};

use super::{create, tomorrow};
use crate::common::databases;

/// Writes down, from within the session that saves, how often it has planned anew, and its plan for loads.
const NOTE: &str = "\
    CREATE TABLE notes (custom_plans bigint, line text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE load text; line text;
    BEGIN
        INSERT INTO notes SELECT sum(custom_plans) FROM pg_prepared_statements;
        SELECT name INTO load FROM pg_prepared_statements
            WHERE statement LIKE '%unnest%' AND statement NOT LIKE '%UPDATE%';
        IF FOUND THEN
            FOR line IN EXECUTE format('EXPLAIN EXECUTE %I (''{}'', ''2026-11-29'')', load) LOOP
                INSERT INTO notes VALUES (NULL, line);
            END LOOP;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER note BEFORE UPDATE ON django_session FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO django_session
        SELECT md5(n::text), 'of another', now() + interval '1 day' FROM generate_series(1, 5000) AS n;
    ANALYZE django_session";

/// By itself the server plans a statement on lists each time, which takes longer than to run it; and a plan
/// for a list of any length goes through all of a table that is not large.
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
    let planned = "SELECT count(custom_plans)::text, max(custom_plans)::text FROM notes";
    assert_eq!(place.rows(planned).await, [["20", "0"]]);
    let lines = place.rows("SELECT DISTINCT line FROM notes WHERE line IS NOT NULL").await.concat();
    let plan = lines.join("\n");
    assert!(plan.contains("Nested Loop") && plan.contains("Index Scan"), "{plan}");
    assert!(!plan.contains("Merge") && !plan.contains("Hash") && !plan.contains("Seq"), "{plan}");
}
