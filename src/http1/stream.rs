//! The few socket calls that reading and writing messages needs.

use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

/// What a socket is asked for at first. A request's head fits, and a thousand
/// idle connections hold little.
const FIRST_READ: usize = 4 * 1024;
/// What it is asked for at most. A body of a megabyte takes few calls.
const LARGEST_READ: usize = 128 * 1024;

/// A connected socket that can be written through a shared reference, by one
/// task at a time.
pub trait Stream {
    /// Registers for writability.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Writes what fits.
    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Stream for TcpStream {
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(context)
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(parts)
    }
}

/// What has been read of a connection and not used yet.
#[derive(Debug)]
pub struct Incoming {
    /// The bytes.
    pub bytes: BytesMut,
    /// How much the next read asks for: twice as much after each that filled
    /// its room, as those of a large body do.
    appetite: usize,
}

impl From<BytesMut> for Incoming {
    fn from(bytes: BytesMut) -> Self {
        Self { bytes, appetite: FIRST_READ }
    }
}

impl Incoming {
    /// Reads some more; 0 is the end of the stream.
    pub fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        stream: &mut R,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.capacity() - self.bytes.len() < self.appetite / 2 {
            self.bytes.reserve(self.appetite);
        }
        let room = self.bytes.capacity() - self.bytes.len();
        let read = ready!(pin!(stream.read_buf(&mut self.bytes)).poll(context))?;
        if read == room {
            self.appetite = (self.appetite * 2).min(LARGEST_READ);
        }
        Poll::Ready(Ok(read))
    }

    /// Reads some more; 0 is the end of the stream.
    pub async fn read<R: AsyncRead + Unpin>(&mut self, stream: &mut R) -> io::Result<usize> {
        std::future::poll_fn(|context| self.poll_read(stream, context)).await
    }
}
