//! File descriptors through a socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// How many may travel with one message.
const MOST: usize = 4;

/// Sends a few bytes, and the descriptors with them.
pub(super) fn send(
    socket: &UnixStream,
    bytes: [u8; 4],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let sent = sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    whole(sent, bytes.len())
}

/// Receives what [`send`] sent; `None` when the other side has closed.
pub(super) fn receive(
    socket: &UnixStream,
    bytes: &mut [u8; 4],
) -> io::Result<Option<Vec<OwnedFd>>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    // None of them may pass to another program.
    let flags = RecvFlags::CMSG_CLOEXEC;
    let message = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags)?;
    if message.bytes == 0 {
        return Ok(None);
    }
    whole(message.bytes, bytes.len())?;
    let mut received = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            received.extend(descriptors);
        }
    }
    Ok(Some(received))
}

/// So few bytes go through in one piece or not at all.
fn whole(count: usize, expected: usize) -> io::Result<()> {
    if count == expected { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
