//! From what esbuild says to what the author should do.

use std::io::Read;
use std::path::{Component, Path};

use super::esbuild::MAX_FILE_BYTES;
use super::messages::{Message, Place};
use crate::function::Problem;
use crate::registry::check::{Checked, package_name};
use crate::registry::folder::OpenError;

/// Why a path that leads elsewhere cannot be imported.
pub(super) const OWN_FOLDER: &str =
    "a function imports only from its own folder, so copy what it needs into it";

/// Problems as an author reads them, each once, in the order of the files.
pub(super) fn explain(messages: Vec<Message>, checked: &Checked) -> Vec<Problem> {
    let has_place = messages.iter().any(|message| message.place.is_some());
    let mut problems: Vec<Problem> = Vec::new();
    for message in messages {
        // The folder that an import leads to cannot be read; the import itself
        // is told as well, with its place.
        if has_place && message.text.starts_with("Cannot read directory") {
            continue;
        }
        let problem = explain_one(&message, checked);
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    problems
}

fn explain_one(message: &Message, checked: &Checked) -> Problem {
    let Some(place) = &message.place else {
        return Problem::new(text_of(message, checked));
    };
    if !is_inside(&place.file) {
        // What esbuild says about a foreign file may quote it.
        return Problem::new(outside(&place.file));
    }
    let column = column_in_characters(place, checked);
    Problem::in_file(&*place.file, text_of(message, checked)).at(place.line, column)
}

/// What to say of a file that is not the function's.
pub(super) fn outside(path: &str) -> String {
    format!("`{}` lies outside the function's folder; {OWN_FOLDER}", path.escape_debug())
}

fn text_of(message: &Message, checked: &Checked) -> String {
    let text = message.text.replace(&format!("{}/", checked.real().display()), "");
    let quoted = |start: &str| text.strip_prefix(start).and_then(|rest| rest.strip_suffix('"'));
    if let Some(specifier) = quoted("Could not resolve \"") {
        let from = message.place.as_ref().map_or("", |place| &*place.file);
        return for_specifier(specifier, from, checked);
    }
    if let Some(path) = text
        .strip_prefix("Cannot read file \"")
        .and_then(|rest| rest.split_once('"'))
        .map(|(path, _)| path)
        .filter(|path| !is_inside(path))
    {
        return outside(path);
    }
    if text.starts_with("No loader is configured for") {
        return format!(
            "{text}; read it as a file, with `--allow-read`, or serve it from `static`"
        );
    }
    text
}

/// What to do about a specifier that leads nowhere, in the file `from`.
pub(super) fn for_specifier(specifier: &str, from: &str, checked: &Checked) -> String {
    let name = checked.name();
    let install = |package: &str| format!("run `npm install {package}` in `{name}`");
    let advice = if let Some(package) = specifier.strip_prefix("npm:") {
        let package = package.trim_start_matches('/');
        let bare = package_name(package);
        let installed = checked.folder().kind(&Path::new("node_modules").join(bare)).is_ok();
        if installed {
            format!("it is installed, so import it as `{bare}`")
        } else {
            format!("{} and import it as `{bare}`", install(package))
        }
    } else if let Some(package) = specifier.strip_prefix("jsr:") {
        let package = package.trim_start_matches('/');
        let bare = package_name(package);
        format!("run `npx jsr add {package}` in `{name}` and import it as `{bare}`")
    } else if is_url(specifier) {
        "nothing is fetched while a function runs; save the file in the function's folder, or \
         install it as a package"
            .to_owned()
    } else if specifier.starts_with('/') || leads_out(specifier, from, checked) {
        OWN_FOLDER.to_owned()
    } else if specifier.starts_with('.') {
        "there is no such file".to_owned()
    } else if specifier.starts_with(['#', '~']) || specifier.starts_with("@/") {
        "map it in `imports` of the folder's `deno.json`, or in `paths` of its `tsconfig.json`"
            .to_owned()
    } else if specifier.starts_with("node:") {
        "there is no such built-in module".to_owned()
    } else {
        install(package_name(specifier))
    };
    format!("could not resolve `{}`; {advice}", specifier.escape_debug())
}

/// Whether a specifier names something on the network.
pub(super) fn is_url(specifier: &str) -> bool {
    ["https://", "http://", "//"].iter().any(|start| specifier.starts_with(start))
}

/// Whether a relative specifier leads out of the function's folder, by itself
/// or by way of a symbolic link.
fn leads_out(specifier: &str, from: &str, checked: &Checked) -> bool {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let leads = || checked.folder().kind(&folder.join(specifier));
    climbs_out(specifier, from)
        || specifier.starts_with('.') && matches!(leads(), Err(OpenError::Outside))
}

/// Whether a relative specifier has more `..` than its file has folders.
fn climbs_out(specifier: &str, from: &str) -> bool {
    if !specifier.starts_with('.') {
        return false;
    }
    let mut depth = from.matches('/').count();
    specifier.split('/').any(|part| {
        match part {
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            "." | "" => {}
            _ => depth += 1,
        }
        false
    })
}

fn is_inside(file: &str) -> bool {
    let path = Path::new(file);
    !path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
}

/// esbuild counts bytes from 0, people characters from 1.
fn column_in_characters(place: &Place, checked: &Checked) -> u32 {
    let read = || {
        let mut text = Vec::new();
        let (file, _) = checked.folder().file(Path::new(&place.file)).ok()?;
        file.take(MAX_FILE_BYTES).read_to_end(&mut text).ok()?;
        characters_before(&String::from_utf8_lossy(&text), place.line, place.column)
    };
    read().unwrap_or(place.column) + 1
}

fn characters_before(text: &str, line: u32, bytes: u32) -> Option<u32> {
    let line = usize::try_from(line.checked_sub(1)?).ok()?;
    // What JavaScript takes for the end of a line.
    let text = text.replace("\r\n", "\n");
    let line = text.split(['\n', '\r', '\u{2028}', '\u{2029}']).nth(line)?;
    let bytes = usize::try_from(bytes).ok()?;
    u32::try_from(line.char_indices().take_while(|(at, _)| *at < bytes).count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specifier_may_climb_as_far_as_its_file_is_deep() {
        assert!(!climbs_out("../lib.ts", "src/index.ts"));
        assert!(!climbs_out("./a/../b.ts", "index.ts"));
        assert!(climbs_out("../lib.ts", "index.ts"));
        assert!(climbs_out("./a/../../b.ts", "index.ts"));
    }

    #[test]
    fn columns_are_counted_in_characters() {
        let text = "a\r\nb\rconst ä = \"äöü\"; x\u{2028}y";
        assert_eq!(characters_before(text, 3, 0), Some(0));
        assert_eq!(characters_before(text, 3, 11), Some(10));
        assert_eq!(characters_before(text, 3, 21), Some(17));
        assert_eq!(characters_before(text, 4, 1), Some(1));
        assert_eq!(characters_before(text, 9, 1), None);
    }
}
