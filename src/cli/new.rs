//! `doze new`: a folder with a function to begin with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output::{self, ACCENT, FAINT, paint};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The function's name: `hello`, or `ada/hello` for an owner's function
    name: FunctionName,
    /// What it begins as
    #[arg(long, short, value_name = "TEMPLATE", default_value = "hello")]
    template: Template,
    /// The folder that functions lie in
    #[arg(long, env = "DOZE_REGISTRY_IN", value_name = "FOLDER", default_value = "registry_in")]
    registry_in: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// The smallest function
    Hello,
    /// A JSON API with the router
    Api,
    /// A web site of files, whose pages are drawn in the browser
    Static,
    /// A fresh process for every request
    Oneshot,
    /// A WebSocket, and the page to try it with
    Websocket,
}

/// A file's path in the function's folder, and its text.
type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($path:literal),+) => {
        &[$(($path, include_str!(concat!("new/templates/", $folder, "/", $path)))),+]
    };
}

impl Template {
    fn files(self) -> &'static [File] {
        match self {
            Self::Hello => files!("hello": "index.ts"),
            Self::Api => files!("api": "index.ts", "registry.json"),
            Self::Static => files!(
                "static": "index.ts", "registry.json", "public/index.html", "public/style.css",
                "public/app.js"
            ),
            Self::Oneshot => files!("oneshot": "index.ts", "registry.json"),
            Self::Websocket => files!("websocket": "index.ts", "page.html"),
        }
    }

    /// What to call it by, once it is served.
    fn example(self, url: &str) -> String {
        match self {
            Self::Hello | Self::Oneshot => format!("curl {url}"),
            Self::Api => format!("curl {url}/items -d '{{\"text\": \"milk\"}}'"),
            Self::Static => format!("{url}/ in a browser"),
            Self::Websocket => format!("{url} in a browser"),
        }
    }
}

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let NewArgs { name, template, registry_in } = args;
    if !registry_in.is_dir() {
        return Err(Failure::new(format!("there is no folder `{}`", registry_in.display())).hint(
            "run this where your server runs, or name the folder that functions lie in \
                   with --registry-in (DOZE_REGISTRY_IN)",
        ));
    }
    let folder = registry_in.join(name.as_str());
    write(&folder, registry_in, template.files())?;
    output::say(format_args!("created {}", paint(ACCENT, folder.display())));
    for (path, _) in template.files() {
        output::say(paint(FAINT, format_args!("  {path}")));
    }
    let example = template.example(&format!("http://127.0.0.1:8000/{name}"));
    output::say(format_args!("\nIt answers while `doze up` runs:\n  {example}"));
    Ok(())
}

/// Writes the files aside and puts them in place in one step: a registry that
/// watches never sees half of a function.
fn write(folder: &Path, registry_in: &Path, files: &[File]) -> Result<(), Failure> {
    let shown = folder.display().to_string();
    let cannot = |error: io::Error| Failure::because(format!("`{shown}` cannot be made"), &error);
    // A rename would replace an empty folder.
    if fs::symlink_metadata(folder).is_ok() {
        return Err(Failure::new(format!("`{shown}` is there already"))
            .hint("choose another name, or remove that folder first"));
    }
    let aside = registry_in.join(format!(".new-{}", std::process::id()));
    let written = files.iter().try_for_each(|(path, text)| {
        let file = aside.join(path);
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, text)
    });
    let placed = written
        .and_then(|()| folder.parent().map_or(Ok(()), fs::create_dir_all))
        .and_then(|()| fs::rename(&aside, folder));
    if placed.is_err() {
        let _ = fs::remove_dir_all(&aside);
    }
    placed.map_err(cannot)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(folder: &Path, below: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .flat_map(|entry| {
                let name = format!("{below}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() {
                    names(&entry.path(), &format!("{name}/"))
                } else {
                    BTreeSet::from([name])
                }
            })
            .collect()
    }

    #[test]
    fn every_file_of_a_template_is_written() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/new/templates");
        let mut seen = 0;
        for template in Template::value_variants() {
            let name = template.to_possible_value().unwrap();
            let here: BTreeSet<_> =
                template.files().iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(here, names(&templates.join(name.get_name()), ""), "{template:?}");
            seen += 1;
        }
        assert_eq!(seen, fs::read_dir(templates).unwrap().count());
    }
}
