//! `mount_setattr`, which the libraries do not have.
#![expect(unsafe_code, reason = "there is no safe call for `mount_setattr`")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What can hold for a mount.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute {
    ReadOnly,
    NoSetUid,
    NoDevices,
}

/// Lets attributes hold for a mount and all below it, without touching those
/// that hold already and that an unprivileged user may not take away.
pub(super) fn set(path: &Path, attributes: &[Attribute]) -> io::Result<()> {
    let bits = attributes.iter().fold(0, |bits, attribute| {
        bits | match attribute {
            Attribute::ReadOnly => libc::MOUNT_ATTR_RDONLY,
            Attribute::NoSetUid => libc::MOUNT_ATTR_NOSUID,
            Attribute::NoDevices => libc::MOUNT_ATTR_NODEV,
        }
    });
    change(path, libc::AT_RECURSIVE, bits, 0)
}

/// Lets one mount be written again, and none below it.
pub(super) fn make_writable(path: &Path) -> io::Result<()> {
    change(path, 0, 0, libc::MOUNT_ATTR_RDONLY)
}

fn change(path: &Path, flags: libc::c_int, attr_set: u64, attr_clr: u64) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let wanted = libc::mount_attr { attr_set, attr_clr, propagation: 0, userns_fd: 0 };
    // SAFETY: both pointers are to live values of the types that the call
    // reads, and the size is that of the second.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
