//! What ties a process to its server, and bounds what it uses up.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::utsname::uname;
use nix::unistd::setsid;

use super::StepError;
use crate::sandbox::{Confinement, Layer};

/// Added to the score by which the kernel chooses whom to kill when the whole
/// machine is out of memory: functions before the server.
const OUT_OF_MEMORY_SCORE: &str = "700";

/// Dies with the thread that started it. Said again after a change of user,
/// which makes the kernel forget it.
pub(in crate::sandbox) fn die_with_the_server() -> Result<(), StepError> {
    Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// Whether the server has gone before this process was tied to it. It alone
/// reads what comes out of this process; its process id says nothing in a PID
/// namespace of one's own.
pub(in crate::sandbox) fn is_orphan() -> Result<bool, StepError> {
    let stdout = std::io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO)?;
    Ok(fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR)))
}

/// A session and process group of its own, so that one signal reaches
/// everything it starts, and a terminal's Ctrl-C only the server. The server's
/// signal mask survives an exec, so it is cleared as well.
pub(in crate::sandbox) fn own_session() -> Result<(), StepError> {
    setsid()?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Enters a control group. Version 1 moves a single thread, which this is, at
/// once; moving by process waits for every processor to pass a quiet state,
/// which takes milliseconds.
pub(in crate::sandbox) fn enter_group(file: &Path) -> Result<(), StepError> {
    // 0 is the writer itself, whatever its number is in which namespace.
    fs::OpenOptions::new().write(true).open(file)?.write_all(b"0")?;
    Ok(())
}

/// Limits can only be lowered from here on, by anybody without rights.
pub(in crate::sandbox) fn limit(plan: &Confinement) -> Result<(), StepError> {
    let limits = &plan.limits;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, limits.open_files, limits.open_files)?;
    setrlimit(Resource::RLIMIT_FSIZE, limits.file_size, limits.file_size)?;
    // Who meets that one gets an error, and no signal that ends him.
    let mut too_large = SigSet::empty();
    too_large.add(Signal::SIGXFSZ);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&too_large), None)?;
    if let Some(data) = limits.data {
        setrlimit(Resource::RLIMIT_DATA, data, data)?;
    }
    let in_namespace = plan.has(Layer::UserNamespace) && counts_by_namespace();
    if plan.has(Layer::OwnUser) || in_namespace {
        setrlimit(Resource::RLIMIT_NPROC, limits.tasks, limits.tasks)?;
    }
    fs::write("/proc/self/oom_score_adj", OUT_OF_MEMORY_SCORE)?;
    Ok(())
}

/// Whether this kernel counts a user's processes in each user namespace by
/// itself (Linux 5.14). Older ones would count all processes of the server's.
fn counts_by_namespace() -> bool {
    let Ok(system) = uname() else { return false };
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 14),
        _ => false,
    }
}
