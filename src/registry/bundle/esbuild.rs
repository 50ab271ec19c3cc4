//! One run of esbuild: its flags, its confinement, its limits.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::messages;
use super::metafile::Metafile;
use super::{BuildError, Pace, hints};
use crate::function::Problem;
use crate::registry::check::Checked;
use crate::sandbox::{
    CommandSpec, FileRules, GroupLimits, Needs, ResourceLimits, Spawner, confine,
};

/// The module `doze`, in the runtime library.
pub(super) const LIBRARY_ENTRY: &str = "mod.ts";

/// Changes whenever the flags or the finishing of the code do.
pub(super) const FLAGS_ID: &str = "2";

/// What is the same for every function. These ran all of seventeen popular
/// packages in Deno. Conditions with `browser` break `ws` and the AWS SDK;
/// without `decorators=false` V8 is handed syntax that it rejects.
const FLAGS: [&str; 21] = [
    "--bundle",
    "--format=esm",
    "--platform=node",
    "--main-fields=module,main",
    "--conditions=deno,node,module",
    "--target=esnext",
    "--supported:decorators=false",
    "--sourcemap=linked",
    "--keep-names",
    // Such as `code::META_NAME`.
    "--define:import.meta=__dozeMeta",
    "--legal-comments=none",
    "--charset=utf8",
    "--jsx=automatic",
    "--loader:.txt=text",
    "--loader:.md=text",
    "--loader:.html=text",
    "--loader:.sql=text",
    "--loader:.wasm=binary",
    "--log-level=warning",
    "--log-limit=0",
    "--color=false",
];

