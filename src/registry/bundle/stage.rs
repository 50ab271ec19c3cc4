//! A revision's folder while it is being made.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::BuildError;
use super::code::Code;
use crate::function::Problem;
use crate::function::published::{BUNDLE, FILES, SOURCE_MAP};
use crate::registry::check::{Checked, MAX_PUBLISHED_BYTES};
use crate::registry::folder::{Kind, OpenError};

/// Published files are read by a server that runs as another user.
pub(in crate::registry) const FILE_MODE: u32 = 0o644;
/// Published folders likewise.
pub(in crate::registry) const FOLDER_MODE: u32 = 0o755;

/// A folder of its own for one build, removed when this is dropped.
#[derive(Debug)]
pub(in crate::registry) struct Staging {
    folder: PathBuf,
}

impl Staging {
    /// Makes an empty one.
    pub(super) fn make(temporary: &Path, number: u64) -> io::Result<Self> {
        let staging = Self { folder: temporary.join(number.to_string()) };
        make_folder(&staging.folder)?;
        make_folder(&staging.revision())?;
        fs::create_dir(staging.output())?;
        Ok(staging)
    }

    /// The folder that is published.
    pub(in crate::registry) fn revision(&self) -> PathBuf {
        self.folder.join("revision")
    }

    /// The folder that the bundler writes to.
    pub(super) fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// Writes the code and copies the files. Returns what the files add to the
    /// revision: path and hash of each. The inner error is the author's.
    pub(super) fn fill(
        &self,
        code: &Code,
        checked: &Checked,
    ) -> Result<Result<Vec<Vec<u8>>, Problem>, BuildError> {
        let revision = self.revision();
        let write = |name: &str, bytes: &[u8]| write_file(&revision.join(name), bytes);
        write(BUNDLE, &code.text).map_err(BuildError::io("write the bundle"))?;
        write(SOURCE_MAP, &code.map).map_err(BuildError::io("write the source map"))?;
        let mut copy = Copy { files: revision.join(FILES), left: MAX_PUBLISHED_BYTES };
        let mut parts = Vec::new();
        for (index, (path, kind)) in checked.files().iter().enumerate() {
            if index == 0 {
                make_folder(&copy.files).map_err(BuildError::io("make a folder"))?;
            }
            match copy.entry(checked, path, kind) {
                Ok(hash) => parts.extend([path.as_os_str().as_bytes().to_vec(), hash]),
                Err(CopyError::Source(error)) => {
                    return Ok(Err(Problem::in_file(path.to_string_lossy(), error.to_string())));
                }
                Err(CopyError::TooLarge) => {
                    let most = MAX_PUBLISHED_BYTES >> 20;
                    return Ok(Err(Problem::new(format!(
                        "more than {most} MiB of files to publish"
                    ))));
                }
                Err(CopyError::Target(source)) => {
                    return Err(BuildError::Io { doing: "copy a file", source });
                }
            }
        }
        Ok(Ok(parts))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(folder = %self.folder.display(), %error, "a temporary folder stays");
        }
    }
}

struct Copy {
    files: PathBuf,
    /// Files may grow between a look and a copy.
    left: u64,
}

enum CopyError {
    Source(OpenError),
    Target(io::Error),
    TooLarge,
}

impl Copy {
    /// Copies one entry and returns its hash; a folder's is empty.
    fn entry(&mut self, checked: &Checked, path: &Path, kind: Kind) -> Result<Vec<u8>, CopyError> {
        let target = self.files.join(path);
        if kind == Kind::Folder {
            make_folder(&target).map_err(CopyError::Target)?;
            return Ok(Vec::new());
        }
        let (mut source, _) = checked.folder().file(path).map_err(CopyError::Source)?;
        let mut file = File::create_new(&target).map_err(CopyError::Target)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length =
                source.read(&mut buffer).map_err(|error| CopyError::Source(error.into()))?;
            if length == 0 {
                break;
            }
            self.left = self.left.checked_sub(length as u64).ok_or(CopyError::TooLarge)?;
            hash.update(&buffer[..length]);
            file.write_all(&buffer[..length]).map_err(CopyError::Target)?;
        }
        file.set_permissions(Permissions::from_mode(FILE_MODE)).map_err(CopyError::Target)?;
        Ok(hash.finalize().to_vec())
    }
}

/// Makes a folder that others may read, whatever the process's umask.
pub(in crate::registry) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

/// Writes a new file that others may read.
pub(in crate::registry) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}
