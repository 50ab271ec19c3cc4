//! Everything that can be said about a source without building it, every
//! problem at once.

mod files;
mod imports;
mod jsonc;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::fingerprint::Fingerprint;
use super::folder::{Folder, OpenError};
use super::inbox::{ENTRY_FILES, Source};
use crate::function::permissions::{Kind, OperatorAllows};
use crate::function::{FunctionName, Manifest, Problem, manifest};

pub(super) use files::{FileList, MAX_PUBLISHED_BYTES};
pub(super) use imports::{Alias, package_name};

/// What one file may hold that goes into a bundle.
pub(super) const MAX_IMPORTED_BYTES: u64 = 64 << 20;
/// Longest text file of an author's settings.
const MAX_SETTINGS_BYTES: u64 = 1 << 20;

/// A source that has been looked over, with what is wrong with it so far.
/// What does not depend on the problems can be built all the same, so that its
/// problems are told together with these.
#[derive(Debug)]
pub(super) struct Checked {
    name: FunctionName,
    fingerprint: Fingerprint,
    real: PathBuf,
    folder: Folder,
    entry: &'static str,
    manifest: Manifest,
    aliases: Vec<Alias>,
    files: FileList,
    problems: Vec<Problem>,
}

impl Checked {
    pub(super) fn name(&self) -> &FunctionName {
        &self.name
    }

    /// What the source looked like when it was looked over.
    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The folder without symbolic links.
    pub(super) fn real(&self) -> &Path {
        &self.real
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn entry(&self) -> &'static str {
        self.entry
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What other specifiers mean, from `deno.json`.
    pub(super) fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// The files that the function may read or serve.
    pub(super) fn files(&self) -> &FileList {
        &self.files
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the folder has settings of its own for TypeScript.
    pub(super) fn has_tsconfig(&self) -> bool {
        ["tsconfig.json", "jsconfig.json"]
            .iter()
            .any(|name| self.folder.kind(Path::new(name)).is_ok())
    }
}

/// Looks a source over. `Err` where there is nothing that could be built.
pub(super) fn check(source: &Source, operator: &OperatorAllows) -> Result<Checked, Vec<Problem>> {
    if !source.look().faults().is_empty() {
        return Err(source.look().faults().to_vec());
    }
    let (real, folder) =
        open(source.path()).map_err(|error| vec![Problem::new(format!("the folder {error}"))])?;
    let mut problems = Vec::new();
    let manifest = read_manifest(&folder, operator, &mut problems);
    let aliases = imports::read(&folder, &mut problems);
    let files = files_of(&manifest, &folder, &mut problems);
    match check_entry(source, &folder) {
        Ok(entry) => Ok(Checked {
            name: source.name().clone(),
            fingerprint: source.look().fingerprint().clone(),
            real,
            folder,
            entry,
            manifest,
            aliases,
            files,
            problems,
        }),
        Err(problem) => {
            problems.insert(0, problem);
            Err(problems)
        }
    }
}

fn open(path: &Path) -> Result<(PathBuf, Folder), OpenError> {
    let real = path.canonicalize()?;
    let folder = Folder::open(&real)?;
    Ok((real, folder))
}

fn check_entry(source: &Source, folder: &Folder) -> Result<&'static str, Problem> {
    let Some(entry) = source.look().entry() else {
        let later = ["index.wasm", "fn.py", "fn.sh"];
        let found = later.iter().find(|name| folder.kind(Path::new(name)).is_ok());
        return Err(Problem::new(match found {
            Some(found) => {
                format!("`{found}` cannot be run yet; write the function in {ENTRY_FILES:?}")
            }
            None => format!(
                "no entry file; expected one of {} here, or in each sub-folder of an owner",
                ENTRY_FILES.join(", ")
            ),
        }));
    };
    match folder.file(Path::new(entry)) {
        Ok((_, metadata)) if metadata.len() > MAX_IMPORTED_BYTES => {
            let most = MAX_IMPORTED_BYTES >> 20;
            Err(Problem::in_file(entry, format!("is larger than {most} MiB")))
        }
        Ok(_) => Ok(entry),
        Err(error) => Err(Problem::in_file(entry, error.to_string())),
    }
}

fn read_manifest(
    folder: &Folder,
    operator: &OperatorAllows,
    problems: &mut Vec<Problem>,
) -> Manifest {
    match read_settings(folder, manifest::FILE) {
        Ok(None) => Manifest::default(),
        Ok(Some(text)) => Manifest::parse(&text, operator).unwrap_or_else(|mut found| {
            problems.append(&mut found);
            Manifest::default()
        }),
        Err(problem) => {
            problems.push(problem);
            Manifest::default()
        }
    }
}

/// The manifest in a folder as it is written; empty where there is none.
pub(super) fn written_manifest(folder: &Path) -> Result<Map<String, Value>, Problem> {
    let unreadable = |error: OpenError| Problem::new(format!("the folder {error}"));
    let (_, folder) = open(folder).map_err(unreadable)?;
    let Some(text) = read_settings(&folder, manifest::FILE)? else { return Ok(Map::new()) };
    let text = manifest::without_mark(&text);
    serde_json::from_slice(text).map_err(|error| {
        let text = format!("not a JSON object, so that nothing in it can be changed: {error}");
        Problem::in_file(manifest::FILE, text)
    })
}

/// Everything that is wrong with a manifest in a folder that holds another one,
/// or none, until now.
pub(super) fn check_manifest(
    folder: &Path,
    text: &[u8],
    operator: &OperatorAllows,
) -> Result<(), Vec<Problem>> {
    let unreadable = |error: OpenError| vec![Problem::new(format!("the folder {error}"))];
    let (_, folder) = open(folder).map_err(unreadable)?;
    let manifest = Manifest::parse(text, operator)?;
    let mut problems = Vec::new();
    files_of(&manifest, &folder, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The text of a small file, `None` where there is none.
fn read_settings(folder: &Folder, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let (file, _) = match folder.file(Path::new(name)) {
        Ok(found) => found,
        Err(OpenError::Missing) => return Ok(None),
        Err(error) => return Err(Problem::in_file(name, error.to_string())),
    };
    let mut text = Vec::new();
    file.take(MAX_SETTINGS_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error: io::Error| Problem::in_file(name, OpenError::from(error).to_string()))?;
    if text.len() as u64 > MAX_SETTINGS_BYTES {
        return Err(Problem::in_file(name, "is longer than 1 MiB"));
    }
    Ok(Some(text))
}

fn files_of(manifest: &Manifest, folder: &Folder, problems: &mut Vec<Problem>) -> FileList {
    let mut list = FileList::default();
    if let Some(path) = &manifest.static_folder {
        list.add_static(folder, Path::new(path), problems);
    }
    for kind in [Kind::Read, Kind::Write] {
        for path in manifest.permissions.paths(kind) {
            list.add_path(folder, path, kind, problems);
        }
    }
    list
}

#[cfg(test)]
mod tests;
