//! systemd takes each unit that is shown.

use std::process::Command;

use crate::blocks::{Block, in_language};

/// The units of a document, as files of their names in one folder: they name each other.
fn complaints(units: &[Block]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    for unit in units {
        let name = unit.title().strip_prefix("/etc/systemd/system/");
        let name = name.unwrap_or_else(|| panic!("{}: it does not say its name", unit.place()));
        // It asks whether the program is there.
        let text = unit.text.replace("/srv/shop/shop", "/bin/true");
        std::fs::write(folder.path().join(name), text).unwrap();
        verify.arg(folder.path().join(name.replace("@.", "@8001.")));
        if name.contains("@.") {
            let (template, instance) = (folder.path().join(name), name.replace("@.", "@8001."));
            std::os::unix::fs::symlink(template, folder.path().join(instance)).unwrap();
        }
    }
    let output = verify.output().expect(
        "systemd-analyze is not there: run `cargo xtask test`, which installs it, or install the \
         Debian package systemd",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

#[test]
fn it_takes_each_unit() {
    let units = in_language("ini");
    assert_eq!(units.len(), 3, "the blocks are found");
    assert_eq!(complaints(&units), "");
}

#[test]
fn a_slip_of_the_pen_is_found() {
    for (right, wrong) in [
        ("TimeoutStopSec=40", "TimeoutStopSecs=40"),
        ("OnCalendar=daily", "OnCalendar=dayly"),
        ("ExecStart=/srv/shop/shop --settings", "ExecStart=/srv/shop/nowhere --settings"),
        ("ProtectSystem=strict", "ProtectSystem=stricts"),
    ] {
        let mut units = in_language("ini");
        let mut found = 0;
        for unit in &mut units {
            found += unit.text.matches(right).count();
            unit.text = unit.text.replace(right, wrong);
        }
        assert!(found > 0, "{right} is found");
        assert_ne!(complaints(&units), "", "{wrong}");
    }
}
