//! How the filter's questions get from the process to the server.
//!
//! The process cannot send its listener: sending is among what it must ask
//! about from that moment on. So it says the descriptor's number, by `write`,
//! and waits until the server has taken a duplicate.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
use seccompiler::sock_filter;

use super::kernel;
use crate::sandbox::bpf::{
    ALLOW, ASK, JUMP_IF_EQUAL, LOAD, NUMBER, RETURN, argument, call, instruction,
};

/// The server's end.
#[derive(Debug)]
pub(in crate::sandbox) struct Channel(UnixStream);

impl Channel {
    /// Both ends; the second one is for the process.
    pub(in crate::sandbox) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (own, other) = UnixStream::pair()?;
        Ok((Self(own), other.into()))
    }

    /// Where the process's questions arrive; `None` if it has ended first.
    pub(super) fn receive(mut self, pidfd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
        let mut number = [0; 4];
        match self.0.read_exact(&mut number) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
        let number = i32::from_ne_bytes(number);
        let listener = pidfd_getfd(pidfd, number, PidfdGetfdFlags::empty())?;
        self.0.write_all(&[1])?;
        Ok(Some(listener))
    }
}

/// In the process: asks the server about every address from here on. Returns
/// once the server has heard.
pub(in crate::sandbox) fn ask(channel: OwnedFd) -> io::Result<()> {
    let mut channel = UnixStream::from(channel);
    let listener = kernel::listen(&filter())?;
    channel.write_all(&listener.as_raw_fd().to_ne_bytes())?;
    channel.read_exact(&mut [0]).map_err(|_| {
        io::Error::other("the server may not duplicate the sockets of another process")
    })
}

/// Everything by which an address reaches the kernel. `sendto` without one is
/// what `send` becomes, and needs no question.
fn filter() -> Vec<sock_filter> {
    let [low, high] = argument(4);
    vec![
        instruction(LOAD, 0, 0, NUMBER),
        instruction(JUMP_IF_EQUAL, 9, 0, call(libc::SYS_connect)),
        instruction(JUMP_IF_EQUAL, 8, 0, call(libc::SYS_sendmsg)),
        instruction(JUMP_IF_EQUAL, 7, 0, call(libc::SYS_sendmmsg)),
        instruction(JUMP_IF_EQUAL, 6, 0, call(libc::SYS_listen)),
        instruction(JUMP_IF_EQUAL, 5, 0, call(libc::SYS_bind)),
        instruction(JUMP_IF_EQUAL, 0, 5, call(libc::SYS_sendto)),
        instruction(LOAD, 0, 0, low),
        instruction(JUMP_IF_EQUAL, 0, 2, 0),
        instruction(LOAD, 0, 0, high),
        instruction(JUMP_IF_EQUAL, 1, 0, 0),
        instruction(RETURN, 0, 0, ASK),
        instruction(RETURN, 0, 0, ALLOW),
    ]
}
