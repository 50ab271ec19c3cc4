//! Which files are published beside the bundle: what the function serves, and
//! what it may read or write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::function::permissions::Kind as Access;
use crate::function::{Problem, manifest};
use crate::registry::folder::{Folder, Kind, OpenError};

/// All published files of one function together.
pub(in crate::registry) const MAX_PUBLISHED_BYTES: u64 = 256 << 20;
/// Published files and folders of one function.
const MAX_PUBLISHED_FILES: usize = 20_000;

/// Files and folders below a function's folder, sorted, each once.
#[derive(Debug, Default)]
pub(in crate::registry) struct FileList {
    entries: BTreeMap<PathBuf, Kind>,
    bytes: u64,
}

/// What is left out of a folder that is published.
#[derive(Clone, Copy, PartialEq)]
enum Leave {
    /// What no one named: packages and hidden files.
    Unnamed,
    /// Nothing.
    Nothing,
}

impl FileList {
    /// Every entry by its path relative to the function's folder. A folder
    /// comes before what it holds.
    pub(in crate::registry) fn iter(&self) -> impl Iterator<Item = (&Path, Kind)> {
        self.entries.iter().map(|(path, kind)| (path.as_path(), *kind))
    }

    /// Adds the folder that is served as files.
    pub(super) fn add_static(&mut self, folder: &Folder, path: &Path, problems: &mut Vec<Problem>) {
        let shown = path.display();
        let text = match folder.kind(path) {
            Ok(Kind::Folder) => return self.add(folder, path, problems),
            Ok(Kind::File) => format!("`static`: `{shown}` is a file; expected a folder"),
            Err(error) => format!("`static`: the folder `{shown}` {error}"),
        };
        problems.push(Problem::in_file(manifest::FILE, text));
    }

    /// Adds a path that a permission names.
    pub(super) fn add_path(
        &mut self,
        folder: &Folder,
        path: &Path,
        access: Access,
        problems: &mut Vec<Problem>,
    ) {
        match folder.kind(path) {
            Ok(_) => self.add(folder, path, problems),
            Err(error) => {
                let shown = path.display();
                let advice = match error {
                    OpenError::Missing => ", so create it or leave out the permission",
                    _ => "",
                };
                problems.push(Problem::in_file(
                    manifest::FILE,
                    format!("`permissions`: `{shown}` in `--allow-{access}` {error}{advice}"),
                ));
            }
        }
    }

    fn add(&mut self, folder: &Folder, path: &Path, problems: &mut Vec<Problem>) {
        let (leave, path) = if path == Path::new(".") {
            (Leave::Unnamed, Path::new(""))
        } else {
            (Leave::Nothing, path)
        };
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.entries.insert(parent.to_owned(), Kind::Folder);
        }
        let problem = match self.collect(folder, path, leave, &mut Vec::new()) {
            Ok(()) => return,
            Err(TooMuch::Files) => format!("more than {MAX_PUBLISHED_FILES} files to publish"),
            Err(TooMuch::Bytes) => {
                format!("more than {} MiB of files to publish", MAX_PUBLISHED_BYTES >> 20)
            }
            Err(TooMuch::Problem(file, error)) => {
                problems.push(Problem::in_file(file.to_string_lossy(), error.to_string()));
                return;
            }
        };
        problems.push(Problem::in_file(
            manifest::FILE,
            format!("{problem}; name smaller folders in `static` and `permissions`"),
        ));
    }

    /// Adds what stands at a path, and everything below it. `inside` are the
    /// folders on the way, so that a link back to one of them is noticed.
    fn collect(
        &mut self,
        folder: &Folder,
        path: &Path,
        leave: Leave,
        inside: &mut Vec<(u64, u64)>,
    ) -> Result<(), TooMuch> {
        let at = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let told = |error| TooMuch::Problem(path.to_owned(), error);
        let kind = folder.kind(at).map_err(told)?;
        if !path.as_os_str().is_empty() && self.entries.insert(path.to_owned(), kind).is_none() {
            if kind == Kind::File {
                let (_, metadata) = folder.file(at).map_err(told)?;
                self.bytes += metadata.len();
            }
            if self.entries.len() > MAX_PUBLISHED_FILES {
                return Err(TooMuch::Files);
            }
            if self.bytes > MAX_PUBLISHED_BYTES {
                return Err(TooMuch::Bytes);
            }
        }
        if kind == Kind::File {
            return Ok(());
        }
        let identity = folder.identity(at).map_err(told)?;
        if inside.contains(&identity) {
            return Err(told(OpenError::Special("a link back to a folder around it")));
        }
        inside.push(identity);
        for name in folder.list(at, MAX_PUBLISHED_FILES + 1).map_err(told)? {
            let unnamed = name == "node_modules" || name.as_encoded_bytes().starts_with(b".");
            if leave == Leave::Nothing || !unnamed {
                self.collect(folder, &path.join(name), leave, inside)?;
            }
        }
        inside.pop();
        Ok(())
    }
}

/// Why no more is collected.
enum TooMuch {
    Files,
    Bytes,
    Problem(PathBuf, OpenError),
}
