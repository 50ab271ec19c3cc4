//! The one thread that starts processes.
//!
//! A child dies with the *thread* that started it (`PR_SET_PDEATHSIG` follows
//! threads, not processes), so processes are started from a thread that lives
//! exactly as long as the server. It also keeps the 0.3 ms of a spawn off the
//! threads that serve requests.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;

use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{Confinement, Process, confine};

/// A program to run, and how it is confined. Nothing of the server's own
/// environment is passed on.
#[derive(Debug, Clone)]
pub struct CommandSpec {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments. Every process of the same user can read them.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder it starts in.
    pub cwd: PathBuf,
    /// The layers around it.
    pub confinement: Confinement,
}

/// Starts processes. Clones share the thread, which ends with the last clone.
#[derive(Debug, Clone)]
pub struct Spawner {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    spec: CommandSpec,
    started: oneshot::Sender<io::Result<Process>>,
    runtime: Handle,
}

impl Spawner {
    /// Starts the thread. This very program is also the second one, which
    /// confines.
    pub fn start() -> io::Result<Self> {
        Self::start_with(std::env::current_exe()?)
    }

    /// Starts the thread, with `this_program` as the one that confines: a test
    /// is another program than the server.
    pub fn start_with(this_program: PathBuf) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        std::thread::Builder::new().name("doze-spawner".to_owned()).spawn(move || {
            for Job { spec, started, runtime } in inbox {
                let _inside = runtime.enter();
                // A caller that has gone away drops the handle, and with it the process.
                let _ = started.send(spawn(&this_program, spec));
            }
        })?;
        Ok(Self { jobs })
    }

    /// Starts a process. An error means that nothing runs; a layer that cannot
    /// be applied shows as a process that exits at once with
    /// [`confine::EXIT_NOT_CONFINED`].
    pub async fn spawn(&self, spec: CommandSpec) -> io::Result<Process> {
        let (started, answer) = oneshot::channel();
        let gone = || io::Error::other("the spawner thread has ended");
        self.jobs.send(Job { spec, started, runtime: Handle::current() }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn spawn(this_program: &std::path::Path, spec: CommandSpec) -> io::Result<Process> {
    let plan = serde_json::to_string(&spec.confinement)?;
    let mut command = Command::new(this_program);
    command
        .arg(confine::VERB)
        .arg(std::process::id().to_string())
        .arg(plan)
        .arg(spec.program)
        .args(spec.args)
        .env_clear()
        .envs(spec.env)
        .current_dir(spec.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(Process::new(command.spawn()?))
}
