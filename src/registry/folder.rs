//! Opening files below one folder, and only below it.
//!
//! The kernel resolves each path (`openat2` with `RESOLVE_BENEATH`), so a
//! symbolic link that leads out of the folder is refused even if it is put in
//! place between a check and the opening. Links that stay inside work.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

/// An open folder that nothing is reached from but what lies below it.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
}

/// What can stand at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

/// Why something below a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("leads out of the function's folder")]
    Outside,
    #[error("is {0}; only files and folders can be used")]
    Special(&'static str),
    #[error("does not exist")]
    Missing,
    #[error("cannot be read: {}", Errno::from_raw(.0.raw_os_error().unwrap_or(0)).desc())]
    Io(io::Error),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EXDEV => Self::Outside,
            Errno::ENOENT | Errno::ENOTDIR => Self::Missing,
            // What opening a socket says.
            Errno::ENXIO => Self::Special("a socket"),
            errno => Self::Io(errno.into()),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Self::Io(error), |raw| Errno::from_raw(raw).into())
    }
}

impl Folder {
    /// Opens the folder itself, following links to it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self { fd: open(path, flags, Mode::empty())? })
    }

    /// What stands at a path below, without opening it.
    pub(super) fn kind(&self, path: &Path) -> Result<Kind, OpenError> {
        kind_of(&File::from(self.beneath(path, OFlag::O_PATH)?).metadata()?)
    }

    /// Opens a regular file below for reading. A pipe or device that stands
    /// there is not opened.
    pub(super) fn file(&self, path: &Path) -> Result<(File, Metadata), OpenError> {
        match self.kind(path)? {
            Kind::File => {}
            Kind::Folder => return Err(OpenError::Special("a folder")),
        }
        // What was a file may be a pipe by now: not blocking, and looked at again.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = File::from(self.beneath(path, flags)?);
        let metadata = file.metadata()?;
        if kind_of(&metadata)? == Kind::Folder {
            return Err(OpenError::Special("a folder"));
        }
        Ok((file, metadata))
    }

    /// The names in a folder below, sorted, but never more than `most`: a
    /// folder may hold millions.
    pub(super) fn list(&self, path: &Path, most: usize) -> Result<Vec<OsString>, OpenError> {
        let fd = self.beneath(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        Ok(names(fd, most)?)
    }

    /// The names in this folder, likewise.
    pub(super) fn names(&self, most: usize) -> Result<Vec<OsString>, OpenError> {
        Ok(names(openat(&self.fd, ".", READ_FOLDER, Mode::empty())?, most)?)
    }

    /// A folder that lies directly in this one. A link is not one, even if it
    /// was a folder a moment ago.
    pub(super) fn enter(&self, name: &OsStr) -> Result<Self, OpenError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(Self { fd: openat(&self.fd, name, flags, Mode::empty())? })
    }

    /// What the system says of this folder.
    pub(super) fn stat(&self) -> Result<FileStat, OpenError> {
        Ok(fstat(&self.fd)?)
    }

    /// What the system says of a name in this folder. A link is not followed.
    pub(super) fn stat_of(&self, name: &OsStr) -> Result<FileStat, OpenError> {
        Ok(fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
    }

    /// Where a link in this folder leads.
    pub(super) fn link(&self, name: &OsStr) -> Result<OsString, OpenError> {
        Ok(readlinkat(&self.fd, name)?)
    }

    /// Device and inode of what stands at a path below.
    pub(super) fn identity(&self, path: &Path) -> Result<(u64, u64), OpenError> {
        let metadata = File::from(self.beneath(path, OFlag::O_PATH)?).metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    fn beneath(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, OpenError> {
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
        Ok(openat2(self.fd.as_fd(), path, how)?)
    }
}

fn kind_of(metadata: &Metadata) -> Result<Kind, OpenError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        Ok(Kind::File)
    } else if kind.is_dir() {
        Ok(Kind::Folder)
    } else {
        Err(OpenError::Special(special_name(metadata.mode())))
    }
}

const READ_FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

fn names(fd: OwnedFd, most: usize) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(fd)?.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if names.len() == most {
            break;
        }
        names.push(OsStr::from_bytes(name).to_owned());
    }
    names.sort();
    Ok(names)
}

/// What a person calls a file that is neither a file nor a folder, by its mode.
pub(super) fn special_name(mode: u32) -> &'static str {
    match mode & libc::S_IFMT {
        libc::S_IFIFO => "a pipe (FIFO)",
        libc::S_IFSOCK => "a socket",
        _ => "a device",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_below_the_folder_are_opened() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("function");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/data"), "inside").unwrap();
        fs::write(temporary.path().join("secret"), "outside").unwrap();
        symlink("sub/data", root.join("inner")).unwrap();
        symlink("../secret", root.join("outer")).unwrap();
        symlink("/etc/passwd", root.join("absolute")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe"), Mode::S_IRUSR).unwrap();
        let folder = Folder::open(&root).unwrap();

        for inside in ["sub/data", "inner", "sub/../inner"] {
            assert!(folder.file(Path::new(inside)).is_ok(), "{inside} was refused");
        }
        for (path, reason) in [
            ("outer", "leads out"),
            ("absolute", "leads out"),
            ("../secret", "leads out"),
            ("/etc/passwd", "leads out"),
            ("pipe", "FIFO"),
            ("sub", "a folder"),
            ("missing", "does not exist"),
            ("sub/data/deeper", "does not exist"),
        ] {
            let error = folder.file(Path::new(path)).expect_err(path).to_string();
            assert!(error.contains(reason), "{path} gave {error}");
        }
    }
}
