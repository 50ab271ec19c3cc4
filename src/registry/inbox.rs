//! What lies in `registry_in`: which folders are functions, whose they are,
//! and what they look like from outside.
//!
//! A folder with an entry file is a function. A folder without one whose
//! sub-folders have them is an owner. Whatever begins with `_` or `.` is
//! nobody's business. No file's content is read here.

mod links;
mod look;
mod source;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::fingerprint::BuilderId;
use super::folder::special_name;
use crate::function::name::check_segment;
use crate::function::{FunctionName, Problem, manifest};

pub(super) use links::{Link, trace};
pub(super) use look::{ENTRY_FILES, Look};
pub(super) use source::Source;

/// `registry_in` itself cannot be read. Says nothing about any function.
#[derive(Debug, thiserror::Error)]
#[error("read the folder `{}`", root.display())]
pub struct InboxError {
    root: PathBuf,
    #[source]
    source: io::Error,
}

/// What was found, in `registry_in` or in one of its folders.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Everything that has a function's name, sound or not.
    pub(super) sources: Vec<Source>,
    /// What cannot be a function, and why, as one line each.
    pub(super) nameless: Vec<String>,
    /// Symbolic links on the way to a folder.
    pub(super) links: Vec<Link>,
}

/// Looks into `registry_in`.
#[derive(Debug)]
pub(super) struct Inbox {
    root: PathBuf,
    builder: BuilderId,
}

/// Whether a name is that of a function that was seen or published before.
/// Then its folder stays its own, even while the entry file is away.
pub(super) type IsKnown<'a> = &'a dyn Fn(&str) -> bool;

impl Inbox {
    pub(super) fn new(root: PathBuf, builder: BuilderId) -> Self {
        Self { root, builder }
    }

    /// Looks at everything.
    pub(super) fn scan(&self, is_known: IsKnown<'_>) -> Result<Scan, InboxError> {
        let mut scan = Scan::default();
        for name in names(&self.root).map_err(|error| self.unreadable(error))? {
            self.look_at_top(&name, is_known, &mut scan);
        }
        Ok(scan)
    }

    /// Looks at one name in `registry_in`: a function, or an owner with all
    /// that it has. Nothing is found where nothing is.
    pub(super) fn scan_top(&self, top: &OsStr, is_known: IsKnown<'_>) -> Result<Scan, InboxError> {
        let mut scan = Scan::default();
        self.look_at_top(top, is_known, &mut scan);
        if scan.sources.is_empty() {
            // Only a readable root makes an absence mean anything.
            fs::read_dir(&self.root).map_err(|error| self.unreadable(error))?;
        }
        Ok(scan)
    }

