//! Looks at every address that a process with network access connects or
//! sends to, before the kernel does.
//!
//! The process's filter puts the call on hold and asks us (seccomp's user
//! notification). We read the address out of its memory once, decide, and then
//! make the call ourselves, on a duplicate of its socket and with the address
//! that we read: whatever it changes in its memory meanwhile comes too late.
//! Nothing is ever told to go on by itself.
//!
//! It holds however the address came about: by a name, a redirect, another
//! notation, or native code that never asked Deno.
//!
//! - [`kernel`]: the calls that this takes
//! - [`memory`]: reading another process's memory
//! - [`handover`]: how the filter's questions get from there to here

mod handover;
pub(super) mod kernel;
mod memory;

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Backlog, SockType, UnixAddr, getsockname, getsockopt, listen, sockopt};
use nix::sys::stat::{Mode, SFlag, fstat};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::addresses::Exceptions;
pub(super) use handover::{Channel, ask};
use kernel::Call;
use memory::Memory;

/// What one process may do.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// Where it may go although it would be denied.
    pub(super) exceptions: Exceptions,
    /// Folders whose sockets it may use by path.
    pub(super) sockets: Vec<PathBuf>,
}

/// Bytes that are sent by one call. A stream sends the rest with the next.
const MAX_SEND: usize = 64 << 10;
/// Messages that are sent by one call, of the kernel's 1024.
const MAX_MESSAGES: u64 = 64;
/// `struct sockaddr_storage`, the longest there is.
const MAX_ADDRESS: u64 = 128;

type Errno = i32;

/// Answers one process's questions.
struct Guard {
    policy: Policy,
    listener: Arc<OwnedFd>,
    pid: i32,
    pidfd: OwnedFd,
}

/// Watches over a process that was just started, on a thread of its own that
/// ends with it. A call of its may wait as long as a connection takes to be
/// made; nobody else's should.
pub(super) fn watch(pid: i32, pidfd: OwnedFd, channel: Channel, policy: Policy) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("doze-guard".to_owned()).stack_size(256 << 10);
    thread.spawn(move || {
        let listener = match channel.receive(pidfd.as_fd()) {
            // It has ended before it got so far.
            Ok(None) => return,
            Ok(Some(listener)) => Arc::new(listener),
            Err(error) => {
                // The process says so as well, and does not start.
                tracing::debug!(pid, %error, "cannot watch over a process");
                return;
            }
        };
        Guard { policy, listener, pid, pidfd }.run();
    })?;
    Ok(())
}

impl Guard {
    fn run(self) {
        loop {
            let mut waits = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
            match poll(&mut waits, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            let events = waits[0].revents().unwrap_or(PollFlags::empty());
            if !events.contains(PollFlags::POLLIN) {
                // Nobody is left who could ask.
                return;
            }
            // A caller that was interrupted meanwhile asks again.
            let Ok(call) = kernel::receive(self.listener.as_fd()) else { continue };
            if let Some(result) = self.decide(&call) {
                let _ = kernel::answer(self.listener.as_fd(), call.id, result);
            }
        }
    }

    /// What a call returns; `None` where somebody else will answer.
    fn decide(&self, call: &Call) -> Option<Result<i64, Errno>> {
        let result = match call.number {
            libc::SYS_connect => {
                return self.connect(call).unwrap_or_else(|errno| Some(Err(errno)));
            }
            libc::SYS_bind => self.bind(call),
            libc::SYS_listen => self.listen(call),
            libc::SYS_sendto => self.send_to(call),
            libc::SYS_sendmsg => self.send_message(call),
            libc::SYS_sendmmsg => self.send_messages(call),
            _ => Err(libc::ENOSYS),
        };
        Some(result)
    }

    fn connect(&self, call: &Call) -> Result<Option<Result<i64, Errno>>, Errno> {
        let [socket, pointer, length, ..] = call.arguments;
        let memory = Memory::of(call.thread);
        let address = memory.read(pointer, length.min(MAX_ADDRESS))?;
        let socket = self.socket(call, socket)?;
        match Target::of(&address)? {
            Target::Internet(to) => self.allows(to)?,
            Target::Path(path) => {
                return self.connect_path(socket.as_fd(), &path).map(|()| Some(Ok(0)));
            }
            // Forgets whom it was connected to.
            Target::Nobody => {}
        }
        let connect = move |socket: BorrowedFd<'_>| {
            kernel::connect(socket, &address).map(|()| 0).map_err(|error| errno(&error))
        };
        if !blocks(socket.as_fd()) {
            return Ok(Some(connect(socket.as_fd())));
        }
        // It may take minutes, in which its other threads have questions too.
        let (listener, id) = (Arc::clone(&self.listener), call.id);
        let waits = move || {
            let _ = kernel::answer(listener.as_fd(), id, connect(socket.as_fd()));
        };
        let thread = std::thread::Builder::new().stack_size(128 << 10);
        thread.spawn(waits).map_err(|error| errno(&error))?;
        Ok(None)
    }

