//! What a process has to itself until it has been waited for.

use super::Layers;
use super::cgroups::Group;
use super::users::User;

/// Given back when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    // The group first: it can only be removed, and the id only be given to
    // another, when nothing of the process is left.
    pub(super) group: Option<Group>,
    pub(super) user: Option<User>,
}

impl Holdings {
    pub(super) fn reached(&self) -> Layers {
        self.group.as_ref().map(Group::reached).unwrap_or_default()
    }

    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            group.kill();
        }
    }
}
