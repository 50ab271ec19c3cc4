//! A running process whose one promise is: killed and waited for before it is
//! gone.

use std::io;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStderr, ChildStdout};

/// A confined process, the leader of its own process group.
///
/// Dropping the handle kills the whole group; the runtime then waits for it.
/// [`Self::stop`] does the same and returns once it has been waited for.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    pub(super) fn new(child: Child) -> Self {
        Self { child }
    }

    /// The process id; `None` once it has been waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it writes to its standard output; `None` the second time.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it writes to its standard error; `None` the second time.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits until it has ended by itself. May be cancelled and called again.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        Ok(status)
    }

    /// Kills it with everything in its group, and waits for it.
    pub async fn stop(mut self) -> io::Result<ExitStatus> {
        self.kill_group();
        // Until its own `setsid` the group does not exist yet. It has ended
        // already where this fails.
        let _ = self.child.start_kill();
        self.child.wait().await
    }

    fn kill_group(&self) {
        let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) else { return };
        match killpg(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::error!(pid, %error, "cannot kill a process group"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}
