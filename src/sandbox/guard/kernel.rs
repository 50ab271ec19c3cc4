//! The calls by which one process decides about another's system calls.
#![expect(unsafe_code, reason = "there are no safe calls for seccomp's notifications")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_ulong, c_void, seccomp_notif, seccomp_notif_resp};
use seccompiler::sock_filter;

/// A call that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) id: u64,
    /// The thread that made it.
    pub(super) thread: i32,
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
}

/// Applies a filter to this process, and returns where its questions arrive.
pub(super) fn listen(filter: &[sock_filter]) -> io::Result<OwnedFd> {
    let listener = apply(filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)?;
    // SAFETY: with this flag what comes back is a new descriptor of ours.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// Applies a filter to this process, and lets the kernel log what it refuses.
pub(in crate::sandbox) fn apply_and_log(filter: &[sock_filter]) -> io::Result<()> {
    apply(filter, libc::SECCOMP_FILTER_FLAG_LOG).map(drop)
}

fn apply(filter: &[sock_filter], flags: c_ulong) -> io::Result<i32> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        // The kernel copies it and writes nothing.
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: `program` and the filter it points to live through the call, and
    // the two types of instructions have the same layout, that of the kernel.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    match i32::try_from(result) {
        Ok(result @ 0..) => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for the next call.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Call> {
    // SAFETY: the kernel demands a buffer of zeros, which is a valid value.
    let mut question: seccomp_notif = unsafe { std::mem::zeroed() };
    control(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, (&raw mut question).cast())?;
    Ok(Call {
        id: question.id,
        thread: i32::try_from(question.pid).map_err(io::Error::other)?,
        number: question.data.nr.into(),
        arguments: question.data.args,
    })
}

/// Whether the call still waits: what was read of its process is its own, and
/// not of another that has its number since.
pub(super) fn still_waits(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    control(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, (&raw mut id).cast()).is_ok()
}

/// Lets the call return that.
pub(super) fn answer(
    listener: BorrowedFd<'_>,
    id: u64,
    result: Result<i64, i32>,
) -> io::Result<()> {
    let (val, error) = match result {
        Ok(value) => (value, 0),
        Err(errno) => (0, -errno),
    };
    let mut answer = seccomp_notif_resp { id, val, error, flags: 0 };
    control(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, (&raw mut answer).cast())
}

fn control(listener: BorrowedFd<'_>, request: c_ulong, value: *mut c_void) -> io::Result<()> {
    // SAFETY: each request of this module comes with a live value of the type
    // that its number names.
    match unsafe { libc::ioctl(listener.as_raw_fd(), request, value) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `connect` to an address as it stood in another process's memory.
pub(super) fn connect(socket: BorrowedFd<'_>, address: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(address.len()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `length` bytes at the pointer, which is what
    // there are, and judges them itself.
    match unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `bind`, likewise.
pub(super) fn bind(socket: BorrowedFd<'_>, address: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(address.len()).map_err(io::Error::other)?;
    // SAFETY: as in `connect`.
    match unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `sendto`; without an address to whom the socket is connected to.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    data: &[u8],
    flags: i32,
    address: &[u8],
) -> io::Result<usize> {
    let length = libc::socklen_t::try_from(address.len()).map_err(io::Error::other)?;
    let to = if address.is_empty() { std::ptr::null() } else { address.as_ptr().cast() };
    // SAFETY: as in `connect`, for the data and for the address.
    let sent = unsafe {
        libc::sendto(socket.as_raw_fd(), data.as_ptr().cast(), data.len(), flags, to, length)
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