    /// Looks at one function of an owner, without the owner's others. `None`
    /// where the owner has to be looked at to tell.
    pub(super) fn look_at(&self, name: &FunctionName) -> Option<Source> {
        name.owner()?;
        let path = self.root.join(name.as_str());
        fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()).then(|| {
            let look = look::look_at_folder(&path, &self.builder);
            Source::new(name.clone(), path, look)
        })
    }

    /// Looks at a folder anywhere, as if it had been dropped.
    pub(super) fn look_at_one(folder: &Path, builder: &BuilderId) -> Result<Source, Problem> {
        let real = folder
            .canonicalize()
            .map_err(|error| Problem::new(format!("the folder cannot be read: {error}")))?;
        let name = real.file_name().unwrap_or_default().to_string_lossy();
        let name = name.parse::<FunctionName>().map_err(|error| Problem::new(error.to_string()))?;
        let look = look::look_at_folder(&real, builder);
        Ok(Source::new(name, real, look))
    }

    /// The identity of `registry_in`, which changes when it is replaced.
    pub(super) fn root_identity(&self) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(&self.root).ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }

    fn unreadable(&self, source: io::Error) -> InboxError {
        InboxError { root: self.root.clone(), source }
    }

    fn look_at_top(&self, top: &OsStr, is_known: IsKnown<'_>, scan: &mut Scan) {
        let Some((path, found)) = Self::find(&self.root, top, top, scan) else { return };
        let Found::Folder = found else {
            return self.report_misplaced(top, &path, found, scan);
        };
        let Some(name) = segment(top, scan) else { return };
        let look = look::look_at_folder(&path, &self.builder);
        if look.entry().is_none() && !path.join(manifest::FILE).exists() {
            let mut owned = Scan::default();
            if self.look_at_owner(name, &path, is_known, &mut owned) {
                scan.sources.append(&mut owned.sources);
                scan.nameless.append(&mut owned.nameless);
                scan.links.append(&mut owned.links);
                return;
            }
        }
        if let Some(name) = parse(name, scan) {
            scan.sources.push(Source::new(name, path, look));
        }
    }

    /// Looks at a folder as if it were an owner. Says whether it is one, which
    /// is so if any of its sub-folders is or was a function.
    fn look_at_owner(
        &self,
        owner: &str,
        folder: &Path,
        is_known: IsKnown<'_>,
        scan: &mut Scan,
    ) -> bool {
        let mut owns = false;
        // What cannot be listed was reported by the look at the folder.
        for sub in names(folder).unwrap_or_default() {
            if sub == "node_modules" {
                continue;
            }
            let Some((path, found)) = Self::find(folder, &sub, OsStr::new(owner), scan) else {
                continue;
            };
            let shown = Path::new(owner).join(&sub);
            let Found::Folder = found else {
                self.report_misplaced(shown.as_os_str(), &path, found, scan);
                continue;
            };
            let look = look::look_at_folder(&path, &self.builder);
            owns |= look.entry().is_some();
            let Some(sub) = segment(&sub, scan) else { continue };
            if let Some(name) = parse(&format!("{owner}/{sub}"), scan) {
                owns |= is_known(name.as_str());
                scan.sources.push(Source::new(name, path, look));
            }
        }
        owns
    }

    /// What stands at one name, and the links on the way to it.
    fn find(folder: &Path, name: &OsStr, top: &OsStr, scan: &mut Scan) -> Option<(PathBuf, Found)> {
        if name.to_string_lossy().starts_with(['_', '.']) {
            return None;
        }
        let path = folder.join(name);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_symlink() {
            return Some((path, Found::of(metadata)));
        }
        let (target, hops) = trace(&path);
        scan.links.push(Link { top: top.to_owned(), target, hops });
        let found = fs::metadata(&path).map_or(Found::Dangling(metadata), Found::of);
        Some((path, found))
    }

    /// Reports what stands where a folder should be. Files that people keep
    /// beside functions (`README.md`, `deno.json`, `Makefile`) are let be.
    fn report_misplaced(&self, name: &OsStr, path: &Path, found: Found, scan: &mut Scan) {
        let base = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = name.to_string_lossy().escape_debug().to_string();
        let (metadata, text) = match found {
            Found::Folder => return,
            Found::File(metadata) => {
                let Some(advice) = advice_for(&base) else { return };
                (metadata, format!("`{shown}` is a file where a folder should be; {advice}"))
            }
            Found::Dangling(metadata) => (
                metadata,
                format!("the symbolic link `{shown}` leads nowhere; mend it or remove it"),
            ),
            Found::Special(metadata) => {
                let kind = special_name(metadata.file_type());
                (metadata, format!("`{shown}` is {kind} where a folder should be; remove it"))
            }
        };
        match name.to_str().map(str::parse::<FunctionName>) {
            Some(Ok(name)) => {
                let look =
                    look::misplaced(name.as_str(), &metadata, Problem::new(text), &self.builder);
                scan.sources.push(Source::new(name, path.to_owned(), look));
            }
            _ => scan.nameless.push(text),
        }
    }
}

enum Found {
    Folder,
    File(Metadata),
    Dangling(Metadata),
    Special(Metadata),
}

impl Found {
    fn of(metadata: Metadata) -> Self {
        if metadata.is_dir() {
            Self::Folder
        } else if metadata.is_file() {
            Self::File(metadata)
        } else {
            Self::Special(metadata)
        }
    }
}

/// What to do with a file that was probably meant to be a function; `None`
/// for a file that was not.
fn advice_for(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Some(match extension {
        "ts" | "tsx" | "mts" | "js" | "jsx" | "mjs" | "cjs" => {
            format!("put it in a folder, as `{stem}/index.{extension}`")
        }
        "wasm" | "py" | "sh" => "functions are folders with an `index.ts` or `index.js`".to_owned(),
        "zip" | "tar" | "gz" | "tgz" => "unpack it into a folder".to_owned(),
        // `hello`, but not `Makefile` or `LICENSE`.
        "" if name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) => {
            "put it in a folder, with its code in `index.ts`".to_owned()
        }
        _ => return None,
    })
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn segment<'a>(name: &'a OsStr, scan: &mut Scan) -> Option<&'a str> {
    let reason = match name.to_str().map(|text| (text, check_segment(text))) {
        Some((text, Ok(()))) => return Some(text),
        Some((_, Err(error))) => error.to_string(),
        None => "a name may hold letters, digits, `.`, `_` and `-`".to_owned(),
    };
    let shown = name.to_string_lossy().escape_debug().to_string();
    // The reason quotes the name, which may hold anything.
    let reason = reason.replace(char::is_control, "\u{fffd}");
    scan.nameless.push(format!("the folder `{shown}` cannot be a function: {reason}"));
    None
}

fn parse(name: &str, scan: &mut Scan) -> Option<FunctionName> {
    let parsed = name.parse::<FunctionName>();
    if let Err(error) = &parsed {
        scan.nameless.push(format!("the folder `{name}` cannot be a function: {error}"));
    }
    parsed.ok()
}

impl Scan {
    /// The sources by name. A name is found once: it is a path.
    pub(super) fn into_sources(self) -> BTreeMap<FunctionName, Source> {
        self.sources.into_iter().map(|source| (source.name().clone(), source)).collect()
    }
}

#[cfg(test)]
mod tests;
