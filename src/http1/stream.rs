//! The few socket calls that reading and writing messages needs.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::net::{TcpStream, UnixStream};

/// How much is asked of a socket in one call. Large enough that a body of a
/// megabyte takes few calls, small enough for a thousand connections.
const READ_SIZE: usize = 64 * 1024;
/// Below this much room the buffer is grown before it is read into.
const MIN_ROOM: usize = 4 * 1024;

/// A connected socket that can be read and written through a shared reference,
/// each by one task at a time.
pub trait Stream: Send + Sync + 'static {
    /// Registers for readability.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Registers for writability.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Reads what is there.
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize>;
    /// Writes what fits.
    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}

macro_rules! stream {
    ($socket:ty) => {
        impl Stream for $socket {
            fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_read_ready(context)
            }
            fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_write_ready(context)
            }
            fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
                self.try_read_buf(buffer)
            }
            fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
                self.try_write_vectored(parts)
            }
        }
    };
}
stream!(TcpStream);
stream!(UnixStream);

/// Reads some bytes to the end of `buffer`; 0 is the end of the stream.
pub fn poll_read<S: Stream>(
    stream: &S,
    context: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    loop {
        // Asking first keeps an idle connection from holding a large buffer.
        ready!(stream.poll_readable(context))?;
        if buffer.capacity() - buffer.len() < MIN_ROOM {
            buffer.reserve(READ_SIZE);
        }
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}

/// Reads some bytes to the end of `buffer`; 0 is the end of the stream.
pub async fn read<S: Stream>(stream: &S, buffer: &mut BytesMut) -> io::Result<usize> {
    std::future::poll_fn(|context| poll_read(stream, context, buffer)).await
}
