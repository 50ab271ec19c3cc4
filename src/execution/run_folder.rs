//! The folder in which every instance of this server has its own.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;

/// In a server's folder: held as long as it lives. Beside the folders: held
/// while one is made.
const LOCK: &str = "lock";
/// An instance that runs as another user passes through; what is here is not
/// told to anybody.
const FOLDER_MODE: u32 = 0o711;

/// This server's folder for instances. It is removed when this is dropped;
/// what a killed server left is removed by the next one.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

impl RunFolder {
    /// Makes the folder, and removes those whose servers are gone.
    ///
    /// It is short, because the path of a Unix socket has 107 bytes, and it is
    /// below the system's folder for temporary files, which is local and
    /// writable where the rest may not be.
    pub fn make() -> io::Result<Self> {
        let user = Uid::effective();
        let base = std::env::temp_dir().join(format!("doze-{user}"));
        private_folder(&base)?;
        let owner = fs::symlink_metadata(&base)?;
        // Others can make a folder of this name first; we must not trust it.
        if !owner.is_dir() || owner.uid() != user.as_raw() {
            let text = format!("`{}` does not belong to this user; remove it", base.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        fs::set_permissions(&base, Permissions::from_mode(FOLDER_MODE))?;
        // One server at a time: between making a folder and locking it, another
        // would take it for abandoned.
        let file = File::create(base.join(LOCK))?;
        let _turn = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        remove_abandoned(&base)?;
        let path = base.join(format!("{:08x}", rand::random::<u32>()));
        private_folder(&path)?;
        let lock = lock(&path)?.ok_or(io::ErrorKind::AlreadyExists)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "cannot remove a folder");
        }
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Takes a folder's lock; `None` where its server lives.
fn lock(folder: &Path) -> io::Result<Option<Flock<File>>> {
    let file = File::create(folder.join(LOCK))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

fn remove_abandoned(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)? {
        let folder = entry?.path();
        // A server that ends removes its own without taking a turn.
        if let Ok(Some(_lock)) = lock(&folder)
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::debug!(folder = %folder.display(), %error, "cannot remove an old folder");
        }
    }
    Ok(())
}
