//! Reading another process's memory, once.

use std::io::{IoSlice, IoSliceMut};

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::Errno;

/// `sizeof(struct mmsghdr)` and where in it the length is.
pub(super) const MESSAGE_WITH_LENGTH: u64 = 64;
const LENGTH: u64 = 56;
/// `sizeof(struct msghdr)`.
const MESSAGE: u64 = 56;
/// `sizeof(struct iovec)`, and how many of them the kernel takes.
const PIECE: u64 = 16;
const MAX_PIECES: u64 = 1024;
const MAX_ADDRESS: u64 = 128;

/// The memory that a thread lives in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory(Pid);

/// What one `struct msghdr` says is to be sent to whom.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) address: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Memory {
    pub(super) fn of(thread: i32) -> Self {
        Self(Pid::from_raw(thread))
    }

    /// All of it, or nothing.
    pub(super) fn read(self, at: u64, length: u64) -> Result<Vec<u8>, Errno> {
        let length = usize::try_from(length).map_err(|_| libc::EFAULT)?;
        let mut bytes = vec![0; length];
        if length == 0 {
            return Ok(bytes);
        }
        let from =
            RemoteIoVec { base: usize::try_from(at).map_err(|_| libc::EFAULT)?, len: length };
        match process_vm_readv(self.0, &mut [IoSliceMut::new(&mut bytes)], &[from]) {
            Ok(read) if read == length => Ok(bytes),
            Ok(_) => Err(libc::EFAULT),
            Err(errno) => Err(errno as Errno),
        }
    }

    /// A message, cut to `most` bytes.
    pub(super) fn message(self, at: u64, most: usize) -> Result<Message, Errno> {
        let head = self.read(at, MESSAGE)?;
        let [name, name_length, pieces, count, _, control_length] =
            [0, 8, 16, 24, 32, 40].map(|offset| word(&head, offset));
        // Descriptors and the like are for the kernel to make sense of, in the
        // context of who sends them.
        if control_length != 0 {
            return Err(libc::EPERM);
        }
        let name_length = if name == 0 { 0 } else { name_length & u64::from(u32::MAX) };
        let address = self.read(name, name_length.min(MAX_ADDRESS))?;
        if count > MAX_PIECES {
            return Err(libc::EMSGSIZE);
        }
        let mut data = Vec::new();
        for piece in self.read(pieces, count * PIECE)?.chunks(16) {
            let room = (most - data.len()) as u64;
            data.extend(self.read(word(piece, 0), word(piece, 8).min(room))?);
        }
        Ok(Message { address, data })
    }

    /// Notes how much of a message was sent.
    pub(super) fn write_length(self, message: u64, length: i64) -> Result<(), Errno> {
        let bytes = u32::try_from(length).map_err(|_| libc::EINVAL)?.to_ne_bytes();
        let base = usize::try_from(message + LENGTH).map_err(|_| libc::EFAULT)?;
        let to = RemoteIoVec { base, len: bytes.len() };
        process_vm_writev(self.0, &[IoSlice::new(&bytes)], &[to])
            .map(drop)
            .map_err(|errno| errno as Errno)
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| <[u8; 8]>::try_from(word).ok());
    word.map_or(0, u64::from_ne_bytes)
}
