//! esbuild's own account of what it read, and what does not stand in it that
//! should, or should not.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::esbuild::{MAX_FILE_BYTES, Output};
use super::hints;
use crate::function::Problem;
use crate::function::published::Format;
use crate::registry::check::Checked;

#[derive(Debug, Deserialize)]
pub(super) struct Metafile {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Written>,
}

#[derive(Debug, Deserialize)]
struct Input {
    bytes: u64,
    #[serde(default)]
    imports: Vec<Import>,
    format: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Import {
    path: String,
    #[serde(default)]
    external: bool,
    #[serde(default)]
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    entry_point: Option<String>,
    #[serde(default)]
    exports: Vec<String>,
    #[serde(default)]
    imports: Vec<Import>,
}

impl Metafile {
    /// How the entry file exports.
    pub(super) fn format(&self) -> Format {
        let entry = self.outputs.values().find_map(|output| output.entry_point.as_ref());
        let input = entry.and_then(|entry| self.inputs.get(entry));
        match input.and_then(|input| input.format.as_deref()) {
            Some("cjs") => Format::Cjs,
            _ => Format::Esm,
        }
    }

    /// Every input's path as esbuild writes it, relative to its folder.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }

    /// How many `import` statements are left in the code.
    pub(super) fn statements(&self) -> usize {
        let imports = self.outputs.values().flat_map(|output| &output.imports);
        imports.filter(|import| import.kind == "import-statement").count()
    }

    /// Whether the bundle imports what is not in it.
    pub(super) fn imports(&self) -> bool {
        let mut imports = self.outputs.values().flat_map(|output| &output.imports);
        imports.any(|import| import.external)
    }

    fn exports_nothing(&self) -> bool {
        self.outputs
            .values()
            .filter(|output| output.entry_point.is_some())
            .all(|o| o.exports.is_empty())
    }
}

impl Output {
    /// What is wrong with a build that esbuild is content with.
    pub(super) fn problems(&self, checked: &Checked, library: &Path) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (path, input) in &self.metafile.inputs {
            let Some(real) = real_path(checked.real(), path) else { continue };
            if real.starts_with(library) {
                continue;
            }
            let Ok(inside) = real.strip_prefix(checked.real()) else {
                problems.push(Problem::new(hints::outside(path)));
                continue;
            };
            if input.bytes > MAX_FILE_BYTES {
                let text = format!("is larger than {} MiB", MAX_FILE_BYTES >> 20);
                problems.push(Problem::in_file(inside.to_string_lossy(), text));
            }
            let external = input.imports.iter().filter(|import| import.external);
            for url in external.map(|import| &import.path).filter(|path| hints::is_url(path)) {
                let file = inside.to_string_lossy();
                let problem = Problem::in_file(&*file, hints::for_specifier(url, &file, checked));
                problems.push(match find(checked, inside, url) {
                    Some((line, column)) => problem.at(line, column),
                    None => problem,
                });
            }
        }
        if problems.is_empty() && self.metafile.exports_nothing() {
            problems.push(Problem::in_file(
                checked.entry(),
                "exports nothing that can be called; write `export default createHandler(…)` or \
                 export functions by name",
            ));
        }
        problems
    }
}

/// The real path of an input. `None` for what is no file: modules that esbuild
/// makes up, and files that are gone again.
fn real_path(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix("(disabled):").unwrap_or(path);
    let resolve = |path: &str| folder.join(path).canonicalize().ok();
    // A specifier may end in `?query` or `#hash`, which stays in the path.
    resolve(path).or_else(|| resolve(&path[..path.rfind(['?', '#'])?]))
}

/// Line and column of a specifier in the file that imports it, if it stands
/// there as it is.
fn find(checked: &Checked, file: &Path, specifier: &str) -> Option<(u32, u32)> {
    let mut text = String::new();
    let (opened, _) = checked.folder().file(file).ok()?;
    opened.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    let at =
        ['"', '\''].iter().find_map(|quote| text.find(&format!("{quote}{specifier}{quote}")))?;
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((line.try_into().ok()?, column.try_into().ok()?))
}
