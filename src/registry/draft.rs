//! A function's folder before it is one: written beside the others under a
//! hidden name, then put in place by one rename.
//!
//! This is the only code that changes anything in `registry_in`, and it does so
//! only by the operator's order. It follows no link: a folder that somebody
//! linked there is his, and he is told.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::handle::OrderError;
use super::inbox::is_function;
use crate::function::{FunctionName, manifest};

/// How the name of every draft begins. The dot hides it from the watcher.
const PREFIX: &str = ".doze-draft-";
/// What is being changed may be changed by hand as well; then it is looked at
/// again, so often.
const ATTEMPTS: usize = 3;

/// A hidden folder in `registry_in`, removed with everything in it when this is
/// dropped.
#[derive(Debug)]
pub struct Draft {
    folder: PathBuf,
    /// The function's folder, in it.
    root: PathBuf,
    owner: Owner,
}

/// Whose the files are, where the server may give them away: a server that is
/// root works in somebody's folder, who will want to edit them.
#[derive(Debug, Clone, Copy)]
pub struct Owner(Option<(u32, u32)>);

impl Owner {
    fn of(metadata: &Metadata) -> Self {
        let root = nix::unistd::geteuid().is_root();
        Self(root.then(|| (metadata.uid(), metadata.gid())))
    }

    /// Gives a file or a folder away.
    pub fn take(self, path: &Path) -> io::Result<()> {
        self.0.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
    }
}

impl Draft {
    /// Makes an empty one.
    pub(super) fn make(inbox: &Path) -> Result<Self, OrderError> {
        let folder = inbox.join(format!("{PREFIX}{:016x}", rand::random::<u64>()));
        let unwritable = |error: io::Error| refused(&error, "make a folder in", inbox);
        let owner = Owner::of(&fs::metadata(inbox).map_err(unwritable)?);
        // Nobody else looks into it before it is complete.
        DirBuilder::new().mode(0o700).create(&folder).map_err(unwritable)?;
        let draft = Self { root: folder.join("function"), folder, owner };
        fs::create_dir(&draft.root).map_err(unwritable)?;
        fs::set_permissions(&draft.root, permissions(0o755)).map_err(unwritable)?;
        owner.take(&draft.root).map_err(unwritable)?;
        Ok(draft)
    }

