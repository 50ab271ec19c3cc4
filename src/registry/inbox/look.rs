//! One look at one folder: everything in it, without opening a file.
//!
//! The walk goes from each open folder to the next, by name and never by way
//! of a link. So it stays inside, whatever is put in the place of a folder
//! while it is under way.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::libc;
use nix::sys::stat::FileStat;

use crate::function::Problem;
use crate::registry::fingerprint::{BuilderId, Fingerprint, Hasher};
use crate::registry::folder::{Folder, OpenError, special_name};

/// Names of an entry file, the first match wins.
pub const ENTRY_FILES: [&str; 7] =
    ["index.ts", "index.tsx", "index.mts", "index.js", "index.mjs", "index.jsx", "index.cjs"];

/// Files and folders in one function's folder, `node_modules` included.
pub(in crate::registry) const MAX_FILES: usize = 100_000;
/// Folders inside folders.
pub(in crate::registry) const MAX_DEPTH: usize = 100;
/// Pipes and the like that are named one by one.
const MAX_FAULTS: usize = 10;
/// Characters of a path that a problem names. A path may have many thousands.
const MAX_SHOWN: usize = 200;

/// What one look saw.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Look {
    fingerprint: Fingerprint,
    age: Duration,
    entry: Option<&'static str>,
    faults: Vec<Problem>,
    files: usize,
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

    /// How many files and folders were looked at.
    pub(super) fn files(&self) -> usize {
        self.files
    }

    /// A look at a folder that does not exist.
    #[cfg(test)]
    pub(in crate::registry) fn fake(fingerprint: &str, age: Duration) -> Self {
        let fingerprint = fingerprint.to_owned().into();
        Self { fingerprint, age, entry: None, faults: Vec::new(), files: 0 }
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
    match Folder::open(folder) {
        Ok(folder) => {
            if let Ok(stat) = folder.stat() {
                walk.see(OsStr::new(""), &stat);
            }
            walk.folder(&folder, &mut PathBuf::new(), 0);
        }
        Err(error) => walk.fault(Path::new(""), OpenError::from(error).to_string()),
    }
    walk.finish()
}

/// The entry file of a folder, without a look at anything else.
pub(super) fn entry_of(folder: &Path) -> Option<&'static str> {
    let folder = Folder::open(folder).ok()?;
    ENTRY_FILES.into_iter().find(|name| is_entry(&folder, name))
}

/// A look at something that is no folder, or that cannot be looked at. `stat`
/// is what the system says of it, if it says anything.
pub(super) fn misplaced(
    name: &str,
    stat: Option<&FileStat>,
    fault: Problem,
    builder: &BuilderId,
) -> Look {
    let mut hasher = Hasher::new(builder);
    match stat {
        Some(stat) => hasher.entry(OsStr::new(name), stat),
        // Another reason is another state of it.
        None => hasher.part(fault.text.as_bytes()),
    }
    Look {
        fingerprint: hasher.finish(),
        age: age_of(stat.map_or_else(SystemTime::now, changed)),
        entry: None,
        faults: vec![fault],
        files: 1,
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
    fn see(&mut self, path: &OsStr, stat: &FileStat) {
        self.hasher.entry(path, stat);
        self.newest = self.newest.max(changed(stat));
    }

    fn fault(&mut self, relative: &Path, text: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Problem::in_file(shown(relative), text));
        }
    }

    /// Walks one folder, its names sorted, so that the order says nothing.
    fn folder(&mut self, folder: &Folder, relative: &mut PathBuf, depth: usize) {
        // One more than may be there shows that there are too many.
        let names = match folder.names(MAX_FILES + 1 - self.files.min(MAX_FILES)) {
            Ok(names) => names,
            Err(error) => return self.unreadable(relative, &error),
        };
        if depth == 0 {
            self.entry = ENTRY_FILES.into_iter().find(|name| is_entry(folder, name));
        }
        for name in names {
            self.files += 1;
            if self.files > MAX_FILES {
                if self.files == MAX_FILES + 1 {
                    self.fault(Path::new(""), format!("holds more than {MAX_FILES} files"));
                }
                return;
            }
            relative.push(&name);
            match folder.stat_of(&name) {
                Ok(stat) => {
                    self.see(relative.as_os_str(), &stat);
                    self.inside(folder, &name, relative, stat.st_mode, depth);
                }
                Err(error) => self.unreadable(relative, &error),
            }
            relative.pop();
        }
    }

    fn inside(
        &mut self,
        folder: &Folder,
        name: &OsString,
        relative: &mut PathBuf,
        mode: u32,
        depth: usize,
    ) {
        match mode & libc::S_IFMT {
            libc::S_IFREG => {}
            libc::S_IFLNK => {
                let target = folder.link(name).unwrap_or_default();
                self.hasher.part(target.as_encoded_bytes());
            }
            libc::S_IFDIR if depth + 1 == MAX_DEPTH => {
                self.fault(relative, format!("is more than {MAX_DEPTH} folders deep"));
            }
            libc::S_IFDIR => match folder.enter(name) {
                Ok(inner) => self.folder(&inner, relative, depth + 1),
                Err(error) => self.unreadable(relative, &error),
            },
            _ => {
                let kind = special_name(mode);
                self.fault(
                    relative,
                    format!("is {kind}; a function's folder holds files and folders only"),
                );
            }
        }
    }

    fn unreadable(&mut self, relative: &Path, error: &OpenError) {
        match error {
            // Gone, or something else, since its folder was listed; the
            // folder's dates tell.
            OpenError::Missing => {}
            error => self.fault(relative, error.to_string()),
        }
    }

    fn finish(self) -> Look {
        Look {
            fingerprint: self.hasher.finish(),
            age: age_of(self.newest),
            entry: self.entry,
            faults: self.faults,
            files: self.files,
        }
    }
}

fn is_entry(folder: &Folder, name: &str) -> bool {
    folder.stat_of(OsStr::new(name)).is_ok_and(|stat| stat.st_mode & libc::S_IFMT != libc::S_IFDIR)
}

/// A path as a problem names it: on one line, and its end where it is long.
fn shown(relative: &Path) -> String {
    let shown = relative.to_string_lossy().escape_debug().to_string();
    match shown.chars().count().checked_sub(MAX_SHOWN) {
        _ if shown.is_empty() => ".".to_owned(),
        Some(more) if more > 0 => format!("…{}", shown.chars().skip(more).collect::<String>()),
        _ => shown,
    }
}

/// The time that the kernel sets at every change of a file, its name or its
/// metadata, and that no program can choose.
fn changed(stat: &FileStat) -> SystemTime {
    let seconds = Duration::from_secs(stat.st_ctime.try_into().unwrap_or(0));
    let nanoseconds = Duration::from_nanos(stat.st_ctime_nsec.try_into().unwrap_or(0));
    UNIX_EPOCH.checked_add(seconds + nanoseconds).unwrap_or(UNIX_EPOCH)
}

fn age_of(changed: SystemTime) -> Duration {
    SystemTime::now().duration_since(changed).unwrap_or(Duration::ZERO)
}
