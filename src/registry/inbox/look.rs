//! One look at one folder: everything in it, without opening a file.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::function::Problem;
use crate::registry::fingerprint::{BuilderId, Fingerprint, Hasher};
use crate::registry::folder::special_name;

/// Names of an entry file, the first match wins.
pub(in crate::registry) const ENTRY_FILES: [&str; 7] =
    ["index.ts", "index.tsx", "index.mts", "index.js", "index.mjs", "index.jsx", "index.cjs"];

/// Files and folders in one function's folder, `node_modules` included.
const MAX_FILES: usize = 100_000;
/// Folders inside folders.
const MAX_DEPTH: usize = 100;
/// Pipes and the like that are named one by one.
const MAX_FAULTS: usize = 10;

/// What one look saw.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Look {
    fingerprint: Fingerprint,
    age: Duration,
    entry: Option<&'static str>,
    faults: Vec<Problem>,
}

impl Look {
    /// A hash over all that was seen.
    pub(in crate::registry) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// How long ago the last change was, by the dates of the files; zero where
    /// they are in the future.
    pub(in crate::registry) fn age(&self) -> Duration {
        self.age
    }

    /// The entry file.
    pub(in crate::registry) fn entry(&self) -> Option<&'static str> {
        self.entry
    }

    /// What is wrong with the folder before any file in it is opened.
    pub(in crate::registry) fn faults(&self) -> &[Problem] {
        &self.faults
    }

    /// A look at a folder that does not exist.
    #[cfg(test)]
    pub(in crate::registry) fn fake(fingerprint: &str, age: Duration) -> Self {
        let fingerprint = fingerprint.to_owned().into();
        Self { fingerprint, age, entry: None, faults: Vec::new() }
    }
}

/// Looks at a folder and everything below it. Symbolic links inside it are
/// seen as links. What cannot be looked at is a fault, never an error.
pub(super) fn look_at_folder(folder: &Path, builder: &BuilderId) -> Look {
    let mut walk = Walk {
        hasher: Hasher::new(builder),
        newest: UNIX_EPOCH,
        entry: None,
        faults: Vec::new(),
        files: 0,
    };
    if let Ok(metadata) = fs::metadata(folder) {
        walk.see(OsStr::new(""), &metadata);
    }
    let mut relative = PathBuf::new();
    walk.folder(&mut folder.to_path_buf(), &mut relative, 0);
    walk.finish()
}

/// A look at something that is no folder.
pub(super) fn misplaced(
    name: &str,
    metadata: &Metadata,
    fault: Problem,
    builder: &BuilderId,
) -> Look {
    let mut hasher = Hasher::new(builder);
    hasher.entry(OsStr::new(name), metadata);
    Look {
        fingerprint: hasher.finish(),
        age: age_of(changed(metadata)),
        entry: None,
        faults: vec![fault],
    }
}

struct Walk {
    hasher: Hasher,
    newest: SystemTime,
    entry: Option<&'static str>,
    faults: Vec<Problem>,
    files: usize,
}

impl Walk {
    fn see(&mut self, path: &OsStr, metadata: &Metadata) {
        self.hasher.entry(path, metadata);
        self.newest = self.newest.max(changed(metadata));
    }

    fn fault(&mut self, relative: &Path, text: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            let shown = relative.to_string_lossy().escape_debug().to_string();
            let file = if shown.is_empty() { ".".to_owned() } else { shown };
            self.faults.push(Problem::in_file(file, text));
        }
    }

    /// Walks one folder, its names sorted, so that the order says nothing.
    fn folder(&mut self, path: &mut PathBuf, relative: &mut PathBuf, depth: usize) {
        let mut entries = match list(path) {
            Ok(entries) => entries,
            // Gone since its parent was listed; the parent's dates tell.
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth > 0 => return,
            Err(error) => {
                return self.fault(relative, format!("cannot be read: {}", plain(&error)));
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        if depth == 0 {
            self.entry = ENTRY_FILES.into_iter().find(|name| {
                let is_it = |entry: &fs::DirEntry| {
                    entry.file_name() == **name
                        && entry.file_type().is_ok_and(|kind| !kind.is_dir())
                };
                entries.iter().any(is_it)
            });
        }
        for entry in entries {
            self.files += 1;
            if self.files > MAX_FILES {
                if self.files == MAX_FILES + 1 {
                    self.fault(Path::new(""), format!("holds more than {MAX_FILES} files"));
                }
                return;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name();
            path.push(&name);
            relative.push(&name);
            self.see(relative.as_os_str(), &metadata);
            self.entry(path, relative, metadata.file_type(), depth);
            relative.pop();
            path.pop();
        }
    }

    fn entry(&mut self, path: &mut PathBuf, relative: &mut PathBuf, kind: FileType, depth: usize) {
        if kind.is_symlink() {
            let target = fs::read_link(&*path).unwrap_or_default();
            self.hasher.part(target.as_os_str().as_encoded_bytes());
        } else if kind.is_dir() && depth + 1 == MAX_DEPTH {
            self.fault(relative, format!("is more than {MAX_DEPTH} folders deep"));
        } else if kind.is_dir() {
            self.folder(path, relative, depth + 1);
        } else if !kind.is_file() {
            let kind = special_name(kind);
            self.fault(
                relative,
                format!("is {kind}; a function's folder holds files and folders only"),
            );
        }
    }

    fn finish(self) -> Look {
        Look {
            fingerprint: self.hasher.finish(),
            age: age_of(self.newest),
            entry: self.entry,
            faults: self.faults,
        }
    }
}

fn list(path: &Path) -> io::Result<Vec<fs::DirEntry>> {
    fs::read_dir(path)?.collect()
}

/// The time that the kernel sets at every change of a file, its name or its
/// metadata, and that no program can choose.
fn changed(metadata: &Metadata) -> SystemTime {
    let seconds = Duration::from_secs(metadata.ctime().try_into().unwrap_or(0));
    let nanoseconds = Duration::from_nanos(metadata.ctime_nsec().try_into().unwrap_or(0));
    UNIX_EPOCH.checked_add(seconds + nanoseconds).unwrap_or(UNIX_EPOCH)
}

fn age_of(changed: SystemTime) -> Duration {
    SystemTime::now().duration_since(changed).unwrap_or(Duration::ZERO)
}

/// What the system said, without the number.
fn plain(error: &io::Error) -> String {
    error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |raw| nix::errno::Errno::from_raw(raw).desc().to_owned())
}
