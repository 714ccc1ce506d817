-- On PostgreSQL, nobody who reads or writes marks waits for the index.
-- migrate:up
CREATE INDEX student_mark_subject ON student_mark (subject);
-- migrate:up postgres transaction:false
DROP INDEX CONCURRENTLY IF EXISTS student_mark_subject;
CREATE INDEX CONCURRENTLY student_mark_subject ON student_mark (subject);
