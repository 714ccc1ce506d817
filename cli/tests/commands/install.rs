//! `cargo install --path cli`.

use std::path::Path;
use std::process::Command;

/// As docs/tutorial.md and the README say it, without optimisation, which nobody here waits for.
#[test]
fn the_program_can_be_installed() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for page in ["docs/tutorial.md", "README.md"] {
        let text = std::fs::read_to_string(workspace.join(page)).unwrap();
        assert!(text.contains("cargo install --path cli"), "{page}");
    }
    let folder = tempfile::tempdir().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["install", "--path", "cli", "--locked", "--debug", "--root"]).arg(folder.path());
    let output = cargo.arg("--target-dir").arg(target).current_dir(workspace).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = Command::new(folder.path().join("bin/segue")).arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim_end(), format!("segue {}", env!("CARGO_PKG_VERSION")));
}