    /// Its own sockets by path, and only sockets: a link in their place would
    /// lead us, who may go anywhere, to where it may not.
    fn connect_path(&self, socket: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
        if !self.is_own(path) {
            return Err(libc::EACCES);
        }
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = open(path, flags, Mode::empty()).map_err(|errno| errno as Errno)?;
        let mode = fstat(&file).map_err(|errno| errno as Errno)?.st_mode;
        if SFlag::from_bits_truncate(mode) & SFlag::S_IFMT != SFlag::S_IFSOCK {
            return Err(libc::EACCES);
        }
        let path = format!("/proc/self/fd/{}\0", file.as_raw_fd());
        let address = [&libc::AF_UNIX.to_ne_bytes()[..2], path.as_bytes()].concat();
        kernel::connect(socket, &address).map_err(|error| errno(&error))
    }

    fn is_own(&self, path: &Path) -> bool {
        self.policy.sockets.iter().any(|folder| path.parent() == Some(folder.as_path()))
    }

    /// A function serves on its own socket by path, and on no port; clients
    /// bind to a port of the kernel's choice.
    fn bind(&self, call: &Call) -> Result<i64, Errno> {
        let [socket, pointer, length, ..] = call.arguments;
        let address = Memory::of(call.thread).read(pointer, length.min(MAX_ADDRESS))?;
        let socket = self.socket(call, socket)?;
        match Target::of(&address)? {
            Target::Internet(own) if own.port() == 0 => {}
            Target::Path(path) if self.is_own(&path) => {}
            _ => return Err(libc::EACCES),
        }
        kernel::bind(socket.as_fd(), &address).map(|()| 0).map_err(|error| errno(&error))
    }

    fn listen(&self, call: &Call) -> Result<i64, Errno> {
        let [socket, backlog, ..] = call.arguments;
        let socket = self.socket(call, socket)?;
        let own = getsockname::<UnixAddr>(socket.as_raw_fd());
        if own.is_err() {
            return Err(libc::EACCES);
        }
        let backlog = i32::try_from(backlog.min(4096)).unwrap_or(4096);
        let backlog = Backlog::new(backlog).unwrap_or(Backlog::MAXCONN);
        listen(&socket, backlog).map(|()| 0).map_err(|errno| errno as Errno)
    }

    fn send_to(&self, call: &Call) -> Result<i64, Errno> {
        let [socket, data, length, flags, pointer, address_length] = call.arguments;
        let memory = Memory::of(call.thread);
        let address = memory.read(pointer, address_length.min(MAX_ADDRESS))?;
        let data = memory.read(data, length.min(MAX_SEND as u64))?;
        let socket = self.socket(call, socket)?;
        self.send(socket.as_fd(), &data, flags, &address)
    }

    fn send_message(&self, call: &Call) -> Result<i64, Errno> {
        let [socket, message, flags, ..] = call.arguments;
        let memory = Memory::of(call.thread);
        let message = memory.message(message, MAX_SEND)?;
        let socket = self.socket(call, socket)?;
        self.send(socket.as_fd(), &message.data, flags, &message.address)
    }

