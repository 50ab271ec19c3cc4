//! What a process finds in the file system.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::execution::profile::{Files, Profile, SCRATCH_MB};

/// An instance's folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it, for this server alone.
    pub(super) fn make(path: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            // The server's whole folder may have gone first.
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove an instance's folder");
        }
    }
}

/// Where the process finds its files, which is also where it starts.
pub(super) fn find_files(profile: &Profile, folder: &Path) -> io::Result<PathBuf> {
    match &profile.files {
        Files::None => Ok(folder.to_owned()),
        Files::Published(files) => {
            // Permissions may name only what does not exist yet.
            Ok(if files.is_dir() { files.clone() } else { folder.to_owned() })
        }
        Files::Copied(files) => {
            let copy = folder.join("files");
            std::fs::create_dir(&copy)?;
            if files.is_dir() {
                copy_tree(files, &copy, &mut (SCRATCH_MB << 20))?;
            }
            Ok(copy)
        }
    }
}

/// Copies all of it, if it is no larger than `room`.
fn copy_tree(from: &Path, to: &Path, room: &mut u64) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_tree(&entry.path(), &target, room)?;
        } else {
            let size = std::fs::copy(entry.path(), &target)?;
            *room = room.checked_sub(size).ok_or_else(|| {
                io::Error::other(format!(
                    "its own files take up more than the {SCRATCH_MB} MiB that it may write"
                ))
            })?;
        }
    }
    Ok(())
}
