//! `sched_setscheduler`, which the libraries do not have.
#![expect(unsafe_code, reason = "there is no safe call for `sched_setscheduler`")]

use std::io;

/// Lets this thread, and what it starts, take no processor from others when it
/// wakes. Its share stays what it is.
pub(super) fn become_batch() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live value of the type that the call reads.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