/// One build, including everything that it waits for.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// One that others may be waiting for. Most take a hundredth of it.
const QUICK_TIME_LIMIT: Duration = Duration::from_secs(3);
/// What one build may hold in memory, in MiB. Ten thousand modules of twenty
/// functions each are beyond it; a megabyte of source takes a twentieth.
const MEMORY_LIMIT_MIB: u64 = 1024;
/// Where the bundler begins to tidy up, which it does not do otherwise.
const MEMORY_TARGET: &str = "768MiB";
/// What one file may hold that goes into a bundle, and what a bundle may, its
/// source map, and the account of both.
pub(super) const MAX_FILE_BYTES: u64 = crate::registry::check::MAX_IMPORTED_BYTES;
/// How the bundler says that it could not write, and that the limit on what it
/// may write is why.
const UNWRITTEN: &str = "Failed to write to output file";
const TOO_LARGE: &str = "file too large";
/// What a `tsconfig.json` is told whose `extends` leads nowhere, or out of the
/// folder, which is the same to the bundler.
const NO_BASE: &str = "Cannot find base config file";
/// What one build may use up together, where that can be limited.
const LIMITS: GroupLimits = GroupLimits { memory: 2 << 30, tasks: 64, cpu_percent: 400 };
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
        let ended = self.start(args, folder, FileRules::default(), TIME_LIMIT).await?;
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

    /// Bundles one function into a folder. Returns what is wrong with it; with
    /// nothing wrong, the output lies in the folder. `None` if that took too
    /// long to be quick.
    pub(super) async fn run(
        &self,
        checked: &Checked,
        output: &Path,
        pace: Pace,
    ) -> Result<Option<Vec<Problem>>, BuildError> {
        let rules = FileRules {
            read: vec![checked.real().to_owned(), self.library.clone()],
            write: vec![output.to_owned()],
            ..FileRules::default()
        };
        let args = self.args(checked, output);
        let limit = match pace {
            Pace::Quick => QUICK_TIME_LIMIT,
            Pace::Patient => TIME_LIMIT,
        };
        let Some(ended) = self.start(args, checked.real(), rules, limit).await? else {
            let seconds = limit.as_secs();
            let text = format!("bundling took longer than {seconds} seconds and was stopped");
            return Ok((pace == Pace::Patient).then(|| vec![Problem::new(text)]));
        };
        let printed = String::from_utf8_lossy(&ended.stderr);
        if ended.status.success() {
            let mut baseless = messages::warnings(&printed);
            // Packages come without the files that they were made with.
            baseless.retain(|warning| {
                let own = |place: &messages::Place| !place.file.contains("node_modules/");
                warning.text.starts_with(NO_BASE) && warning.place.as_ref().is_some_and(own)
            });
            return Ok(Some(hints::explain(baseless, checked)));
        }
        let found = messages::parse(&printed);
        if let Some(unwritten) = found.iter().find(|message| message.text.starts_with(UNWRITTEN)) {
            return if unwritten.text.ends_with(TOO_LARGE) {
                let most = MAX_FILE_BYTES >> 20;
                let text = format!("the bundle or its source map is larger than {most} MiB");
                Ok(Some(vec![Problem::new(text)]))
            } else {
                Err(failure(&ended))
            };
        }
        if found.is_empty() {
            return crashed(&ended).map(|problem| Some(vec![problem]));
        }
        Ok(Some(hints::explain(found, checked)))
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
        limit: Duration,
    ) -> Result<Option<Ended>, BuildError> {
        rules.read.push(self.program.clone());
        let needs = Needs {
            files: rules.clone(),
            reads_any_owner: true,
            limits: ResourceLimits {
                file_size: MAX_FILE_BYTES,
                data: Some(MEMORY_LIMIT_MIB << 20),
                ..ResourceLimits::default()
            },
            group: LIMITS,
            ..Needs::default()
        };
        let sandbox = self.spawner.sandbox();
        let cage = sandbox.hold().and_then(|holdings| sandbox.cage(needs, holdings));
        let cage = cage.map_err(BuildError::io("make its cage"))?;
        for folder in &rules.write {
            cage.holdings().give(folder).map_err(BuildError::io("give it a folder"))?;
        }
        let spec = CommandSpec {
            program: self.program.clone(),
            args,
            env: vec![("GOMEMLIMIT".into(), MEMORY_TARGET.into())],
            cwd: folder.to_owned(),
            cage,
        };
        let mut process =
            self.spawner.spawn(spec).await.map_err(BuildError::io("start the bundler"))?;
        // If it has ended already, that will be said.
        let _ = process.start();
        let stdout = process.take_stdout();
        let stderr = process.take_stderr();
        let all = async { tokio::join!(read(stdout), read(stderr), process.wait()) };
        let Ok((stdout, stderr, status)) = tokio::time::timeout(limit, all).await else {
            process.stop().await.map_err(BuildError::io("stop the bundler"))?;
            return Ok(None);
        };
        let status = status.map_err(BuildError::io("wait for the bundler"))?;
        Ok(Some(Ended { status, stdout, stderr }))
    }
}

impl Output {
    /// Reads it from the folder that it was written to. Blocks.
    pub(super) fn read(folder: &Path) -> Result<Self, BuildError> {
        let read = |name: &str| {
            let mut bytes = Vec::new();
            File::open(folder.join(name))?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
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

/// What the bundler prints when a limit ends it, and what to say of it.
fn limit_of(output: &str) -> Option<String> {
    let first = output.lines().find(|line| line.starts_with("fatal error: "))?;
    let is = |words: &[&str]| words.iter().any(|word| first.contains(word));
    if is(&["out of memory", "cannot allocate", "failed to reserve"]) {
        Some(format!(
            "bundling needed more than {MEMORY_LIMIT_MIB} MiB of memory and was stopped; import \
             less, and read large files as files instead of importing them"
        ))
    } else if is(&["stack overflow", "stack exceeds"]) {
        Some("the code is nested too deeply to be bundled".to_owned())
    } else {
        None
    }
}

/// An end without a message. What the bundler says of itself when it gives up
/// is about its input; a signal, or a confinement that cannot be made, is not.
fn crashed(ended: &Ended) -> Result<Problem, BuildError> {
    if let Some(text) = limit_of(&String::from_utf8_lossy(&ended.stderr)) {
        return Ok(Problem::new(text));
    }
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
