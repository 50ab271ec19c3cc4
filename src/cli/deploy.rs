//! `doze deploy`: put a function on the server, and wait until it is live.

mod pack;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde_json::json;

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, FAINT, Progress, ReadArgs, paint};
use super::view::{self, Published};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct DeployArgs {
    /// A folder, one file of TypeScript or JavaScript, a .zip or .tar.gz, or
    /// the address of a .zip
    #[arg(value_name = "FOLDER|FILE|ARCHIVE|URL")]
    source: String,
    /// The function's name [default: that of the folder or file]
    #[arg(long)]
    name: Option<FunctionName>,
    /// The folder in the archive at a URL, where that holds more than the function
    #[arg(long)]
    folder: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// What is deployed, and how that is sent.
enum Source {
    Url(String),
    Folder(PathBuf),
    /// An archive, with its content type.
    Archive(PathBuf, &'static str),
    /// One entry file: its content type, and its name in the function's folder.
    File(PathBuf, &'static str, String),
}

pub(super) fn run(args: &DeployArgs) -> Result<(), Failure> {
    let source = Source::of(&args.source)?;
    if args.folder.is_some() && !matches!(source, Source::Url(_)) {
        return Err(Failure::usage("--folder is for a URL")
            .hint("give the path of the function's own folder instead"));
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => source.name(args.folder.as_deref())?,
    };
    let client = Client::open(&args.client)?;
    let progress = Progress::start(format!("packing {}", args.source));
    let call = source.call(Call::of(&name, Method::PUT, ""), args.folder.as_deref())?;
    progress.now(format!("publishing `{name}`"));
    let answer = client.call(call)?;
    drop(progress);
    if args.read.json {
        return output::json(&answer);
    }
    let function: Published = view::read(&answer["function"])?;
    let revision = function.revision();
    let how = if answer["changed"] == false { "was live already" } else { "is live" };
    output::say(format_args!("`{name}` {how}, revision {revision}"));
    output::line(format_args!("{}/{name}", client.gateway()?))
}

impl Source {
    fn of(text: &str) -> Result<Self, Failure> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        if !path.exists() {
            return Err(Failure::usage(format!("there is nothing at `{text}`"))
                .hint("expected a folder, a file, an archive, or a URL with http:// or https://"));
        }
        let lower = text.to_ascii_lowercase();
        let extension = Path::new(&lower).extension().and_then(OsStr::to_str).unwrap_or_default();
        let entry = format!("index.{extension}");
        Ok(match extension {
            "zip" => Self::Archive(path, "application/zip"),
            "tgz" => Self::Archive(path, "application/gzip"),
            "gz" if lower.ends_with(".tar.gz") => Self::Archive(path, "application/gzip"),
            "ts" | "tsx" | "mts" => Self::File(path, "application/typescript", entry),
            "js" | "jsx" | "mjs" | "cjs" => Self::File(path, "application/javascript", entry),
            _ => {
                let text = format!("`{text}` is no kind of file that can be deployed");
                return Err(Failure::usage(text).hint(
                    "expected .ts .tsx .mts .js .jsx .mjs .cjs, or an archive .zip .tar.gz .tgz",
                ));
            }
        })
    }

    /// What it is called where nobody says: as the folder or the file is.
    fn name(&self, folder: Option<&str>) -> Result<FunctionName, Failure> {
        let stem = match self {
            Self::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                let last = |text: &str| text.trim_end_matches('/').rsplit('/').next().map(stem_of);
                folder.and_then(last).or_else(|| last(path)).unwrap_or_default()
            }
            Self::Folder(path) => file_name(path)?,
            Self::Archive(path, _) => stem_of(&file_name(path)?),
            Self::File(path, ..) => match stem_of(&file_name(path)?) {
                // An entry file says nothing; its folder does.
                stem if stem == "index" => {
                    path.parent().map_or(Ok(stem), |parent| file_name(&parent.join(".")))?
                }
                stem => stem,
            },
        };
        stem.parse().map_err(|error: crate::function::name::NameError| {
            Failure::usage(error.to_string()).hint("give the function's name with --name")
        })
    }

    fn call(self, call: Call, folder: Option<&str>) -> Result<Call, Failure> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| {
                Failure::because(format!("`{}` cannot be read", path.display()), &error)
            })
        };
        Ok(match self {
            Self::Url(url) => call.json(&match folder {
                Some(folder) => json!({ "url": url, "folder": folder }),
                None => json!({ "url": url }),
            }),
            Self::Folder(path) => {
                let packed = pack::pack(&path)?;
                if !packed.left_out.is_empty() {
                    let names = packed.left_out.join(", ");
                    output::say(paint(FAINT, format_args!("left out: {names}")));
                }
                call.body("application/gzip", packed.archive).folder(Some(path))
            }
            Self::Archive(path, content_type) => call.body(content_type, read(&path)?),
            Self::File(path, content_type, entry) => {
                let text = read(&path)?;
                call.header("x-doze-file", entry).body(content_type, text)
            }
        })
    }
}

/// The name of what a path leads to, also where that is `.` or `..`.
fn file_name(path: &Path) -> Result<String, Failure> {
    let real = path.canonicalize().map_err(|error| {
        Failure::because(format!("`{}` cannot be read", path.display()), &error)
    })?;
    Ok(real.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// A file's name without what says its kind.
fn stem_of(name: &str) -> String {
    let name = name.strip_suffix(".tar.gz").unwrap_or(name);
    Path::new(name).file_stem().and_then(OsStr::to_str).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_as_its_folder_or_file_is() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("greet");
        fs::create_dir(&root).unwrap();
        for file in ["index.ts", "echo.mjs", "site.zip", "api.tar.gz"] {
            fs::write(root.join(file), "").unwrap();
        }
        for (path, name) in [
            ("", "greet"),
            ("index.ts", "greet"),
            ("echo.mjs", "echo"),
            ("site.zip", "site"),
            ("api.tar.gz", "api"),
        ] {
            let source = Source::of(root.join(path).to_str().unwrap()).unwrap();
            assert_eq!(source.name(None).unwrap().as_str(), name, "{path}");
        }
        for (url, folder, name) in [
            ("https://example.com/a/hello.zip?x=1", None, "hello"),
            ("https://example.com/main.zip", Some("examples/greet/"), "greet"),
        ] {
            assert_eq!(Source::of(url).unwrap().name(folder).unwrap().as_str(), name);
        }
    }
}
