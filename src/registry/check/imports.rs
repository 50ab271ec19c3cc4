//! `imports` in a function's `deno.json`: what other specifiers mean.

use std::path::Path;

use serde_json::Value;

use super::{jsonc, read_settings};
use crate::function::Problem;
use crate::registry::folder::Folder;

/// One specifier that means another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct Alias {
    /// What is written in an import.
    pub(in crate::registry) from: String,
    /// A path relative to the function's folder, beginning with `./`, or the
    /// name of a package.
    pub(in crate::registry) to: String,
}

/// Reads the import map, if there is one.
pub(super) fn read(folder: &Folder, problems: &mut Vec<Problem>) -> Vec<Alias> {
    for file in ["deno.json", "deno.jsonc"] {
        match read_settings(folder, file) {
            Ok(None) => {}
            Ok(Some(text)) => return parse(folder, file, &text, problems),
            Err(problem) => problems.push(problem),
        }
    }
    Vec::new()
}

fn parse(folder: &Folder, file: &str, text: &[u8], problems: &mut Vec<Problem>) -> Vec<Alias> {
    let settings: Value = match serde_json::from_slice(&jsonc::to_json(text)) {
        Ok(settings) => settings,
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
            let column = u32::try_from(error.column()).unwrap_or(u32::MAX).max(1);
            problems.push(Problem::in_file(file, "not valid JSON").at(line, column));
            return Vec::new();
        }
    };
    let imports = match settings.get("imports") {
        None => return Vec::new(),
        Some(Value::Object(imports)) => imports,
        Some(_) => {
            problems.push(Problem::in_file(file, "`imports`: expected an object of strings"));
            return Vec::new();
        }
    };
    let mut aliases = Vec::new();
    for (from, to) in imports.iter().filter(|(from, _)| *from != "doze") {
        match alias(folder, from, to) {
            Ok(alias) => aliases.push(alias),
            Err(text) => {
                let from = from.escape_debug();
                problems.push(Problem::in_file(file, format!("`imports`: `{from}`: {text}")));
            }
        }
    }
    aliases
}

fn alias(folder: &Folder, from: &str, to: &Value) -> Result<Alias, String> {
    let to = to.as_str().ok_or("expected a string")?;
    let from = from.trim_end_matches('/');
    if from.is_empty() || from.starts_with(['.', '/']) || has_scheme(from) || from.contains('=') {
        return Err("only a bare name such as `@/` or `lib` can be mapped".to_owned());
    }
    let shown = to.escape_debug();
    if let Some(package) = to.strip_prefix("npm:") {
        let name = package_name(package.trim_start_matches('/'));
        let installed = Path::new("node_modules").join(name);
        if folder.kind(&installed).is_err() {
            return Err(format!(
                "`{shown}` is not installed; run `npm install {package}` in the folder"
            ));
        }
        let inside = rest_of_package(package.trim_start_matches('/'));
        return Ok(Alias { from: from.to_owned(), to: format!("{name}{inside}") });
    }
    if to.starts_with('/') || to.split('/').any(|part| part == "..") || has_scheme(to) {
        return Err(format!(
            "`{shown}` cannot be imported; map it to a file such as `./lib/mod.ts`, or to a package \
             that `npm install` has put into the folder"
        ));
    }
    Ok(Alias { from: from.to_owned(), to: to.trim_end_matches('/').to_owned() })
}

fn has_scheme(specifier: &str) -> bool {
    specifier.split_once(':').is_some_and(|(scheme, _)| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// `@scope/name` or `name`, without version and sub-path.
pub(in crate::registry) fn package_name(specifier: &str) -> &str {
    let skip = usize::from(specifier.starts_with('@'));
    let scope = if skip == 1 { specifier.find('/').map_or(skip, |at| at + 1) } else { 0 };
    let end = specifier[scope.max(skip)..]
        .find(['@', '/'])
        .map_or(specifier.len(), |at| scope.max(skip) + at);
    &specifier[..end]
}

/// The sub-path, with its slash.
fn rest_of_package(specifier: &str) -> &str {
    let rest = &specifier[package_name(specifier).len()..];
    rest.find('/').map_or("", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packages_name_has_no_version_and_no_path() {
        for (specifier, name, rest) in [
            ("zod", "zod", ""),
            ("zod@3", "zod", ""),
            ("zod@3/v4/core", "zod", "/v4/core"),
            ("@std/path", "@std/path", ""),
            ("@std/path@^1.0/posix", "@std/path", "/posix"),
            ("@odd", "@odd", ""),
            ("", "", ""),
        ] {
            assert_eq!(package_name(specifier), name);
            assert_eq!(rest_of_package(specifier), rest);
        }
    }
}
