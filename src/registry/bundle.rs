//! From a checked source to one revision's files, not yet published.
//!
//! One esbuild process per build, confined to the function's own folder, the
//! runtime library and a folder to write to. What it read is checked once
//! more afterwards, from its own account of it.

mod code;
mod esbuild;
mod hints;
mod imports;
mod messages;
mod metafile;
mod stage;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::{RwLock, oneshot};

use super::check::{Checked, check};
use super::config::RegistryConfig;
use super::fingerprint::{BuilderId, Fingerprint};
use super::inbox::Source;
use crate::function::permissions::OperatorAllows;
use crate::function::published::{Release, Runtime};
use crate::function::{FunctionName, Problem, RevisionId};
use crate::sandbox::Spawner;
use esbuild::{Esbuild, Output};

pub(super) use stage::{Staging, make_folder, write_file};

/// Problems of one function that are kept; the rest is a number.
const MAX_PROBLEMS: usize = 100;

/// The bundler cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum BundlerError {
    /// A part of the runtime library cannot be read.
    #[error("read the runtime library `{}`", path.display())]
    Library {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bundler's binary is missing or does not run.
    #[error("run the bundler `{}`", path.display())]
    Esbuild {
        /// Where it should be.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: BuildError,
    },
}

/// A build that ended without a verdict about the function. It may be tried
/// again: the machine was in the way, not the author.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Files could not be made, moved or read where the registry works.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bundler ended in a way that says nothing about its input.
    #[error("the bundler ended with {status}: {output}")]
    Crashed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The beginning of what it printed.
        output: String,
    },
    /// The bundler's account of its work is not what it should be.
    #[error("read the bundler's account of its work")]
    Account(#[source] serde_json::Error),
}

impl BuildError {
    fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// What a build came to, when it came to anything.
#[derive(Debug)]
pub(super) enum Built {
    /// It can be published.
    Bundle(Box<Bundle>),
    /// The author has to mend these first.
    Problems(Vec<Problem>),
    /// It took longer than a quick build may.
    TooSlow,
}

/// How long a build may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As long as almost all do.
    Quick,
    /// As long as any may.
    Patient,
}

/// One revision's files in a place of their own, removed when this is dropped
/// without having been published.
#[derive(Debug)]
pub(super) struct Bundle {
    name: FunctionName,
    fingerprint: Fingerprint,
    release: Release,
    staging: Staging,
}

impl Bundle {
    pub(super) fn name(&self) -> &FunctionName {
        &self.name
    }

    /// What the source looked like before it was built.
    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn release(&self) -> &Release {
        &self.release
    }

    /// A bundle of this code that no bundler made.
    #[cfg(test)]
    pub(super) fn fake(temporary: &Path, number: u64, name: &str, code: &str) -> Self {
        let staging = Staging::make(temporary, number).unwrap();
        let revision = staging.revision();
        write_file(&revision.join(crate::function::published::BUNDLE), code.as_bytes()).unwrap();
        let release = Release {
            revision: RevisionId::of([code.as_bytes()]),
            runtime: Runtime::Deno,
            format: crate::function::published::Format::Esm,
            uses_vm: false,
            entry: "index.ts".to_owned(),
            manifest: crate::function::Manifest::default(),
            built_at: Timestamp::now(),
        };
        let fingerprint = format!("seen {code}").into();
        Self { name: name.parse().unwrap(), fingerprint, release, staging }
    }

    /// The folder with its files.
    pub(super) fn folder(&self) -> PathBuf {
        self.staging.revision()
    }

    /// Gives the files away to be published.
    pub(super) fn into_parts(self) -> (Release, Staging) {
        (self.release, self.staging)
    }
}

/// Builds functions. Clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Bundler {
    esbuild: Arc<Esbuild>,
    id: BuilderId,
    operator: Arc<OperatorAllows>,
    temporary: Arc<Path>,
    count: Arc<AtomicU64>,
    /// Read by everything that works on files on another thread.
    working: Arc<RwLock<()>>,
}

impl Bundler {
    /// Finds out what builds here. `temporary` is an existing folder on the
    /// file system that revisions are published to.
    pub(super) async fn prepare(
        config: &RegistryConfig,
        spawner: Spawner,
        temporary: &Path,
    ) -> Result<Self, BundlerError> {
        let library = config.runtime.join("lib");
        let unreadable = |source| BundlerError::Library { path: library.clone(), source };
        let library = library.canonicalize().map_err(unreadable)?;
        let content = read_library(&library).map_err(unreadable)?;
        let path = &config.esbuild;
        let broken = |source| BundlerError::Esbuild { path: path.clone(), source };
        let real = path
            .canonicalize()
            .map_err(|source| broken(BuildError::Io { doing: "find it", source }))?;
        let esbuild = Esbuild::new(real, library, spawner);
        let version = esbuild.version(temporary).await.map_err(broken)?;
        let operator = config.operator.to_string();
        let mut parts = vec![
            env!("CARGO_PKG_VERSION").as_bytes(),
            version.as_bytes(),
            esbuild::FLAGS_ID.as_bytes(),
            operator.as_bytes(),
        ];
        parts.extend(content.iter().map(Vec::as_slice));
        Ok(Self {
            esbuild: Arc::new(esbuild),
            id: BuilderId::of(parts),
            operator: Arc::new(config.operator.clone()),
            temporary: temporary.into(),
            count: Arc::default(),
            working: Arc::default(),
        })
    }

