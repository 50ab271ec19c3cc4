//! The second program: a small process with one thread, which the confined
//! processes are cloned from.
//!
//! `doze fork-server SERVER` is an internal verb; its standard input is the
//! socket to the server whose process id is SERVER. For each order that
//! arrives it makes a child, born into its namespaces, and answers with the
//! child's process id. The child confines itself and becomes the program.
//!
//! Why it exists: the server has many threads and much memory, so nothing may
//! be done between its own `fork` and `exec`; and running a program of ours
//! before Deno, only to apply the layers, would take 2 ms of every cold start.
//! A clone of this process takes a tenth of that and may do what it likes.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, clone};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Gid, Pid, Uid, getppid, setsid};
use serde::{Deserialize, Serialize};

use super::confine::{self, ConfineError, EXIT_NOT_CONFINED};
use super::{Confinement, Layer, Layers, descriptors};

/// The hidden verb.
pub const VERB: &str = "fork-server";

/// What a child has before it executes the program; far more than it takes.
const STACK_BYTES: usize = 1 << 20;

/// What a child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Be born into these namespaces, and end.
    Born(Layers),
    /// Try every layer, tell on stdout which fail, and end.
    Rehearse(Confinement),
    /// Become a confined program.
    Run(Run),
}

/// A program to become, and what is around it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) cwd: PathBuf,
    pub(super) confinement: Confinement,
}

impl Order {
    fn layers(&self) -> Layers {
        match self {
            Self::Born(layers) => *layers,
            Self::Rehearse(confinement) | Self::Run(Run { confinement, .. }) => confinement.layers,
        }
    }
}

/// The second program, seen from the server.
#[derive(Debug)]
pub(super) struct ForkServer {
    child: Child,
    socket: UnixStream,
}

impl ForkServer {
    pub(super) fn start(this_program: &Path) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(this_program)
            .arg(VERB)
            .arg(std::process::id().to_string())
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, socket })
    }

    /// Makes a child of the calling process, which has to wait for it. Of the
    /// descriptors, the first two are its output; then comes what it waits for
    /// before it becomes a program, and last whoever guards its addresses.
    pub(super) fn make(
        &mut self,
        order: &Order,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<Pid> {
        let text = serde_json::to_vec(order)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        descriptors::send(&self.socket, length.to_ne_bytes(), descriptors)?;
        self.socket.write_all(&text)?;
        let mut answer = [0; 4];
        self.socket.read_exact(&mut answer)?;
        match i32::from_ne_bytes(answer) {
            errno if errno < 0 => Err(io::Error::from_raw_os_error(-errno)),
            pid => Ok(Pid::from_raw(pid)),
        }
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // It holds nothing that it could lose. It has ended already where
        // this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the server has no more to start. Returns only what went wrong.
pub fn run(args: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let server = args.into_iter().next().and_then(|pid| pid.to_str()?.parse().ok());
    let Some(server) = server.map(Pid::from_raw) else {
        return Err(io::Error::other("`doze fork-server` is internal; only the server starts it"));
    };
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != server {
        // It has died already.
        return Ok(());
    }
    // A terminal's Ctrl-C is for the server, and what the server's runtime
    // blocks or ignores would be passed on to every program.
    setsid()?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    close_inherited()?;

    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut stack = vec![0; STACK_BYTES];
    while let Some((order, descriptors)) = receive(&mut socket)? {
        // As it is here: in a namespace of its own it is somebody else.
        let ids = (Uid::effective(), Gid::effective());
        let child = make_child(&mut stack, flags(order.layers()), || {
            match obey(&order, ids, &descriptors) {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("doze: {error}");
                    EXIT_NOT_CONFINED.into()
                }
            }
        });
        socket.write_all(&child.map_or_else(|errno| -(errno as i32), Pid::as_raw).to_ne_bytes())?;
    }
    Ok(())
}

/// The next order; `None` when the server has gone.
fn receive(socket: &mut UnixStream) -> io::Result<Option<(Order, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let Some(received) = descriptors::receive(socket, &mut length)? else { return Ok(None) };
    let mut text = vec![0; u32::from_ne_bytes(length) as usize];
    socket.read_exact(&mut text)?;
    Ok(Some((serde_json::from_slice(&text)?, received)))
}

/// The namespaces that a process of these layers is born into.
fn flags(layers: Layers) -> CloneFlags {
    [
        (Layer::UserNamespace, CloneFlags::CLONE_NEWUSER),
        (Layer::Mounts, CloneFlags::CLONE_NEWNS),
        (Layer::Processes, CloneFlags::CLONE_NEWPID),
        (Layer::Network, CloneFlags::CLONE_NEWNET),
        (Layer::Ipc, CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS),
    ]
    .into_iter()
    .filter(|(layer, _)| layers.has(*layer))
    // The child's parent is this process's own parent, the server.
    .fold(CloneFlags::CLONE_PARENT, |flags, (_, flag)| flags | flag)
}

#[expect(unsafe_code, reason = "there is no other way to a child that is the server's")]
fn make_child(
    stack: &mut [u8],
    flags: CloneFlags,
    mut body: impl FnMut() -> isize,
) -> nix::Result<Pid> {
    // SAFETY: this process has one thread, so the child's copy of its memory
    // is whole: no lock in it is held by a thread that the copy lacks. Memory
    // is not shared, so the stack is the child's own copy as well.
    unsafe { clone(Box::new(&mut body), stack, flags, None) }
}

/// What a child does. Returns what went wrong, or nothing after a rehearsal.
fn obey(
    order: &Order,
    (user, group): (Uid, Gid),
    descriptors: &[OwnedFd],
) -> Result<(), ConfineError> {
    let [stdout, stderr, others @ ..] = descriptors else { return Ok(()) };
    confine::must("its own output", nix::unistd::dup2_stderr(stderr))?;
    confine::must("its own output", nix::unistd::dup2_stdout(stdout))?;
    if order.layers().has(Layer::UserNamespace) {
        // Root in there, so that it keeps the rights that it needs to build
        // its confinement. Outside it stays the server's user.
        for (file, text) in [
            ("/proc/self/setgroups", "deny".to_owned()),
            ("/proc/self/uid_map", format!("0 {user} 1")),
            ("/proc/self/gid_map", format!("0 {group} 1")),
        ] {
            confine::must("the ids of its namespace", std::fs::write(file, text))?;
        }
    }
    match (order, others) {
        (Order::Rehearse(confinement), guard) => confine::rehearse(confinement, guard.first()),
        (Order::Run(run), [start, guard @ ..]) => confine::run(run, start, guard.first()),
        (Order::Born(_) | Order::Run(_), _) => Ok(()),
    }
}

/// Closes what whoever started the server left open, which is for no function.
fn close_inherited() -> io::Result<()> {
    let names = std::fs::read_dir("/proc/self/fd")?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse().ok());
    for descriptor in numbers.filter(|number: &RawFd| *number > 2) {
        // One of them was the folder that has just been read, and is closed.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}
