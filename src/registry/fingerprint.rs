//! What a source looks like from outside, without reading a single file.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use nix::libc;
use nix::sys::stat::FileStat;
use sha2::{Digest, Sha256};

/// Hexadecimal digits in a fingerprint.
const DIGITS: usize = 32;

/// A hash over names, sizes, dates and inodes of everything in a folder.
///
/// Two looks with the same fingerprint saw the same files: every write sets
/// the inode's change time, which no program can set back. Content may be the
/// same under two fingerprints; the revision tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint(Arc<str>);

impl Fingerprint {
    /// The fingerprint of nothing that can be seen.
    pub(super) fn none() -> Self {
        Self("".into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Fingerprint {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get(..8).unwrap_or(&self.0))
    }
}

/// Identifies everything besides the source that decides what is built: this
/// program, the bundler, the runtime library, the operator's permissions.
#[derive(Debug, Clone)]
pub(super) struct BuilderId(Arc<str>);

impl BuilderId {
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Hasher(Sha256::new());
        for part in parts {
            hasher.part(part);
        }
        Self(hasher.finish().0)
    }
}

/// Collects what is seen in one folder. The order of calls matters.
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn new(builder: &BuilderId) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.part(builder.0.as_bytes());
        hasher
    }

    /// Adds a part with its length, so that no two lists of parts look alike.
    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds one file or folder. A folder's size says nothing about its content
    /// that the entries do not say themselves.
    pub(super) fn entry(&mut self, path: &OsStr, stat: &FileStat) {
        self.part(path.as_bytes());
        let kind = stat.st_mode & libc::S_IFMT;
        let size = if kind == libc::S_IFDIR { 0 } else { stat.st_size };
        let numbers = [
            u64::from(kind),
            size.cast_unsigned(),
            stat.st_ino,
            stat.st_mtime.cast_unsigned(),
            stat.st_mtime_nsec.cast_unsigned(),
            stat.st_ctime.cast_unsigned(),
            stat.st_ctime_nsec.cast_unsigned(),
        ];
        for number in numbers {
            self.0.update(number.to_le_bytes());
        }
    }

    pub(super) fn finish(self) -> Fingerprint {
        Fingerprint(hex(&self.0.finalize(), DIGITS).into())
    }
}

fn hex(bytes: &[u8], digits: usize) -> String {
    use fmt::Write as _;
    bytes.iter().take(digits / 2).fold(String::with_capacity(digits), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
