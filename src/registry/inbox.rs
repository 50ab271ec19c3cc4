//! What lies in `registry_in`: which folders are functions, whose they are,
//! and what they look like from outside.
//!
//! A folder with an entry file is a function. A folder without one whose
//! sub-folders have them is an owner. Whatever begins with `_` or `.` is
//! nobody's business. No file's content is read here.
//!
//! What cannot be read says nothing about what lies there. So a folder whose
//! owner locks it is a problem of what is known to be in it, and not its end.

mod links;
mod look;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, lstat, stat};

use super::fingerprint::BuilderId;
use super::folder::{Folder, OpenError, special_name};
use crate::function::name::check_segment;
use crate::function::{FunctionName, Problem, manifest};

pub(super) use links::{Link, trace};
pub use look::ENTRY_FILES;
pub(super) use look::{Look, MAX_DEPTH, MAX_FILES};
pub(super) use source::Source;

/// Names in an owner's folder.
const MAX_OWNED: usize = 10_000;
/// Files and folders in all functions of one owner together. Looking at them
/// takes two seconds, in which nothing else is looked at.
const MAX_OWNED_FILES: usize = 1_000_000;

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

/// The functions of an owner that were seen or published before. Their folders
/// stay their own, even while an entry file is away.
pub(super) type KnownOf<'a> = &'a dyn Fn(&str) -> BTreeSet<FunctionName>;

impl Inbox {
    pub(super) fn new(root: PathBuf, builder: BuilderId) -> Self {
        Self { root, builder }
    }

    /// Where functions are dropped.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether anything can be said about what lies there.
    pub(super) fn check_readable(&self) -> Result<(), InboxError> {
        fs::read_dir(&self.root).map(drop).map_err(|error| self.unreadable(error))
    }

    /// Looks at everything.
    pub(super) fn scan(&self, known_of: KnownOf<'_>) -> Result<Scan, InboxError> {
        let mut scan = Scan::default();
        for name in names(&self.root).map_err(|error| self.unreadable(error))? {
            self.look_at_top(&name, known_of, &mut scan);
        }
        Ok(scan)
    }

