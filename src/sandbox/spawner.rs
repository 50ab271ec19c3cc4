//! The one thread that has processes started.
//!
//! A child dies with the *thread* that it belongs to (`PR_SET_PDEATHSIG`
//! follows threads, not processes), so the fork server is started by a thread
//! that lives exactly as long as the server, and its children belong to that
//! thread as well. It also keeps the wait for a clone off the threads that
//! serve requests.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::cage::Cage;
use super::fork_server::{ForkServer, Order, Run};
use super::guard::{self, Channel};
use super::undertakers::Undertakers;
use super::{Process, Sandbox};

/// A program to run, and how it is confined. Nothing of the server's own
/// environment is passed on.
#[derive(Debug)]
pub struct CommandSpec {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments. Every process of the same user can read them.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder it starts in.
    pub cwd: PathBuf,
    /// What is around it.
    pub cage: Cage,
}

/// Starts processes. Clones share the thread, which has ended when the last
/// clone is gone.
#[derive(Debug, Clone)]
pub struct Spawner {
    shared: Arc<Shared>,
    sandbox: Arc<Sandbox>,
}

#[derive(Debug)]
struct Shared {
    /// Gone only while this is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    undertakers: Undertakers,
}

#[derive(Debug)]
struct Job {
    spec: CommandSpec,
    started: oneshot::Sender<io::Result<Process>>,
    runtime: Handle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.jobs = None;
        // It waits for the fork server, so that nothing outlives the server.
        let _ = self.thread.take().map(JoinHandle::join);
        self.undertakers.join();
    }
}

impl Spawner {
    /// Starts the thread. This very program is also the second one, which
    /// confines.
    pub fn start(sandbox: Arc<Sandbox>) -> io::Result<Self> {
        Self::start_with(std::env::current_exe()?, sandbox)
    }

    /// Starts the thread, with `this_program` as the one that confines: a test
    /// is another program than the server.
    pub fn start_with(this_program: PathBuf, sandbox: Arc<Sandbox>) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let (started, start) = mpsc::channel();
        let undertakers = Undertakers::default();
        let theirs = undertakers.clone();
        let thread = std::thread::Builder::new().name("doze-spawner".to_owned());
        let thread = thread.spawn(move || match ForkServer::start(&this_program) {
            Ok(fork_server) => {
                // Who asks waits for the answer.
                let _ = started.send(Ok(()));
                work(fork_server, &this_program, inbox, &theirs);
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        })?;
        start.recv().map_err(|_| gone())??;
        let shared = Arc::new(Shared { jobs: Some(jobs), thread: Some(thread), undertakers });
        Ok(Self { shared, sandbox })
    }

    /// What confines the processes that it starts.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Makes a process, which confines itself and then waits for
    /// [`Process::start`] to become the program. An error means that there is
    /// none; a layer that cannot be applied shows as a process that exits at
    /// once with [`EXIT_NOT_CONFINED`](super::confine::EXIT_NOT_CONFINED).
    pub async fn spawn(&self, spec: CommandSpec) -> io::Result<Process> {
        let (started, answer) = oneshot::channel();
        let job = Job { spec, started, runtime: Handle::current() };
        self.shared.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// What the thread does, until nobody can ask any more.
fn work(
    mut fork_server: ForkServer,
    this_program: &Path,
    inbox: mpsc::Receiver<Job>,
    undertakers: &Undertakers,
) {
    for Job { spec, started, runtime } in inbox {
        let _inside = runtime.enter();
        // It is small and does little, but anything can be killed.
        if fork_server.has_ended() {
            tracing::warn!("the fork server ended and is started again");
            match ForkServer::start(this_program) {
                Ok(another) => fork_server = another,
                Err(error) => {
                    let _ = started.send(Err(error));
                    continue;
                }
            }
        }
        let process = spawn(&mut fork_server, spec, undertakers);
        // A caller that has gone away drops the handle, and with it the process.
        let _ = started.send(process);
    }
}

fn gone() -> io::Error {
    io::Error::other("the spawner thread has ended")
}

fn spawn(
    fork_server: &mut ForkServer,
    spec: CommandSpec,
    undertakers: &Undertakers,
) -> io::Result<Process> {
    let CommandSpec { program, args, env, cwd, cage } = spec;
    let Cage { confinement, holdings, policy, .. } = cage;
    let (stdout, out) = io::pipe()?;
    let (stderr, err) = io::pipe()?;
    let (word, start) = io::pipe()?;
    let guarded =
        policy.map(|policy| Ok::<_, io::Error>((policy, Channel::pair()?))).transpose()?;
    let mut descriptors = vec![out.as_fd(), err.as_fd(), word.as_fd()];
    descriptors.extend(guarded.as_ref().map(|(_, (_, theirs))| theirs.as_fd()));
    let order = Order::Run(Run { program, args, env, cwd, confinement });
    let pid = fork_server.make(&order, &descriptors)?;
    let output = [OwnedFd::from(stdout), OwnedFd::from(stderr)];
    let process = Process::new(pid, output, start, holdings, undertakers.clone());
    let process = process.inspect_err(|_| {
        // Nobody has it, so nobody else will end it.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        let _ = nix::sys::wait::waitpid(pid, None);
    })?;
    if let Some((policy, (channel, theirs))) = guarded {
        // Else its end would never show.
        drop(theirs);
        guard::watch(pid.as_raw(), process.handle()?, channel, policy)?;
    }
    Ok(process)
}
