//! Whether a folder is on this machine.

use std::path::Path;

/// Whether no network is between us and this folder: to read a small file there takes microseconds, and
/// nothing can keep us waiting but a disk that fails. Where that is not known it is not so.
///
/// Source: `statfs(2)`, the numbers of file systems.
#[cfg(target_os = "linux")]
pub(super) fn is_local(folder: &Path) -> bool {
    const BCACHEFS: i64 = 0xca45_1a4e;
    const BTRFS: i64 = 0x9123_683e;
    const EXT: i64 = 0xef53;
    const F2FS: i64 = 0xf2f5_2010;
    const OVERLAYFS: i64 = 0x794c_7630;
    const TMPFS: i64 = 0x0102_1994;
    const XFS: i64 = 0x5846_5342;
    const ZFS: i64 = 0x2fc1_2fc1;
    let Ok(found) = rustix::fs::statfs(folder) else { return false };
    #[allow(clippy::useless_conversion, reason = "its type is another one on other machines")]
    let kind = i64::try_from(found.f_type).unwrap_or_default();
    [BCACHEFS, BTRFS, EXT, F2FS, OVERLAYFS, TMPFS, XFS, ZFS].contains(&kind)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_local(_: &Path) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_sessions_is_and_what_the_kernel_makes_up_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_local(folder.path()));
        assert!(!is_local(Path::new("/proc")));
        assert!(!is_local(&folder.path().join("none")));
    }
}