    fn send_messages(&self, call: &Call) -> Result<i64, Errno> {
        let [socket, pointer, count, flags, ..] = call.arguments;
        let memory = Memory::of(call.thread);
        let socket = self.socket(call, socket)?;
        let mut sent = 0;
        for index in 0..count.min(MAX_MESSAGES) {
            let place = pointer.wrapping_add(index * memory::MESSAGE_WITH_LENGTH);
            let result = memory
                .message(place, MAX_SEND)
                .and_then(|message| {
                    self.send(socket.as_fd(), &message.data, flags, &message.address)
                })
                .and_then(|length| memory.write_length(place, length));
            match result {
                Ok(()) => sent += 1,
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn send(
        &self,
        socket: BorrowedFd<'_>,
        data: &[u8],
        flags: u64,
        address: &[u8],
    ) -> Result<i64, Errno> {
        // Connects with its first bytes, which is `connect` by another name.
        let flags = i32::try_from(flags & u64::from(u32::MAX)).map_err(|_| libc::EINVAL)?;
        if flags & libc::MSG_FASTOPEN != 0 {
            return Err(libc::EOPNOTSUPP);
        }
        if !address.is_empty() {
            match Target::of(address)? {
                Target::Internet(to) => self.allows(to)?,
                Target::Path(_) | Target::Nobody => return Err(libc::EACCES),
            }
        }
        // We must not wait for one socket while others ask.
        let flags = flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let sent = kernel::send(socket, data, flags, address).map_err(|error| errno(&error))?;
        i64::try_from(sent).map_err(|_| libc::EINVAL)
    }

    fn allows(&self, to: SocketAddr) -> Result<(), Errno> {
        if self.policy.exceptions.allow(to.ip(), to.port()) {
            return Ok(());
        }
        tracing::debug!(pid = self.pid, address = %to, "a process was kept from an address");
        Err(libc::EACCES)
    }

    /// A duplicate of the caller's descriptor. The check that the call still
    /// waits comes after everything that was found by a number that may have
    /// passed to another process.
    fn socket(&self, call: &Call, number: u64) -> Result<OwnedFd, Errno> {
        let number = i32::try_from(number).map_err(|_| libc::EBADF)?;
        let process = process_of(call.thread).ok_or(libc::ESRCH)?;
        let other = if process == self.pid {
            None
        } else {
            // A program that the function started.
            let pid = Pid::from_raw(process).ok_or(libc::ESRCH)?;
            Some(pidfd_open(pid, PidfdFlags::empty()).map_err(rustix::io::Errno::raw_os_error)?)
        };
        let pidfd = other.as_ref().map_or(self.pidfd.as_fd(), |pidfd| pidfd.as_fd());
        let socket = pidfd_getfd(pidfd, number, PidfdGetfdFlags::empty())
            .map_err(rustix::io::Errno::raw_os_error)?;
        if kernel::still_waits(self.listener.as_fd(), call.id) {
            Ok(socket)
        } else {
            Err(libc::ESRCH)
        }
    }
}

/// Whom an address means.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Internet(SocketAddr),
    Path(PathBuf),
    Nobody,
}

impl Target {
    fn of(address: &[u8]) -> Result<Self, Errno> {
        let word = |at: usize| Some([*address.get(at)?, *address.get(at + 1)?]);
        let family = i32::from(u16::from_ne_bytes(word(0).ok_or(libc::EINVAL)?));
        let port = || word(2).map(u16::from_be_bytes).ok_or(libc::EINVAL);
        match family {
            libc::AF_UNSPEC => Ok(Self::Nobody),
            libc::AF_INET => {
                let bytes = address.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
                let ip = IpAddr::from(bytes.ok_or(libc::EINVAL)?);
                Ok(Self::Internet(SocketAddr::new(ip, port()?)))
            }
            libc::AF_INET6 => {
                let bytes = address.get(8..24).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
                let ip = IpAddr::from(bytes.ok_or(libc::EINVAL)?);
                Ok(Self::Internet(SocketAddr::new(ip, port()?)))
            }
            libc::AF_UNIX => {
                let path = address[2..].split(|byte| *byte == 0).next().unwrap_or_default();
                // Without a beginning it is a name that is no file's.
                if path.is_empty() {
                    return Err(libc::EACCES);
                }
                Ok(Self::Path(PathBuf::from(OsStr::from_bytes(path))))
            }
            _ => Err(libc::EAFNOSUPPORT),
        }
    }
}

/// Whether calls on it wait.
fn blocks(socket: BorrowedFd<'_>) -> bool {
    let flags = fcntl(socket, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
    // A datagram socket's address is a note, and nobody waits for that.
    let stream = getsockopt(&socket, sockopt::SockType) == Ok(SockType::Stream);
    stream && flags.is_ok_and(|flags| !flags.contains(OFlag::O_NONBLOCK))
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// The process that a thread belongs to.
fn process_of(thread: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_kernel_reads_it() {
        let v4 = [&libc::AF_INET.to_ne_bytes()[..2], &[0, 80, 127, 0, 0, 1], &[0; 8]].concat();
        assert_eq!(Target::of(&v4), Ok(Target::Internet("127.0.0.1:80".parse().unwrap())));
        let mut v6 =
            [&libc::AF_INET6.to_ne_bytes()[..2], &[0x1f, 0x90], &[0; 20], &[0; 4]].concat();
        v6[23] = 1;
        assert_eq!(Target::of(&v6), Ok(Target::Internet("[::1]:8080".parse().unwrap())));
        let unix = [&libc::AF_UNIX.to_ne_bytes()[..2], b"/a/b.sock\0rest"].concat();
        assert_eq!(Target::of(&unix), Ok(Target::Path("/a/b.sock".into())));
        let hidden = [&libc::AF_UNIX.to_ne_bytes()[..2], b"\0name"].concat();
        assert_eq!(Target::of(&hidden), Err(libc::EACCES));
        assert_eq!(Target::of(&v4[..6]), Err(libc::EINVAL));
        assert_eq!(Target::of(&[]), Err(libc::EINVAL));
        assert_eq!(Target::of(&[0, 0]), Ok(Target::Nobody));
        assert_eq!(Target::of(&[17, 0, 1, 1]), Err(libc::EAFNOSUPPORT));
    }
}