    /// Removes what a registry that was killed has left.
    pub(super) fn sweep(inbox: &Path) {
        let entries = fs::read_dir(inbox).into_iter().flatten().flatten();
        for entry in
            entries.filter(|e| e.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                let folder = entry.path();
                tracing::warn!(folder = %folder.display(), %error, "an old draft cannot be removed");
            }
        }
    }

    /// The folder to write the function into.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whose its files are to be.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Takes a folder in it for the function's.
    pub fn descend(&mut self, into: impl AsRef<Path>) {
        self.root.push(into);
    }

    /// Exchanges it with a function's folder, or puts it where there is none.
    pub(super) fn place(&self, inbox: &Path, name: &FunctionName) -> Result<(), OrderError> {
        let target = inbox.join(name.as_str());
        let made = self.prepare_owner(inbox, name)?;
        for _ in 0..ATTEMPTS {
            match self.try_place(&target, name) {
                Err(Errno::ENOENT | Errno::EEXIST) => {}
                Err(errno) => {
                    remove_if_empty(made.as_deref());
                    return Err(refused(&errno.into(), "put in place", &target));
                }
                Ok(Err(conflict)) => return Err(conflict),
                Ok(Ok(())) => return Ok(()),
            }
        }
        remove_if_empty(made.as_deref());
        Err(OrderError::Conflict(format!("something else is changing `{name}` at the same time")))
    }

    /// The inner error is about what stands there.
    fn try_place(&self, target: &Path, name: &FunctionName) -> nix::Result<Result<(), OrderError>> {
        match standing(target, name)? {
            Err(conflict) => return Ok(Err(conflict)),
            Ok(None) => rename(&self.root, target, RenameFlags::RENAME_NOREPLACE)?,
            Ok(Some(_)) => match rename(&self.root, target, RenameFlags::RENAME_EXCHANGE) {
                // A file system without this: the registry looks away meanwhile.
                Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => self.swap(target)?,
                exchanged => exchanged?,
            },
        }
        Ok(Ok(()))
    }

    fn swap(&self, target: &Path) -> nix::Result<()> {
        let aside = self.folder.join("replaced");
        rename(target, &aside, RenameFlags::empty())?;
        rename(&self.root, target, RenameFlags::empty()).inspect_err(|_| {
            let _ = rename(&aside, target, RenameFlags::empty());
        })
    }

    /// Makes the owner's folder where it is missing; returns it then.
    fn prepare_owner(
        &self,
        inbox: &Path,
        name: &FunctionName,
    ) -> Result<Option<PathBuf>, OrderError> {
        let Some(owner) = name.owner() else { return Ok(None) };
        if name.as_str().ends_with("/node_modules") {
            let text = "an owner's `node_modules` holds packages and is never a function";
            return Err(OrderError::Conflict(text.to_owned()));
        }
        let folder = inbox.join(owner);
        match standing(&folder, owner) {
            Ok(Err(conflict)) => Err(conflict),
            Ok(Ok(Some(_))) if is_function(&folder) => Err(OrderError::Conflict(format!(
                "`{owner}` is a function, so there cannot be `{name}` as well; choose another name"
            ))),
            Ok(Ok(Some(_))) => Ok(None),
            Ok(Ok(None)) => {
                let failed = |error: io::Error| refused(&error, "make the folder", &folder);
                fs::create_dir(&folder).map_err(failed)?;
                fs::set_permissions(&folder, permissions(0o755)).map_err(failed)?;
                self.owner.take(&folder).map_err(failed)?;
                Ok(Some(folder))
            }
            Err(errno) => Err(refused(&errno.into(), "look at", &folder)),
        }
    }

    /// Takes a function's folder away; what was there is in the draft then.
    pub(super) fn take_away(&self, inbox: &Path, name: &FunctionName) -> Result<(), OrderError> {
        let target = inbox.join(name.as_str());
        let failed = |errno: Errno| refused(&errno.into(), "remove", &target);
        if standing(&target, name).map_err(failed)??.is_none() {
            return Ok(());
        }
        rename(&target, &self.folder.join("removed"), RenameFlags::empty()).map_err(failed)?;
        // An owner without a function would be taken for one itself.
        remove_if_empty(name.owner().map(|owner| inbox.join(owner)).as_deref());
        Ok(())
    }

    /// Replaces a function's manifest, or makes it.
    pub(super) fn place_manifest(
        &self,
        inbox: &Path,
        name: &FunctionName,
        text: &[u8],
    ) -> Result<(), OrderError> {
        let folder = inbox.join(name.as_str());
        let target = folder.join(manifest::FILE);
        let failed = |error: io::Error| refused(&error, "write", &target);
        if standing(&folder, name).map_err(|errno| failed(errno.into()))??.is_none() {
            return Err(OrderError::NotFound(name.clone()));
        }
        let made = self.folder.join(manifest::FILE);
        fs::write(&made, text).map_err(failed)?;
        match fs::symlink_metadata(&target) {
            Ok(was) if was.is_file() => {
                fs::set_permissions(&made, was.permissions()).map_err(failed)?;
                Owner::of(&was).take(&made).map_err(failed)?;
            }
            Ok(_) => {
                return Err(OrderError::Conflict(format!(
                    "`{}` of `{name}` is not a file; it is left as it is",
                    manifest::FILE
                )));
            }
            Err(_) => {
                fs::set_permissions(&made, permissions(0o644)).map_err(failed)?;
                self.owner.take(&made).map_err(failed)?;
            }
        }
        fs::rename(&made, &target).map_err(failed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a draft cannot be removed");
        }
    }
}

/// The folder that stands at a path, if one does. The inner error is about
/// something else that does.
fn standing(
    path: &Path,
    name: impl std::fmt::Display,
) -> nix::Result<Result<Option<Metadata>, OrderError>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
        Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(0))),
    };
    let what = if found.is_dir() {
        return Ok(Ok(Some(found)));
    } else if found.is_symlink() {
        "a symbolic link, and what it leads to is not ours"
    } else {
        "not a folder"
    };
    let text = format!("`{name}` in registry_in is {what}; change or remove it there by hand");
    Ok(Err(OrderError::Conflict(text)))
}

fn remove_if_empty(folder: Option<&Path>) {
    // It fails where it is not empty, which is the other way out.
    let _ = folder.map(fs::remove_dir);
}

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> nix::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)
}

fn permissions(mode: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

/// What the system refused, for the operator.
fn refused(error: &io::Error, doing: &str, path: &Path) -> OrderError {
    let text = format!("{doing} `{}`: {error}", path.display());
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EROFS | Errno::EACCES | Errno::EPERM) => OrderError::ReadOnly(text),
        _ => OrderError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join("index.ts")).unwrap()
    }

    #[test]
    fn a_file_system_that_cannot_exchange_gets_two_renames_and_loses_nothing() {
        let inbox = tempfile::tempdir().unwrap();
        let target = inbox.path().join("hello");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("index.ts"), "old").unwrap();
        let draft = Draft::make(inbox.path()).unwrap();
        fs::write(draft.root().join("index.ts"), "new").unwrap();
        draft.swap(&target).unwrap();
        assert_eq!(text(&target), "new");

        // Where nothing can be put in place, what was there comes back.
        let other = Draft::make(inbox.path()).unwrap();
        fs::remove_dir(other.root()).unwrap();
        assert_eq!(other.swap(&target), Err(Errno::ENOENT));
        assert_eq!(text(&target), "new");
        drop((draft, other));
        assert_eq!(fs::read_dir(inbox.path()).unwrap().count(), 1);
    }
}
