-- migrate:up
INSERT INTO student_mark (student_id, subject, mark)
SELECT id, 'Rust', 1 FROM auth_user;
-- migrate:down
