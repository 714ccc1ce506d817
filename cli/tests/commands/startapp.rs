//! `startapp`.

use std::fs;
use std::path::Path;

use crate::Folder;

fn project() -> Folder {
    let folder = Folder::new();
    folder.succeed("", &["startproject", "session_management_project", "."]);
    folder
}

fn demo(name: &str) -> String {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("demo");
    fs::read_to_string(demo.join(name)).unwrap()
}

#[test]
fn an_app_registers_nothing_silently() {
    let folder = project();
    let before = folder.read("src/lib.rs");
    let said = folder.succeed("", &["startapp", "student"]);
    assert_eq!(
        said,
        "Created the app student in src/student\n\nAdd it to src/lib.rs, where INSTALLED_APPS holds the apps that \
         there are already:\n\n    pub mod student;\n\n    pub const INSTALLED_APPS: &[App] = &[student::APP];\n"
    );
    assert_eq!(folder.read("src/lib.rs"), before);
    for name in ["src/student.rs", "src/student/migrations.rs"] {
        assert_eq!(folder.read(name), demo(name), "{name}");
    }
    assert_eq!(
        folder.read("src/student/views.rs"),
        "//! The views of the app.\n\n// Create your views here.\n"
    );
}

#[test]
fn an_app_is_registered_on_request() {
    let folder = project();
    let said = folder.succeed("", &["startapp", "student", "--register"]);
    assert_eq!(said, "Created the app student in src/student\nAdded it to src/lib.rs\n");
    assert_eq!(folder.read("src/lib.rs"), demo("src/lib.rs"), "as the tutorial does it by hand");
    folder.succeed("", &["startapp", "wiki", "--register"]);
    let lib = folder.read("src/lib.rs");
    assert!(lib.contains("pub mod student;\npub mod urls;\npub mod wiki;\n"), "{lib}");
    assert!(lib.contains("= &[student::APP, wiki::APP];\n"), "{lib}");
}

#[test]
fn a_library_that_is_not_understood_stays_as_it_is() {
    let folder = project();
    folder.write("src/lib.rs", "pub mod urls;\n");
    let complaint = folder.fail("", &["startapp", "student", "--register"]);
    assert!(
        complaint.contains("src/lib.rs: there is no line `pub const INSTALLED_APPS"),
        "{complaint}"
    );
    assert!(complaint.contains("without --register the lines to add are shown"), "{complaint}");
    assert!(!folder.path("src/student.rs").exists(), "nothing was written");
}

#[test]
fn no_file_of_an_app_is_replaced() {
    for name in [
        "src/student.rs",
        "src/student/views.rs",
        "src/student/migrations.rs",
        "src/student/mod.rs",
    ] {
        let folder = project();
        folder.write(name, "mine");
        let before = folder.names();
        let complaint = folder.fail("", &["startapp", "student", "--register"]);
        assert!(complaint.contains("is there already"), "{complaint}");
        assert_eq!(folder.read(name), "mine");
        assert_eq!(folder.names(), before);
        assert!(!folder.read("src/lib.rs").contains("student"));
    }
}

#[test]
fn names_of_apps_are_refused_with_the_reason() {
    let folder = project();
    for (name, reason) in [
        ("my-app", "a name is an identifier"),
        ("../student", "a name is an identifier"),
        ("struct", "a word of Rust's own"),
        ("segue", "a crate that is there already"),
        ("App", "src/lib.rs names Segue's type App"),
        ("urls", "a module that every project has"),
        ("auth", "the name of an app of Django's"),
        ("admin", "Django has an app of this name"),
        ("session_management_project", "the name of the project"),
    ] {
        let complaint = folder.fail("", &["startapp", name]);
        assert!(complaint.contains(reason), "{name}: {complaint}");
    }
}

#[test]
fn without_a_project_there_is_no_app() {
    let folder = Folder::new();
    let complaint = folder.fail("", &["startapp", "student"]);
    assert!(complaint.contains("there is no project in this folder"), "{complaint}");
    assert!(complaint.contains("`segue startproject NAME`"), "{complaint}");
    assert!(folder.names().is_empty());
}
