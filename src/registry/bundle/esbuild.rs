//! One run of esbuild: its flags, its confinement, its limits.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::messages;
use super::metafile::Metafile;
use super::{BuildError, hints};
use crate::function::Problem;
use crate::registry::check::Checked;
use crate::sandbox::{CommandSpec, Confinement, FileRules, ResourceLimits, Spawner, confine};

/// The module `doze`, in the runtime library.
pub(super) const LIBRARY_ENTRY: &str = "mod.ts";

/// Changes whenever the flags or the finishing of the code do.
pub(super) const FLAGS_ID: &str = "1";

/// What is the same for every function. These ran all of seventeen popular
/// packages in Deno. Conditions with `browser` break `ws` and the AWS SDK;
/// without `decorators=false` V8 is handed syntax that it rejects.
const FLAGS: [&str; 20] = [
    "--bundle",
    "--format=esm",
    "--platform=node",
    "--main-fields=module,main",
    "--conditions=deno,node,module",
    "--target=esnext",
    "--supported:decorators=false",
    "--sourcemap=linked",
    "--keep-names",
    "--legal-comments=none",
    "--charset=utf8",
    "--jsx=automatic",
    "--loader:.txt=text",
    "--loader:.md=text",
    "--loader:.html=text",
    "--loader:.sql=text",
    "--loader:.wasm=binary",
    "--log-level=error",
    "--log-limit=0",
    "--color=false",
];

/// One build, including everything that it waits for.
const TIME_LIMIT_SECONDS: u64 = 60;
/// What one file may hold that goes into a bundle, and what a bundle may.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 20;
/// What is read of the bundler's messages.
const MAX_MESSAGE_BYTES: u64 = 1 << 20;

/// The bundler's binary, and what it may reach.
#[derive(Debug)]
pub(super) struct Esbuild {
    program: PathBuf,
    library: PathBuf,
    spawner: Spawner,
}

/// What a successful run wrote.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) code: Vec<u8>,
    pub(super) map: Vec<u8>,
    pub(super) metafile: Metafile,
    /// Where it was written; paths in the source map are relative to it.
    pub(super) folder: PathBuf,
}

/// What a run came to.
pub(super) enum Outcome {
    Output(Output),
    Problems(Vec<Problem>),
}

