//! Writes what an archive holds, and counts it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{
    ArchiveError, FREE_OF_RATIO, MAX_ENTRIES, MAX_RATIO, MAX_UNPACKED, path_of, shown, unreadable,
};
use crate::registry::{Draft, Owner};

/// Writes into one folder and nowhere else.
pub(super) struct Writer {
    root: PathBuf,
    owner: Owner,
    /// Files and folders so far.
    entries: usize,
    files: usize,
    /// Bytes so far, and at most.
    bytes: u64,
    most: u64,
}

impl Writer {
    /// For an archive of so many bytes.
    pub(super) fn new(draft: &Draft, packed: usize) -> Self {
        let most = MAX_UNPACKED.min(FREE_OF_RATIO + MAX_RATIO * packed as u64);
        let (root, owner) = (draft.root().to_owned(), draft.owner());
        Self { root, owner, entries: 0, files: 0, bytes: 0, most }
    }

    /// Bytes that may still be written.
    pub(super) fn left(&self) -> u64 {
        self.most - self.bytes
    }

    /// Whether no file was written.
    pub(super) fn is_empty(&self) -> bool {
        self.files == 0
    }

    /// Makes a folder, with those that it lies in.
    pub(super) fn folder(&mut self, name: &str) -> Result<(), ArchiveError> {
        let path = path_of(name)?;
        self.folders(name, &path)
    }

    /// Writes a file that is not there yet.
    pub(super) fn file(&mut self, name: &str, content: impl Read) -> Result<(), ArchiveError> {
        let path = path_of(name)?;
        let (Some(folder), Some(_)) = (path.parent(), path.file_name()) else {
            let text = format!("the archive's entry `{}` has no name", shown(name));
            return Err(ArchiveError::Invalid(text));
        };
        self.folders(name, folder)?;
        self.count()?;
        let target = self.root.join(&path);
        let mut file = File::create_new(&target).map_err(|error| in_the_way(name, error))?;
        self.copy(name, content, &mut file)?;
        file.set_permissions(Permissions::from_mode(0o644)).map_err(ArchiveError::Write)?;
        self.files += 1;
        self.owner.take(&target).map_err(ArchiveError::Write)
    }

    fn folders(&mut self, name: &str, path: &Path) -> Result<(), ArchiveError> {
        let mut folder = self.root.clone();
        for part in path.components() {
            folder.push(part);
            match fs::create_dir(&folder) {
                Ok(()) => {
                    self.count()?;
                    fs::set_permissions(&folder, Permissions::from_mode(0o755))
                        .map_err(ArchiveError::Write)?;
                    self.owner.take(&folder).map_err(ArchiveError::Write)?;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if !folder.is_dir() {
                        return Err(in_the_way(name, io::ErrorKind::NotADirectory.into()));
                    }
                }
                Err(error) => return Err(in_the_way(name, error)),
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(too_many());
        }
        Ok(())
    }

    fn copy(
        &mut self,
        name: &str,
        mut content: impl Read,
        file: &mut File,
    ) -> Result<(), ArchiveError> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Err(self.too_much(name));
                }
                Err(error) => return Err(unreadable(Some(name), &error)),
            };
            self.bytes += length as u64;
            if self.bytes > self.most {
                return Err(self.too_much(name));
            }
            file.write_all(&buffer[..length]).map_err(ArchiveError::Write)?;
        }
    }

    /// The error about an archive that unpacks to more than it may.
    pub(super) fn too_much(&self, name: &str) -> ArchiveError {
        let why = if self.most == MAX_UNPACKED {
            format!("unpacks to more than {} MiB", MAX_UNPACKED >> 20)
        } else {
            format!("unpacks to more than {MAX_RATIO} times its own size")
        };
        ArchiveError::TooLarge(format!("the archive {why}, at the entry `{}`", shown(name)))
    }
}

/// The error about an archive with too many entries.
pub(super) fn too_many() -> ArchiveError {
    ArchiveError::TooLarge(format!("the archive holds more than {MAX_ENTRIES} files and folders"))
}

/// Something else has that name, or the system does not take it.
fn in_the_way(name: &str, error: io::Error) -> ArchiveError {
    let what = match error.kind() {
        io::ErrorKind::AlreadyExists => "is there twice",
        io::ErrorKind::NotADirectory => "lies in a file",
        io::ErrorKind::InvalidFilename => "has too long a name",
        _ => return ArchiveError::Write(error),
    };
    ArchiveError::Invalid(format!("the archive's entry `{}` {what}", shown(name)))
}
