//! `--watch`: the program is built again, and takes the place of the one that runs.

use std::fs;

use super::{Connection, copy_of_the_program, here, here_by, project, script, serve, set};
use crate::common::{Demo, TOKEN};

/// What `cargo build` does in the end: another file in the place of the program's.
const BUILD: &str = "echo building; cp target/debug/site_here new; mv new target/debug/site_here";

#[test]
fn a_changed_source_is_built_and_served() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    script(&project, "build.sh", BUILD);
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh"]);
    let id = demo.program.id();
    for _ in 0..2 {
        let mut connection = Connection::open(&demo);
        assert!(connection.get("/get/").starts_with("HTTP/1.1 200 "));
        fs::write(project.path("src/student/views.rs"), "changed").unwrap();
        let file = fs::File::options().write(true).open(project.path("src/student/views.rs"));
        file.unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        demo.program.wait_for("src/student/views.rs has changed: ./build.sh");
        demo.program.wait_for("building");
        demo.program.wait_for("Built: restarting.");
        let rest = demo.program.wait_for("Serving on http://");
        demo.address = format!("http://{}", rest.split_whitespace().next().unwrap());
        assert_eq!(demo.get("/get/", None).status, 200);
    }
    assert_eq!(demo.program.id(), id);
    demo.program.signal("TERM");
    assert!(demo.program.wait(), "it is the same process, and stops as ever");
}

/// What starts is what was built, with the same arguments.
#[test]
fn it_is_the_new_program_that_starts() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    script(&project, "other", "echo the new one: \"$@\"");
    script(&project, "build.sh", "mv other target/debug/site_here");
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh", "localhost:0"]);
    fs::write(project.path("src/main.rs"), "changed").unwrap();
    let arguments = demo.program.wait_for("the new one: ");
    assert_eq!(arguments, "runserver --watch=./build.sh localhost:0\n");
    assert!(demo.program.wait());
}

#[test]
fn a_build_that_fails_leaves_the_server_as_it_was() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    script(&project, "build.sh", "echo 'error: expected one of' >&2; exit 1");
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh"]);
    let mut connection = Connection::open(&demo);
    fs::write(project.path("src/main.rs"), "changed").unwrap();
    demo.program.wait_for("error: expected one of");
    demo.program.wait_for("The build failed: the server goes on as it was.");
    assert!(connection.get("/get/").starts_with("HTTP/1.1 200 "));

    script(&project, "build.sh", "true");
    fs::write(project.path("src/main.rs"), "changed again").unwrap();
    demo.program.wait_for("The build left ");
    fs::remove_file(project.path("build.sh")).unwrap();
    fs::write(project.path("src/main.rs"), "and again").unwrap();
    demo.program.wait_for("error: cannot run `./build.sh`: ");
    assert!(connection.get("/get/").starts_with("HTTP/1.1 200 "));
    // Settings are reloaded all the while.
    set(&project, "SESSION_COOKIE_NAME = \"other\"");
    demo.program.wait_for("settings.toml has changed: reloaded.");
    assert!(connection.get("/set/").contains("set-cookie: other="));
}

/// Nobody knows whether what is written meanwhile is in it.
#[test]
fn what_changes_while_it_is_built_is_built_as_well() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    let late = "if [ ! -e late ]; then touch late; echo late > src/student/late.rs; fi";
    script(&project, "build.sh", &format!("{BUILD}; {late}"));
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh"]);
    fs::write(project.path("src/main.rs"), "changed").unwrap();
    demo.program.wait_for("building");
    demo.program.wait_for("src/student/late.rs has changed: once more");
    demo.program.wait_for("building");
    demo.program.wait_for("Built: restarting.");
    demo.program.wait_for("Serving on http://");
}

/// A stop that comes while it is built waits for no compiler.
#[test]
fn it_can_be_stopped_while_it_builds() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    script(&project, "build.sh", "echo $$ > id; echo building; exec sleep 600");
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh"]);
    fs::write(project.path("src/main.rs"), "changed").unwrap();
    demo.program.wait_for("building");
    demo.program.signal("TERM");
    demo.program.wait_for("Stopping: ");
    assert!(demo.program.wait());
    // And it leaves none behind. One that has ended has no command line any more.
    let id = fs::read_to_string(project.path("id")).unwrap();
    let command = || fs::read(format!("/proc/{}/cmdline", id.trim())).unwrap_or_default();
    let mut waited = 0;
    while !command().is_empty() {
        waited += 1;
        assert!(waited < 300, "the build has ended as well");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A request that is under way gets its answer, or its time; who asks for a stop meanwhile means it.
#[test]
fn requests_end_before_it_restarts_and_a_stop_is_a_stop() {
    let project = project();
    set(&project, "");
    let program = copy_of_the_program(&project);
    script(&project, "build.sh", BUILD);
    let mut demo = serve(&mut here_by(&project, program), &["--watch=./build.sh"]);
    let head = format!(
        "POST /set/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken={TOKEN}\r\nContent-Length: \
         {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\ncsrfmiddlewaretoken={TOKEN}",
        TOKEN.len() + "csrfmiddlewaretoken=&name=grace".len(),
    );
    let start = |demo: &Demo| {
        let mut upload = Connection::open(demo);
        upload.write(&head);
        // It is under way when another that came after it has been answered.
        assert_eq!(demo.get("/get/", None).status, 200);
        upload
    };
    let mut upload = start(&demo);
    fs::write(project.path("src/main.rs"), "changed").unwrap();
    demo.program.wait_for("Built: restarting.");
    upload.write("&name=grace");
    let answer = upload.read();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let rest = demo.program.wait_for("Serving on http://");
    demo.address = format!("http://{}", rest.split_whitespace().next().unwrap());

    let _upload = start(&demo);
    fs::write(project.path("src/main.rs"), "changed again").unwrap();
    demo.program.wait_for("Built: restarting.");
    demo.program.signal("INT");
    assert!(demo.program.wait(), "it stopped at once, and did not start again");
}

#[test]
fn it_is_refused_where_it_cannot_work() {
    let project = project();
    let complain = |arguments: &[&str]| {
        let output = here(&project).arg("runserver").args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let both = complain(&["--watch", "--noreload"]);
    assert!(both.contains("cannot be used with"), "{both}");
    project.set("SECRET_KEY = \"hunter2-hunter2-hunter2\"\nALLOWED_HOSTS = [\"localhost\"]\n");
    let production = complain(&["--watch", "0"]);
    assert!(production.contains("it needs `DEBUG = true`"), "{production}");
    set(&project, "");
    fs::remove_dir_all(project.path("src")).unwrap();
    let nothing = complain(&["--watch", "0"]);
    assert!(nothing.contains("finds no sources in "), "{nothing}");
}
