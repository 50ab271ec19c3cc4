//! A user id of its own for every process, where the server is root.
//!
//! The ids 1,900,000,000 to 1,999,999,999 belong to nobody: above what systemd
//! gives to containers, below what a signed number holds. Each server takes a
//! block of 10,000 by locking a file, so that two servers on one machine never
//! share an id, and gives each process one that no other live process has.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rustix::thread::{CapabilitySet, capabilities};

const FIRST: u32 = 1_900_000_000;
const BLOCK: u32 = 10_000;
const BLOCKS: u32 = 10_000;
/// What it takes to become another user, to give files away, and to remove
/// what that user made.
const NEEDED: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE);
/// Where blocks are locked. Only root makes files here.
const LOCKS: &str = "/run/doze-users";

/// One server's block of ids.
#[derive(Debug, Clone)]
pub(super) struct Users(Arc<Block>);

#[derive(Debug)]
struct Block {
    free: Mutex<VecDeque<u32>>,
    _lock: Flock<File>,
}

/// One id, given back when this is dropped. That must be after its process has
/// been waited for.
#[derive(Debug)]
pub(super) struct User {
    id: u32,
    block: Users,
}

impl Users {
    /// Takes a block.
    pub(super) fn take() -> io::Result<Self> {
        if !capabilities(None)?.effective.contains(NEEDED) {
            let text = "the server may not give its files to other users and take them back";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        // A container may have no `/run` to write to, and is alone in itself.
        Self::take_in(Path::new(LOCKS)).or_else(|error| {
            Self::take_in(&std::env::temp_dir().join("doze-users")).map_err(|_| error)
        })
    }

    fn take_in(folder: &Path) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for block in 0..BLOCKS {
            let file = File::create(folder.join(block.to_string()))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    let first = FIRST + block * BLOCK;
                    let free = Mutex::new((first..first + BLOCK).collect());
                    return Ok(Self(Arc::new(Block { free, _lock: lock })));
                }
                Err((_, Errno::EWOULDBLOCK)) => {}
                Err((_, error)) => return Err(error.into()),
            }
        }
        Err(io::Error::other("every block of user ids is taken"))
    }

    /// An id that no live process of any server has; the one that has been free
    /// longest.
    pub(super) fn next(&self) -> io::Result<User> {
        let next = self.0.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let id = next.ok_or_else(|| io::Error::other("every user id is taken"))?;
        Ok(User { id, block: self.clone() })
    }
}

impl User {
    /// The id, of the user and of the group.
    pub(super) fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut free = self.block.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push_back(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_that_live_share_an_id() {
        let folder = tempfile::tempdir().unwrap();
        let one = Users::take_in(folder.path()).unwrap();
        let other = Users::take_in(folder.path()).unwrap();
        let mut ids: Vec<_> = (0..50).map(|_| one.next().unwrap()).collect();
        ids.extend((0..50).map(|_| other.next().unwrap()));
        let mut numbers: Vec<_> = ids.iter().map(User::id).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
        let freed = ids.remove(0).id();
        assert_ne!(one.next().unwrap().id(), freed, "the one that was free longest comes first");
    }

    #[test]
    fn a_block_is_free_again_when_its_server_and_its_processes_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Users::take_in(folder.path()).unwrap();
        let id = first.next().unwrap();
        drop(first);
        assert_ne!(Users::take_in(folder.path()).unwrap().next().unwrap().id(), id.id());
        let number = id.id();
        drop(id);
        assert_eq!(Users::take_in(folder.path()).unwrap().next().unwrap().id(), number);
    }
}