struct Ended {
    status: std::process::ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Esbuild {
    pub(super) fn new(program: PathBuf, library: PathBuf, spawner: Spawner) -> Self {
        Self { program, library, spawner }
    }

    /// The folder of the runtime library.
    pub(super) fn library(&self) -> &Path {
        &self.library
    }

    /// Asks the bundler for its version; also proves that it runs here.
    pub(super) async fn version(&self, folder: &Path) -> Result<String, BuildError> {
        let args = vec![OsString::from("--version")];
        let ended = self.start(args, folder, FileRules::default()).await?;
        match ended {
            Some(ended) if ended.status.success() => {
                Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
            }
            Some(ended) => Err(failure(&ended)),
            None => Err(BuildError::Io {
                doing: "wait for it",
                source: std::io::ErrorKind::TimedOut.into(),
            }),
        }
    }

    /// Bundles one function into a folder.
    pub(super) async fn run(
        &self,
        checked: &Checked,
        output: &Path,
    ) -> Result<Outcome, BuildError> {
        let rules = FileRules {
            read: vec![checked.real().to_owned(), self.library.clone()],
            write: vec![output.to_owned()],
        };
        let args = self.args(checked, output);
        let Some(ended) = self.start(args, checked.real(), rules).await? else {
            let text =
                format!("bundling took longer than {TIME_LIMIT_SECONDS} seconds and was stopped");
            return Ok(Outcome::Problems(vec![Problem::new(text)]));
        };
        if ended.status.success() {
            return Ok(Outcome::Output(Output::read(output)?));
        }
        let found = messages::parse(&String::from_utf8_lossy(&ended.stderr));
        if found.is_empty() {
            return crashed(&ended).map(|problem| Outcome::Problems(vec![problem]));
        }
        Ok(Outcome::Problems(hints::explain(found, checked)))
    }

    fn args(&self, checked: &Checked, output: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![format!("./{}", checked.entry()).into()];
        args.extend(FLAGS.map(OsString::from));
        args.push(joined("--outfile=", output.join("bundle.js")));
        args.push(joined("--metafile=", output.join("meta.json")));
        args.push(joined("--alias:doze=", self.library.join(LIBRARY_ENTRY)));
        for alias in checked.aliases() {
            args.push(format!("--alias:{}={}", alias.from, alias.to).into());
        }
        if !checked.has_tsconfig() {
            // Else the bundler takes one from a folder around this one.
            args.push("--tsconfig-raw={}".into());
        }
        args
    }

    /// Runs the bundler to its end; `None` if that took too long.
    async fn start(
        &self,
        args: Vec<OsString>,
        folder: &Path,
        mut rules: FileRules,
    ) -> Result<Option<Ended>, BuildError> {
        rules.read.push(self.program.clone());
        let spec = CommandSpec {
            program: self.program.clone(),
            args,
            env: Vec::new(),
            cwd: folder.to_owned(),
            confinement: Confinement {
                files: Some(rules),
                limits: Some(ResourceLimits {
                    file_size: 4 * MAX_FILE_BYTES,
                    ..ResourceLimits::default()
                }),
                ..Confinement::default()
            },
        };
        let mut process =
            self.spawner.spawn(spec).await.map_err(BuildError::io("start the bundler"))?;
        let stdout = process.take_stdout();
        let stderr = process.take_stderr();
        let all = async { tokio::join!(read(stdout), read(stderr), process.wait()) };
        let limit = Duration::from_secs(TIME_LIMIT_SECONDS);
        let Ok((stdout, stderr, status)) = tokio::time::timeout(limit, all).await else {
            process.stop().await.map_err(BuildError::io("stop the bundler"))?;
            return Ok(None);
        };
        let status = status.map_err(BuildError::io("wait for the bundler"))?;
        Ok(Some(Ended { status, stdout, stderr }))
    }
}

impl Output {
    fn read(folder: &Path) -> Result<Self, BuildError> {
        let read = |name: &str| {
            let mut bytes = Vec::new();
            File::open(folder.join(name))?.take(4 * MAX_FILE_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let output = |error| BuildError::io("read the bundler's output")(error);
        let metafile = read("meta.json").map_err(output)?;
        Ok(Self {
            code: read("bundle.js").map_err(output)?,
            map: read("bundle.js.map").map_err(output)?,
            metafile: serde_json::from_slice(&metafile).map_err(BuildError::Account)?,
            folder: folder.to_owned(),
        })
    }
}

/// Reads what a process prints: the beginning is kept, the rest is read too,
/// so that the process never waits for a reader.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut pipe) = pipe else { return Vec::new() };
    let mut text = Vec::new();
    // A pipe that breaks has been read to its end.
    let _ = (&mut pipe).take(MAX_MESSAGE_BYTES).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    text
}

/// An end without a message. What the bundler says of itself when it gives up
/// is about its input; a signal, or a confinement that cannot be made, is not.
fn crashed(ended: &Ended) -> Result<Problem, BuildError> {
    let error = failure(ended);
    match ended.status.code() {
        Some(code) if code != i32::from(confine::EXIT_NOT_CONFINED) => {
            Ok(Problem::new(error.to_string()))
        }
        _ => Err(error),
    }
}

fn failure(ended: &Ended) -> BuildError {
    let output = String::from_utf8_lossy(&ended.stderr).trim().chars().take(400).collect();
    BuildError::Crashed { status: ended.status, output }
}

fn joined(flag: &str, path: impl AsRef<OsStr>) -> OsString {
    let mut joined = OsString::from(flag);
    joined.push(path);
    joined
}
