//! What a process writes for itself, in memory and of limited size.

use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::StepError;
use crate::sandbox::{Confinement, Layer};

/// A file takes a page at least, so more of them than pages need not be.
const PAGE: u64 = 4096;

/// Lays a copy of each scratch folder over it, in the tree at `root`. All lie
/// in one file system, which bounds their sum, and which nobody reaches by
/// another path: `stage` is a folder of the tree that is covered meanwhile.
pub(super) fn lay(plan: &Confinement, root: &Path, stage: &Path) -> Result<(), StepError> {
    let size = plan.limits.scratch;
    let options = format!("size={size},nr_inodes={},mode=711", size / PAGE);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), stage, Some("tmpfs"), flags, Some(options.as_str()))?;
    let owner = plan.has(Layer::OwnUser).then_some(plan.user);
    for (index, outside) in plan.files.scratch.iter().enumerate() {
        let copy = stage.join(index.to_string());
        copy_tree(outside, &copy, owner)?;
        let inside = root.join(outside.strip_prefix("/").unwrap_or(outside));
        mount(Some(&copy), &inside, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    Ok(umount2(stage, MntFlags::MNT_DETACH)?)
}

fn copy_tree(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()), owner)?;
        }
    } else if kind.is_file() {
        fs::copy(from, to)?;
    } else {
        return Ok(());
    }
    match owner {
        Some(owner) => lchown(to, Some(owner), Some(owner)),
        None => Ok(()),
    }
}
