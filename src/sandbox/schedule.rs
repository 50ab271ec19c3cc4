//! `sched_setscheduler`, which the libraries do not have.
#![expect(unsafe_code, reason = "there is no safe call for `sched_setscheduler`")]

use std::io;

use nix::unistd::Pid;

/// Whether a thread, and those that it starts from now on, take the processor
/// from others when they wake. Their share of it is the same. Thread 0 is the
/// one that asks.
pub fn set_preempts(thread: Pid, preempts: bool) -> io::Result<()> {
    let policy = if preempts { libc::SCHED_OTHER } else { libc::SCHED_BATCH };
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live value of the type that the call reads.
    match unsafe { libc::sched_setscheduler(thread.as_raw(), policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
