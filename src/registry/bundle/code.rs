//! What is done to esbuild's output before it is published.
//!
//! Paths of this machine go, so that a revision depends on the function alone
//! and a stack shows the author's own file names. And `require` comes in, but
//! only where something calls it: it costs a process 15 ms to start with it.
//! What belongs to modules alone comes to the first line (`imports.rs`).

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::esbuild::Output;
use super::{BuildError, imports};
use crate::function::published::{Format, LARGE_CODE};
use crate::registry::check::Checked;

/// A bundle's code and source map.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) text: Vec<u8>,
    pub(super) map: Vec<u8>,
    pub(super) format: Format,
    /// Whether its processes should have loaded `node:vm`.
    pub(super) uses_vm: bool,
}

/// The helper that esbuild adds where a `require` is left in the code.
const REQUIRE_HELPER: &[u8] = b"\nvar __require = ";
/// What makes that helper work in a module.
const REQUIRE: &str = "import{createRequire as __dozeRequire}from\"node:module\";\
    const require=__dozeRequire(import.meta.url);";
/// What esbuild writes for `import.meta`, and what that is.
pub(super) const META_NAME: &str = "__dozeMeta";
const META: &str = "const __dozeMeta=import.meta;";
/// How files of the runtime library are called.
const LIBRARY: &str = "doze";

/// Finishes the code and its map.
pub(super) fn finish(
    output: &Output,
    checked: &Checked,
    library: &Path,
) -> Result<Code, BuildError> {
    let format = output.metafile.format();
    let code = without_paths(output, checked, library);
    let mut map: Value = serde_json::from_slice(&output.map).map_err(BuildError::Account)?;
    if let Some(sources) = map.get_mut("sources").and_then(Value::as_array_mut) {
        for source in sources {
            if let Some(path) = source.as_str() {
                *source = shown(&output.folder.join(path), checked.real(), library).into();
            }
        }
    }
    let (imports, mut code) = match imports::hoist(&code, output.metafile.statements()) {
        Some(hoisted) => hoisted,
        None => (String::new(), code),
    };
    let mut first = String::new();
    let requires = needs_require(&code);
    if requires {
        first += REQUIRE;
    }
    if memchr::memmem::find(&code, META_NAME.as_bytes()).is_some() {
        first += META;
    }
    first += &imports;
    if !first.is_empty() {
        first.push('\n');
        code.splice(0..0, first.into_bytes());
        // One line more at the top is one `;` more in the mappings.
        if let Some(Value::String(mappings)) = map.get_mut("mappings") {
            mappings.insert(0, ';');
        }
    }
    let map = serde_json::to_vec(&map).map_err(BuildError::Account)?;
    let uses_vm = requires || output.metafile.imports() || code.len() >= LARGE_CODE;
    Ok(Code { text: code, map, format, uses_vm })
}

fn needs_require(code: &[u8]) -> bool {
    code.starts_with(&REQUIRE_HELPER[1..]) || memchr::memmem::find(code, REQUIRE_HELPER).is_some()
}

/// esbuild puts each file's path before its code, as a comment on a line of
/// its own. Those of the runtime library say where it is installed.
///
/// A line of a template string that reads exactly like such a comment would be
/// changed as well.
fn without_paths(output: &Output, checked: &Checked, library: &Path) -> Vec<u8> {
    let inputs = output.metafile.inputs().filter_map(|input| {
        let path = shown(&checked.real().join(input), checked.real(), library);
        path.starts_with("doze/").then(|| (format!("// {input}"), path))
    });
    let comments: BTreeSet<(Vec<u8>, String)> =
        inputs.filter(|(_, path)| !path.is_empty()).map(|(c, p)| (c.into_bytes(), p)).collect();
    let mut code = Vec::with_capacity(output.code.len());
    for line in output.code.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        match comments.iter().find(|(comment, _)| comment == bare) {
            Some((_, path)) => {
                code.extend_from_slice(format!("// {path}\n").as_bytes());
            }
            None => code.extend_from_slice(line),
        }
    }
    code
}

/// A path as an author knows it: relative to the function's folder, or below
/// `doze/` for the runtime library.
fn shown(path: &Path, folder: &Path, library: &Path) -> String {
    let path = normal(path);
    if let Ok(inside) = path.strip_prefix(folder) {
        inside.to_string_lossy().into_owned()
    } else if let Ok(inside) = path.strip_prefix(library) {
        format!("{LIBRARY}/{}", inside.display())
    } else {
        // A module that esbuild made up; its name is all there is.
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
