//! More sessions than fit into memory, and readers who do not read to the end.

use std::process::{Command, Stdio};

use super::{Place, SECRET};

pub fn fill(place: &Place, sql: &str) {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); \
                  c.commit()";
    let mut python = Command::new("python3");
    let filled = python.args(["-c", script]).arg(place.database()).arg(sql).status().unwrap();
    assert!(filled.success());
}

/// So many rows, the second half of them expired, with this for their data.
pub fn rows(number: u32, data: &str) -> String {
    format!(
        "INSERT INTO django_session WITH RECURSIVE n(i) AS \
         (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {number} - 1) \
         SELECT printf('%032d', i), {data}, \
         CASE WHEN i < {number} / 2 THEN '2030-01-01 00:00:00' ELSE '2001-01-01 00:00:00' END FROM n"
    )
}

/// What a command needed of memory at the most, in KiB; and what it printed.
fn measured(place: &Place, arguments: &[&str]) -> (u64, String) {
    let script = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); \
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); \
                  sys.exit(done.returncode)";
    let url = format!("sqlite://{}", place.database().display());
    let output = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_site"), "--database-url", &url])
        .args(arguments)
        .env("SECRET_KEY", SECRET)
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {talk}");
    let most = talk.lines().last().unwrap().parse().unwrap();
    (most, String::from_utf8(output.stdout).unwrap())
}

/// A list that were held in memory would take a hundred megabytes.
#[test]
fn the_memory_does_not_grow_with_the_rows() {
    const MANY: u32 = 200_000;
    let (few, many) = (Place::sqlite(), Place::sqlite());
    // So many that the database's own cache is full.
    fill(&few, &rows(20_000, "'x'"));
    fill(&many, &rows(MANY, "'x'"));
    for arguments in [
        &["sessions", "list"][..],
        &["sessions", "list", "--json", "--active"],
        &["sessions", "stats"],
        &["clearsessions", "--dry-run"],
        &["sessions", "delete", "--user", "id:1", "--yes"],
    ] {
        let (before, _) = measured(&few, arguments);
        let (after, text) = measured(&many, arguments);
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024, "{arguments:?}: {grown} KiB more");
        if arguments == ["sessions", "list"] {
            assert_eq!(text.lines().count(), MANY as usize + 1);
        }
    }
    let (_, text) = measured(&many, &["sessions", "stats", "--json"]);
    assert!(text.contains("\"sessions\":200000,\"active\":100000,\"expired\":100000"), "{text}");
}

/// A page of rows is small, also where each of them is large.
#[test]
fn the_memory_does_not_grow_with_the_size_of_the_rows() {
    let (small, large) = (Place::sqlite(), Place::sqlite());
    fill(&small, &rows(400, "'x'"));
    fill(&large, &rows(400, "hex(zeroblob(500000))"));
    for arguments in [&["sessions", "list"][..], &["sessions", "stats"]] {
        let (before, _) = measured(&small, arguments);
        let (after, _) = measured(&large, arguments);
        let grown = after.saturating_sub(before);
        assert!(grown < 48 * 1024, "{arguments:?}: {grown} KiB more, for 400 MB");
    }
}

#[test]
fn who_stops_reading_is_no_error_and_a_full_disk_is() {
    let place = Place::sqlite();
    fill(&place, &rows(20_000, "'x'"));
    for arguments in [&["sessions", "list"][..], &["sessions", "list", "--json"]] {
        let mut child = place
            .project
            .command()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{arguments:?}");

        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = place.project.command().args(arguments).stdout(full).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("cannot write to standard output"), "{complaint}");
    }
}

/// A batch is a line in the log.
#[test]
fn so_many_are_removed_at_once_as_it_is_told() {
    let files = "SESSION_ENGINE = \"file\"\nSESSION_FILE_PATH = \".\"";
    for settings in ["", files] {
        for (batch, lines) in [("1", 20), ("7", 3), ("20", 1), ("100000", 1)] {
            let place = Place::new(settings);
            if settings.is_empty() {
                fill(&place, &rows(40, "'x'"));
            } else {
                // Without anything else in the folder that could fill a batch.
                std::fs::create_dir(place.project.path("sessions")).unwrap();
                let settings =
                    std::fs::read_to_string(place.project.path("settings.toml")).unwrap();
                place.project.set(&settings.replace("\".\"", "\"sessions\""));
                for _ in 0..20 {
                    place.plant("{}", super::hours(-1));
                }
            }
            let mut command = place.project.command();
            command.env("RUST_LOG", "debug").args(["clearsessions", "--batch", batch]);
            let output = command.output().unwrap();
            assert_eq!(output.stdout, b"Removed 20 expired sessions.\n", "{batch}");
            let log = String::from_utf8(output.stderr).unwrap();
            let found = log.matches("a batch of expired sessions is gone").count();
            assert_eq!(found, lines, "{settings} {batch}: {log}");
        }
    }
    let place = Place::sqlite();
    for wrong in ["0", "-1", "many"] {
        let output = place.project.run(&["clearsessions", "--batch", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