    /// Looks at one name in `registry_in`: a function, or an owner with all
    /// that it has. Nothing is found where nothing is.
    pub(super) fn scan_top(&self, top: &OsStr, known_of: KnownOf<'_>) -> Result<Scan, InboxError> {
        let mut scan = Scan::default();
        self.look_at_top(top, known_of, &mut scan);
        if scan.sources.is_empty() {
            // Only a readable root makes an absence mean anything.
            self.check_readable()?;
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

    /// Looks at a folder anywhere, as if it had been dropped under this name.
    pub(super) fn look_at_folder(&self, name: &FunctionName, folder: &Path) -> Source {
        let look = look::look_at_folder(folder, &self.builder);
        Source::new(name.clone(), folder.to_owned(), look)
    }

    /// Looks at a folder anywhere under its own name.
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

    fn look_at_top(&self, top: &OsStr, known_of: KnownOf<'_>, scan: &mut Scan) {
        let Some((path, found)) = Self::find(&self.root, top, top, scan) else { return };
        let Found::Folder = found else {
            return self.report_misplaced(top, &path, found, scan);
        };
        let Some(name) = segment(top, scan) else { return };
        // Which of the two it is comes first: it may hold very much.
        if !is_function(&path) && self.look_at_owner(name, &path, known_of, scan) {
            return;
        }
        if let Some(name) = parse(name, scan) {
            let look = look::look_at_folder(&path, &self.builder);
            scan.sources.push(Source::new(name, path, look));
        }
    }

    /// Looks at a folder as if it were an owner. Says whether it is one, which
    /// is so if any of its sub-folders is or was a function.
    fn look_at_owner(
        &self,
        owner: &str,
        folder: &Path,
        known_of: KnownOf<'_>,
        scan: &mut Scan,
    ) -> bool {
        let known = known_of(owner);
        let subs = match Folder::open(folder).map_err(OpenError::from) {
            Ok(folder) => folder.names(MAX_OWNED),
            Err(error) => Err(error),
        };
        let subs = match subs {
            Ok(subs) => subs,
            // Gone this moment, and all that it had with it.
            Err(OpenError::Missing) => return false,
            Err(error) => {
                let fault = format!("the folder of its owner, `{owner}`, {error}");
                self.report_all(known.iter(), folder, &fault, scan);
                return !known.is_empty();
            }
        };
        let mut below = Scan::default();
        let mut folders = Vec::new();
        let mut owns = false;
        for sub in subs.into_iter().filter(|sub| sub != "node_modules") {
            let Some((path, found)) = Self::find(folder, &sub, OsStr::new(owner), &mut below)
            else {
                continue;
            };
            if !matches!(found, Found::Folder) {
                let shown = Path::new(owner).join(&sub);
                self.report_misplaced(shown.as_os_str(), &path, found, &mut below);
                continue;
            }
            owns |= look::entry_of(&path).is_some();
            let Some(sub) = segment(&sub, &mut below) else { continue };
            if let Some(name) = parse(&format!("{owner}/{sub}"), &mut below) {
                owns |= known.contains(&name);
                folders.push((name, path));
            }
        }
        if !owns {
            return false;
        }
        let mut files = 0;
        let mut folders = folders.into_iter();
        for (name, path) in folders.by_ref() {
            let look = look::look_at_folder(&path, &self.builder);
            files += look.files();
            below.sources.push(Source::new(name, path, look));
            if files > MAX_OWNED_FILES {
                break;
            }
        }
        let rest: Vec<_> = folders.map(|(name, _)| name).collect();
        let fault = format!("the functions of `{owner}` hold more than {MAX_OWNED_FILES} files");
        self.report_all(rest.iter(), folder, &fault, &mut below);
        scan.append(below);
        true
    }

    /// Reports one fault of functions that were not looked at.
    fn report_all<'f>(
        &self,
        functions: impl Iterator<Item = &'f FunctionName>,
        folder: &Path,
        fault: &str,
        scan: &mut Scan,
    ) {
        for name in functions {
            let look = look::misplaced(name.as_str(), None, Problem::new(fault), &self.builder);
            scan.sources.push(Source::new(name.clone(), folder.to_owned(), look));
        }
    }

    /// What stands at one name, and the links on the way to it.
    fn find(folder: &Path, name: &OsStr, top: &OsStr, scan: &mut Scan) -> Option<(PathBuf, Found)> {
        if name.to_string_lossy().starts_with(['_', '.']) {
            return None;
        }
        let path = folder.join(name);
        let found = match lstat(&path) {
            Ok(stat) if stat.st_mode & libc::S_IFMT != libc::S_IFLNK => Found::of(stat),
            Ok(link) => {
                let (target, hops) = trace(&path);
                scan.links.push(Link { top: top.to_owned(), target, hops });
                stat(&path).map_or(Found::Dangling(link), Found::of)
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => return None,
            Err(error) => Found::Unreadable(error.into()),
        };
        Some((path, found))
    }

    /// Reports what stands where a folder should be. Files that people keep
    /// beside functions (`README.md`, `deno.json`, `Makefile`) are let be.
    fn report_misplaced(&self, name: &OsStr, path: &Path, found: Found, scan: &mut Scan) {
        let base = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = name.to_string_lossy().escape_debug().to_string();
        let (stat, text) = match found {
            Found::Folder => return,
            Found::File(stat) => {
                let Some(advice) = advice_for(&base) else { return };
                (Some(stat), format!("`{shown}` is a file where a folder should be; {advice}"))
            }
            Found::Dangling(stat) => (
                Some(stat),
                format!("the symbolic link `{shown}` leads nowhere; mend it or remove it"),
            ),
            Found::Special(stat) => {
                let kind = special_name(stat.st_mode);
                (Some(stat), format!("`{shown}` is {kind} where a folder should be; remove it"))
            }
            Found::Unreadable(error) => (None, format!("`{shown}` {error}")),
        };
        match name.to_str().map(str::parse::<FunctionName>) {
            Some(Ok(name)) => {
                let fault = Problem::new(text);
                let look = look::misplaced(name.as_str(), stat.as_ref(), fault, &self.builder);
                scan.sources.push(Source::new(name, path.to_owned(), look));
            }
            _ => scan.nameless.push(text),
        }
    }
}

/// Whether a folder is a function and no owner, sound or not.
pub(super) fn is_function(folder: &Path) -> bool {
    look::entry_of(folder).is_some() || folder.join(manifest::FILE).exists()
}

enum Found {
    Folder,
    File(FileStat),
    Dangling(FileStat),
    Special(FileStat),
    Unreadable(OpenError),
}

impl Found {
    fn of(stat: FileStat) -> Self {
        match stat.st_mode & libc::S_IFMT {
            libc::S_IFDIR => Self::Folder,
            libc::S_IFREG => Self::File(stat),
            _ => Self::Special(stat),
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
    fn append(&mut self, mut other: Self) {
        self.sources.append(&mut other.sources);
        self.nameless.append(&mut other.nameless);
        self.links.append(&mut other.links);
    }

    /// The sources by name. A name is found once: it is a path.
    pub(super) fn into_sources(self) -> BTreeMap<FunctionName, Source> {
        self.sources.into_iter().map(|source| (source.name().clone(), source)).collect()
    }
}

#[cfg(test)]
mod tests;