    /// What decides about a build besides the source.
    pub(super) fn id(&self) -> &BuilderId {
        &self.id
    }

    /// What authors may ask for beyond the harmless permissions.
    pub(super) fn operator(&self) -> &OperatorAllows {
        &self.operator
    }

    /// Drops what takes long to drop on a thread of its own, which
    /// [`Self::rest`] waits for.
    pub(super) fn drop_elsewhere(&self, what: impl Send + 'static) {
        // Only the end takes the other side of the lock.
        let working = Arc::clone(&self.working).try_read_owned();
        // Where no thread can be had, it is dropped with the closure, here.
        let _ = std::thread::Builder::new().name("doze-files".to_owned()).spawn(move || {
            drop(what);
            drop(working);
        });
    }

    /// Checks and builds one function. Dropping the future kills the bundler.
    ///
    /// What reads and copies the function's files does so on another thread:
    /// there may be many, and others are waiting.
    pub(super) async fn build(&self, source: Source, pace: Pace) -> Result<Built, BuildError> {
        let operator = Arc::clone(&self.operator);
        let checked = self.elsewhere(move || check(&source, &operator)).await?;
        let checked = match checked {
            Ok(checked) => checked,
            Err(problems) => return Ok(Built::Problems(limited(problems))),
        };
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let staging = Staging::make(&self.temporary, number)
            .map_err(BuildError::io("make a temporary folder"))?;
        let Some(found) = self.esbuild.run(&checked, &staging.output(), pace).await? else {
            return Ok(Built::TooSlow);
        };
        let mut problems = checked.problems().to_vec();
        if !found.is_empty() {
            problems.extend(found);
            return Ok(Built::Problems(limited(problems)));
        }
        let esbuild = Arc::clone(&self.esbuild);
        self.elsewhere(move || finish(&checked, staging, problems, esbuild.library())).await?
    }

    /// Completes once nothing works on files any more.
    pub(super) async fn rest(&self) {
        drop(self.working.write().await);
    }

    /// Does work that blocks on a thread of its own. There are no more of these
    /// than builds, and [`Self::rest`] waits for each.
    async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BuildError> {
        let failed = BuildError::io("work on the files");
        let working = Arc::clone(&self.working).read_owned().await;
        let (answer, done) = oneshot::channel();
        let thread = std::thread::Builder::new().name("doze-files".to_owned()).spawn(move || {
            // Nobody may be waiting any more.
            let _ = answer.send(work());
            drop(working);
        });
        match thread {
            Err(error) => Err(failed(error)),
            Ok(_) => done.await.map_err(|gone| failed(io::Error::other(gone))),
        }
    }
}

/// Makes a revision's files of what the bundler wrote.
fn finish(
    checked: &Checked,
    staging: Staging,
    mut problems: Vec<Problem>,
    library: &Path,
) -> Result<Built, BuildError> {
    let output = Output::read(&staging.output())?;
    problems.extend(output.problems(checked, library));
    if !problems.is_empty() {
        return Ok(Built::Problems(limited(problems)));
    }
    let code = code::finish(&output, checked, library)?;
    let files = match staging.fill(&code, checked)? {
        Ok(files) => files,
        Err(problem) => return Ok(Built::Problems(vec![problem])),
    };
    let manifest = serde_json::to_vec(checked.manifest()).map_err(BuildError::Account)?;
    let format = serde_json::to_vec(&code.format).map_err(BuildError::Account)?;
    let mut parts = vec![code.text.as_slice(), &manifest, &format];
    parts.extend(files.iter().map(Vec::as_slice));
    let release = Release {
        revision: RevisionId::of(parts),
        runtime: Runtime::Deno,
        format: code.format,
        uses_vm: code.uses_vm,
        entry: checked.entry().to_owned(),
        manifest: checked.manifest().clone(),
        built_at: Timestamp::now(),
    };
    let name = checked.name().clone();
    let fingerprint = checked.fingerprint().clone();
    Ok(Built::Bundle(Box::new(Bundle { name, fingerprint, release, staging })))
}

/// Every file of the runtime library, name before content.
fn read_library(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    fs::metadata(folder.join(esbuild::LIBRARY_ENTRY))?;
    let mut parts = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        parts.push(path.file_name().unwrap_or_default().as_encoded_bytes().to_vec());
        parts.push(fs::read(path)?);
    }
    Ok(parts)
}

fn limited(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        problems.truncate(MAX_PROBLEMS);
        problems.push(Problem::new(format!("and {more} more problems")));
    }
    problems
}
