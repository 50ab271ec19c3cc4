//! How the gateway reaches one process: its address, its token, and the
//! connections to it that are open and unused.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use tokio::net::UnixStream;

use super::alarm::Alarm;
use super::socket::Socket;
use crate::http1::stream::Incoming;

/// Unused connections kept per instance and lane. More than a busy instance
/// has requests at once would only hold descriptors.
const MAX_UNUSED: usize = 64;

thread_local! {
    static LANE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Says that this thread is the gateway's `lane`-th. A connection stays on the
/// lane that opened it, so it is never moved between two threads' pollers.
pub fn enter_lane(lane: usize) {
    LANE.set(Some(lane));
}

/// The address of one process.
#[derive(Debug)]
pub struct Link {
    /// The Unix socket that it serves on. Not by its path: the folder is the
    /// process's own, so a function could put something else in its place.
    socket: OwnedFd,
    /// Where that was found, for people.
    pub path: PathBuf,
    /// What every request to it must carry.
    pub token: String,
    unused: Vec<Mutex<Vec<Connection>>>,
    /// The connection that warmed a spare up, on no lane yet.
    warmed: Mutex<Option<StdUnixStream>>,
}

/// One connection to a process, and what was read of it and not yet used.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub socket: Socket,
    /// What was read of it and not used.
    pub incoming: Incoming,
    /// When its request takes too long.
    pub alarm: Alarm,
}

impl Link {
    /// An address that `lanes` threads will connect to. What lies at the path
    /// now is the socket for good, so this comes before any function's code.
    pub fn open(socket: &Path, token: String, lanes: usize) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let path = socket.to_owned();
        let socket = open(socket, flags, Mode::empty())?;
        let unused = (0..lanes).map(|_| Mutex::default()).collect();
        Ok(Self { socket, path, token, unused, warmed: Mutex::default() })
    }

    /// An unused connection, last in first out, or a new one.
    pub async fn connect(&self) -> io::Result<Connection> {
        if let Some(connection) = self.take_unused() {
            return Ok(connection);
        }
        self.connect_anew().await
    }

    /// A new connection.
    pub async fn connect_anew(&self) -> io::Result<Connection> {
        let path = format!("/proc/self/fd/{}", self.socket.as_raw_fd());
        let stream = UnixStream::connect(path).await?;
        Connection::new(stream.into_std()?)
    }

    fn take_unused(&self) -> Option<Connection> {
        let lane = LANE.get()?;
        loop {
            let next = lock(self.unused.get(lane)?).pop();
            let Some(connection) = next else { break };
            if connection.socket.is_open() {
                return Some(connection);
            }
        }
        let connection = Connection::new(lock(&self.warmed).take()?).ok()?;
        connection.socket.is_open().then_some(connection)
    }

    /// Keeps a connection whose last response has been read to its end.
    pub fn give_back(&self, connection: Connection) {
        let lane = LANE.get().and_then(|lane| self.unused.get(lane));
        if let Some(unused) = lane.map(lock).as_mut()
            && unused.len() < MAX_UNUSED
        {
            unused.push(connection);
        }
    }

    /// Keeps the connection that warmed the process up.
    pub fn keep_warmed(&self, connection: Connection) {
        if let Ok(socket) = connection.socket.into_std() {
            *lock(&self.warmed) = Some(socket);
        }
    }
}

impl Connection {
    fn new(socket: StdUnixStream) -> io::Result<Self> {
        let incoming = BytesMut::new().into();
        Ok(Self { socket: Socket::new(socket)?, incoming, alarm: Alarm::default() })
    }
}

/// The data behind these locks is whole at every point where a panic could
/// strike, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
