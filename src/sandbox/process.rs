//! A running process whose one promise is: killed and waited for before it is
//! gone.

use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use super::Layers;
use super::holdings::Holdings;
use super::schedule;
use super::undertakers::Undertakers;

/// So long a process of low priority gets for what is waited for in what others
/// leave of the processors. Where they leave nothing, it would take for ever.
const LOW_PATIENCE: Duration = Duration::from_millis(500);

/// A confined process, the leader of its own process group, and the first of
/// its PID namespace where it has one.
///
/// Dropping the handle kills all of it; an undertaker then waits for it.
/// [`Self::stop`] does the same and returns once it has been waited for.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// `None` once it has been waited for.
    running: Option<Running>,
    status: ExitStatus,
    reached: Layers,
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    /// What it waits for; `None` once it has it.
    start: Option<PipeWriter>,
}

/// How a process stands to others where processors are short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Priority {
    /// It gets as much as they.
    #[default]
    Normal,
    /// They go first.
    Low,
}

/// What a process has until it has been waited for.
#[derive(Debug)]
struct Running {
    pidfd: AsyncFd<OwnedFd>,
    holdings: Holdings,
    undertakers: Undertakers,
}

impl Process {
    /// Takes over a child that nothing else waits for. Must be called inside
    /// the runtime that will wait for it.
    pub(super) fn new(
        pid: Pid,
        pipes: [OwnedFd; 2],
        start: PipeWriter,
        holdings: Holdings,
        undertakers: Undertakers,
    ) -> io::Result<Self> {
        // Until it has been waited for, its id cannot become another's.
        let id = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(Errno::ESRCH)?;
        let pidfd = pidfd_open(id, PidfdFlags::empty())?;
        let [stdout, stderr] = pipes.map(pipe::Receiver::from_owned_fd);
        Ok(Self {
            pid,
            running: Some(Running { pidfd: watch(pidfd)?, holdings, undertakers }),
            status: ExitStatus::default(),
            reached: Layers::NONE,
            stdout: Some(stdout?),
            stderr: Some(stderr?),
            start: Some(start),
        })
    }

    /// A descriptor that means this process and never another.
    pub(super) fn handle(&self) -> io::Result<OwnedFd> {
        self.running.as_ref().ok_or(Errno::ESRCH)?.pidfd.get_ref().try_clone()
    }

    /// The process id; `None` once it has been waited for.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().and_then(|_| self.pid.as_raw().try_into().ok())
    }

    /// Lets it become its program; until then it only is confined. An error
    /// means that it has ended already.
    pub fn start(&mut self) -> io::Result<()> {
        match self.start.take() {
            Some(mut start) => start.write_all(&[1]),
            None => Ok(()),
        }
    }

    /// What it writes to its standard output; `None` the second time.
    pub fn take_stdout(&mut self) -> Option<pipe::Receiver> {
        self.stdout.take()
    }

    /// What it writes to its standard error; `None` the second time.
    pub fn take_stderr(&mut self) -> Option<pipe::Receiver> {
        self.stderr.take()
    }

    /// Waits until it has ended by itself. May be cancelled and called again.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        while let Some(running) = &self.running {
            let mut ready = running.pidfd.readable().await?;
            // What is left of its group, before its id can be another's, and
            // what has left that.
            self.kill_group();
            running.holdings.kill();
            match reap(running.pidfd.get_ref(), WaitPidFlag::WNOHANG)? {
                Some(status) => {
                    self.status = status;
                    self.reached = running.holdings.reached();
                    drop(ready);
                    // What it held can be had by others now.
                    self.running = None;
                }
                None => ready.clear_ready(),
            }
        }
        Ok(self.status)
    }

    /// Completes when it has ended by itself, without waiting for it.
    pub fn ended(&self) -> io::Result<impl Future<Output = ()> + use<>> {
        let pidfd = watch(self.handle()?)?;
        Ok(async move {
            // An error would be the runtime's end.
            let _ = pidfd.readable().await;
        })
    }

    /// Kills it with everything below it, and waits for it.
    pub async fn stop(mut self) -> io::Result<ExitStatus> {
        self.kill();
        // To end takes processor time too.
        if let Ok(ended) = self.ended() {
            self.patiently(ended).await;
        }
        self.wait().await
    }

    /// The limits of its control groups that it has run into.
    pub fn reached(&self) -> Layers {
        self.running.as_ref().map_or(self.reached, |running| running.holdings.reached())
    }

    /// How much of the processors it has used, with all its threads; nothing
    /// once it has been waited for.
    pub fn used(&self) -> Duration {
        // Until it has been waited for, its id cannot become another's.
        let clock = self.running.as_ref().and_then(|_| clock_getcpuclockid(self.pid).ok());
        clock.and_then(|clock| clock_gettime(clock).ok()).map(Duration::from).unwrap_or_default()
    }

    /// From here on it has this priority, as far as it has a control group.
    pub fn set_priority(&self, priority: Priority) -> io::Result<()> {
        self.running.as_ref().map_or(Ok(()), |running| running.holdings.set_priority(priority))
    }

    /// Whether its first thread, which runs its code, takes the processor from
    /// others when it wakes (docs/adr/0013).
    pub fn set_preempts(&self, preempts: bool) {
        if self.running.is_some() {
            // Where that is not allowed, it is as fast as it was.
            let _ = schedule::set_preempts(self.pid, preempts);
        }
    }

    /// Waits for what it does. Where its low priority gets it nowhere, it has
    /// the others' from then on.
    pub async fn patiently<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Ok(done) = tokio::time::timeout(LOW_PATIENCE, work.as_mut()).await {
            return done;
        }
        // Else it works as it can.
        let _ = self.set_priority(Priority::Normal);
        work.await
    }

    fn kill(&self) {
        let Some(running) = &self.running else { return };
        // The process itself first: it may not have made its group yet. In a
        // PID namespace this ends all the others as well.
        let _ = pidfd_send_signal(running.pidfd.get_ref(), rustix::process::Signal::KILL);
        self.kill_group();
        running.holdings.kill();
    }

    fn kill_group(&self) {
        match killpg(self.pid, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::error!(pid = %self.pid, %error, "cannot kill a process group"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Some(Running { pidfd, holdings, undertakers }) = self.running.take() {
            undertakers.bury(pidfd.into_inner(), holdings);
        }
    }
}

/// Lets the runtime tell when a process has ended.
#[expect(
    deprecated,
    reason = "an `OwnedFd` is what it says, and the new call is unsafe for others"
)]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(pidfd)
}

/// Takes a process's end; `None` where it still runs and that is allowed.
pub(super) fn reap(pidfd: &OwnedFd, flags: WaitPidFlag) -> io::Result<Option<ExitStatus>> {
    loop {
        return match waitid(Id::PIDFd(pidfd.as_fd()), WaitPidFlag::WEXITED | flags) {
            Ok(WaitStatus::Exited(_, code)) => Ok(Some(ExitStatus::from_raw((code & 0xff) << 8))),
            Ok(WaitStatus::Signaled(_, signal, core)) => {
                let core = if core { 0x80 } else { 0 };
                Ok(Some(ExitStatus::from_raw(signal as i32 | core)))
            }
            Ok(_) => Ok(None),
            Err(Errno::EINTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}
