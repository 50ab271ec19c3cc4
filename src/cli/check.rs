//! `doze check`: build and validate folders as a server would, without one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{self, Progress, ReadArgs};
use super::view::short;
use crate::config::{BuildArgs, BuildConfig};
use crate::function::Problem;
use crate::function::published::Release;
use crate::registry::{self, CheckFolderError};
use crate::sandbox::{Sandbox, Spawner};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Folders of functions
    #[arg(value_name = "FOLDER", default_value = ".")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    build: BuildArgs,
}

/// What came out for one folder.
enum Verdict {
    Good(Box<Release>),
    Bad(Vec<Problem>),
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let config = BuildConfig::new(&args.build)
        .map_err(|errors| Failure::usage(format!("the configuration is not valid:\n{errors}")))?;
    let paths = args.paths.iter().map(|path| folder_of(path)).collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::start("preparing");
    let spawner = prepare(&config).map_err(|error| {
        Failure::new(format!("the bundler cannot be confined: {}", super::chain(&*error)))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("no thread to work in", &error))?;
    let mut verdicts = Vec::new();
    for path in &paths {
        progress.now(format!("building {}", path.display()));
        let checked = runtime.block_on(registry::check_folder(&config.registry, &spawner, path));
        verdicts.push((*path, verdict(checked)?));
    }
    drop(progress);
    if args.read.json {
        let all: Vec<_> = verdicts.iter().map(|(path, verdict)| verdict.json(path)).collect();
        output::json(&json!({ "folders": all }))?;
    }
    tell(&verdicts)
}

/// Builds run confined, as a server's do.
fn prepare(config: &BuildConfig) -> Result<Spawner, Box<dyn std::error::Error + Send + Sync>> {
    let sandbox = Sandbox::find(&config.demand()?)?;
    Ok(Spawner::start(Arc::new(sandbox))?)
}

/// The folder that is meant, where somebody names its entry file.
fn folder_of(path: &Path) -> Result<&Path, Failure> {
    if path.is_dir() {
        return Ok(path);
    }
    let shown = path.display();
    let failure = if path.exists() {
        Failure::usage(format!("`{shown}` is a file; a function is a folder"))
    } else {
        Failure::usage(format!("there is no folder `{shown}`"))
    };
    Err(failure.hint("name the folder that holds `index.ts`"))
}

fn verdict(checked: Result<Release, CheckFolderError>) -> Result<Verdict, Failure> {
    match checked {
        Ok(release) => Ok(Verdict::Good(Box::new(release))),
        Err(CheckFolderError::Problems(problems)) => Ok(Verdict::Bad(problems)),
        Err(error @ CheckFolderError::Bundler(_)) => {
            Err(Failure::because("the bundler is not ready", &error).hint(
                "run this where `make up` was run, or name its folder `runtime-shim` with \
                 --runtime (DOZE_RUNTIME)",
            ))
        }
        Err(error) => Err(Failure::because("the folder could not be built", &error)),
    }
}

impl Verdict {
    fn json(&self, path: &Path) -> Value {
        match self {
            Self::Good(release) => json!({
                "folder": path, "ok": true, "problems": [],
                "revision": release.revision, "manifest": release.manifest,
            }),
            Self::Bad(problems) => json!({ "folder": path, "ok": false, "problems": problems }),
        }
    }
}

fn tell(verdicts: &[(&Path, Verdict)]) -> Result<(), Failure> {
    let mut bad = Vec::new();
    for (path, verdict) in verdicts {
        match verdict {
            Verdict::Good(release) => output::say(format_args!(
                "{}: builds as revision {}",
                path.display(),
                short(release.revision.as_str())
            )),
            Verdict::Bad(problems) => bad.push((path, problems)),
        }
    }
    let count: usize = bad.iter().map(|(_, problems)| problems.len()).sum();
    if bad.is_empty() {
        return Ok(());
    }
    let plural = if count == 1 { "" } else { "s" };
    let failure = Failure::new(format!("{count} problem{plural}"));
    Err(bad
        .iter()
        .fold(failure, |failure, (path, problems)| failure.problems(problems, Some(path))))
}
