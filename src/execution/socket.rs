//! The gateway's end of a connection to a process.
//!
//! Whoever reads from a Unix socket wakes its writer, if that watches for room
//! to write. The runtime's own socket always does, so each request that a
//! process reads would wake its lane for nothing. This one watches for what
//! comes, and for room only once there was none.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::http1::stream::Stream;

/// A connected Unix socket. The runtime has types that watch one direction for
/// pipes only, and reads and writes them as it does everything else.
#[derive(Debug)]
pub struct Socket {
    reading: pipe::Receiver,
    /// The same socket once more, since it was full for the first time.
    writing: OnceLock<pipe::Sender>,
}

impl Socket {
    /// Takes over a socket that does not block.
    pub fn new(socket: StdUnixStream) -> io::Result<Self> {
        let reading = pipe::Receiver::from_owned_fd_unchecked(OwnedFd::from(socket))?;
        Ok(Self { reading, writing: OnceLock::new() })
    }

    /// The socket alone, which no runtime watches.
    pub fn into_std(self) -> io::Result<StdUnixStream> {
        self.reading.into_nonblocking_fd().map(StdUnixStream::from)
    }

    /// The runtime's own kind of socket, for both directions at once.
    pub fn into_stream(self) -> io::Result<UnixStream> {
        UnixStream::from_std(self.into_std()?)
    }

    /// Whether the other end has not closed it. Bytes that nobody asked for go
    /// to `buffer`, and make it unusable as well.
    pub fn is_open(&self, buffer: &mut BytesMut) -> bool {
        let read = self.reading.try_read_buf(buffer);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn writing(&self) -> io::Result<&pipe::Sender> {
        if let Some(writing) = self.writing.get() {
            return Ok(writing);
        }
        let socket = self.reading.as_fd().try_clone_to_owned()?;
        let writing = pipe::Sender::from_owned_fd_unchecked(socket)?;
        Ok(self.writing.get_or_init(|| writing))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reading).poll_read(context, buffer)
    }
}

impl Stream for Socket {
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing()?.poll_write_ready(context)
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.writing.get() {
            Some(writing) => writing.try_write_vectored(parts),
            None => Ok(rustix::io::writev(&self.reading, parts)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;

    use super::*;

    fn pair() -> (Socket, Socket) {
        let (one, other) = StdUnixStream::pair().unwrap();
        let socket = |stream: StdUnixStream| {
            stream.set_nonblocking(true).unwrap();
            Socket::new(stream).unwrap()
        };
        (socket(one), socket(other))
    }

    #[tokio::test]
    async fn all_of_what_is_more_than_fits_arrives_in_order() {
        let (sender, mut receiver) = pair();
        let sent: Vec<u8> = (0..4 << 20).map(|n: u32| n.to_le_bytes()[n as usize % 4]).collect();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            let mut left = &sent[..];
            while !left.is_empty() {
                match sender.try_write(&[IoSlice::new(left)]) {
                    Ok(written) => left = &left[written..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        poll_fn(|context| sender.poll_writable(context)).await.unwrap();
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let mut received = Vec::new();
        receiver.read_to_end(&mut received).await.unwrap();
        sending.await.unwrap();
        assert!(received == expected);
    }

    #[tokio::test]
    async fn it_is_open_until_the_other_end_closes_or_says_something() {
        let (ours, theirs) = pair();
        let mut buffer = BytesMut::new();
        assert!(ours.is_open(&mut buffer));
        drop(theirs);
        ours.reading.readable().await.unwrap();
        assert!(!ours.is_open(&mut buffer));

        let (ours, theirs) = pair();
        theirs.try_write(&[IoSlice::new(b"a")]).unwrap();
        ours.reading.readable().await.unwrap();
        assert!(!ours.is_open(&mut buffer));
    }
}
