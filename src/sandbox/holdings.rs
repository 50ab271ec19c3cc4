//! What a process has to itself until it has been waited for.

use std::io;
use std::os::unix::fs::lchown;
use std::path::Path;

use super::cgroups::Group;
use super::users::User;
use super::{Layers, Priority};

/// A user and control groups, made before it is known what for. Given back
/// when this is dropped.
#[derive(Debug, Default)]
pub struct Holdings {
    // The group first: it can only be removed, and the id only be given to
    // another, when nothing of the process is left.
    pub(super) group: Option<Group>,
    pub(super) user: Option<User>,
}

impl Holdings {
    /// Makes what the process is to own reachable to it and to nobody else: it
    /// may run as another user than the server.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match &self.user {
            Some(user) => lchown(path, Some(user.id()), Some(user.id())),
            None => Ok(()),
        }
    }

    /// The same for a folder and all that is in it.
    pub fn give_all(&self, folder: &Path) -> io::Result<()> {
        if self.user.is_none() {
            return Ok(());
        }
        self.give(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.give_all(&entry.path())?;
            } else {
                self.give(&entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn reached(&self) -> Layers {
        self.group.as_ref().map(Group::reached).unwrap_or_default()
    }

    pub(super) fn set_priority(&self, priority: Priority) -> io::Result<()> {
        self.group.as_ref().map_or(Ok(()), |group| group.set_priority(priority))
    }

    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            group.kill();
        }
    }
}
