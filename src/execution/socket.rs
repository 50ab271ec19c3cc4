//! The gateway's end of a connection to a process.
//!
//! Whoever reads from a Unix socket wakes its writer, if that watches for room
//! to write, as the runtimes of both ends do. So a process that has answered
//! would be woken once more, by the answer's being read, to find nothing to do;
//! and so would its lane by each request. Hence two habits of this end:
//!
//! - It watches for what comes, and for room only once there was none.
//! - An answer that is short is copied and left where it is. It is taken out
//!   right after the next request, which wakes the process anyway.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::http1::stream::Stream;

/// Answers with fewer bytes are left in the socket.
const SHORT: usize = 2048;

/// A connected Unix socket. The runtime has types that watch one direction for
/// pipes only, and reads and writes them as it does everything else.
#[derive(Debug)]
pub struct Socket {
    reading: pipe::Receiver,
    /// The same socket once more, since it was full for the first time.
    writing: OnceLock<pipe::Sender>,
    /// Something was written, and nothing read since.
    asked: AtomicBool,
    /// Bytes that were read and left in the socket.
    left: AtomicUsize,
}

impl Socket {
    /// Takes over a socket that does not block.
    pub fn new(socket: StdUnixStream) -> io::Result<Self> {
        let reading = pipe::Receiver::from_owned_fd_unchecked(OwnedFd::from(socket))?;
        let (asked, left) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Self { reading, writing: OnceLock::new(), asked, left })
    }

    /// The socket alone, which no runtime watches.
    pub fn into_std(self) -> io::Result<StdUnixStream> {
        self.take_out()?;
        self.reading.into_nonblocking_fd().map(StdUnixStream::from)
    }

    /// The runtime's own kind of socket, for both directions at once.
    pub fn into_stream(self) -> io::Result<UnixStream> {
        UnixStream::from_std(self.into_std()?)
    }

    /// Whether it can carry a request: the other end has neither closed it nor
    /// sent what nobody asked for.
    pub fn is_open(&self) -> bool {
        let read = self.reading.try_io(|| {
            self.take_out()?;
            Ok(recv(&self.reading, &mut [0; 1], RecvFlags::empty())?)
        });
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Copies a short answer. 0 means that there is none, and that what there
    /// is must be read.
    fn poll_short(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.reading.poll_read_ready(context))?;
            let (mut room, mut copied) = ([const { MaybeUninit::uninit() }; SHORT], 0);
            let looked = self.reading.try_io(|| {
                let ((bytes, _), _) = recv(&self.reading, &mut room, RecvFlags::PEEK)?;
                if bytes.is_empty() || bytes.len() == SHORT || bytes.len() > buffer.remaining() {
                    return Ok(());
                }
                buffer.put_slice(bytes);
                copied = bytes.len();
                // So that the runtime waits for what comes after it.
                Err(io::ErrorKind::WouldBlock.into())
            });
            match looked {
                Ok(()) => return Poll::Ready(Ok(0)),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                Err(_) if copied == 0 => {}
                Err(_) => {
                    self.left.store(copied, Relaxed);
                    return Poll::Ready(Ok(copied));
                }
            }
        }
    }

    /// Takes out what was left. Anything else than just that would be read a
    /// second time, as another answer.
    fn take_out(&self) -> io::Result<()> {
        let left = self.left.swap(0, Relaxed);
        if left == 0 {
            return Ok(());
        }
        let mut room = [const { MaybeUninit::uninit() }; SHORT];
        let ((bytes, _), _) = recv(&self.reading, &mut room[..left], RecvFlags::empty())?;
        if bytes.len() == left { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
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
        if *self.asked.get_mut() {
            let copied = ready!(self.poll_short(context, buffer));
            *self.asked.get_mut() = false;
            // The kernel tells an error once.
            if copied? > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        self.take_out()?;
        Pin::new(&mut self.reading).poll_read(context, buffer)
    }
}

impl Stream for Socket {
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writing()?.poll_write_ready(context)
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = match self.writing.get() {
            Some(writing) => writing.try_write_vectored(parts)?,
            None => rustix::io::writev(&self.reading, parts)?,
        };
        self.asked.store(true, Relaxed);
        self.take_out()?;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};

    use tokio::io::AsyncReadExt;

    use super::*;

    fn pair() -> (Socket, StdUnixStream) {
        let (ours, theirs) = StdUnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Socket::new(ours).unwrap(), theirs)
    }

    fn write(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        socket.try_write(&[IoSlice::new(bytes)])
    }

    fn ask(ours: &Socket, theirs: &mut StdUnixStream) {
        assert_eq!(write(ours, b"ask").unwrap(), 3);
        theirs.read_exact(&mut [0; 3]).unwrap();
    }

    async fn read(socket: &mut Socket) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * SHORT);
        socket.read_buf(&mut bytes).await.unwrap();
        bytes
    }

    /// Bytes that lie in a socket.
    fn held(socket: &Socket) -> usize {
        let (count, _) =
            recv(&socket.reading, &mut [0; 4 * SHORT], RecvFlags::PEEK).unwrap_or((0, 0));
        count
    }

    #[tokio::test]
    async fn a_short_answer_is_taken_out_with_the_next_request_and_read_once() {
        let (mut ours, mut theirs) = pair();
        for answer in ["one", "two", "three"] {
            ask(&ours, &mut theirs);
            assert_eq!(held(&ours), 0);
            theirs.write_all(answer.as_bytes()).unwrap();
            assert_eq!(read(&mut ours).await, answer.as_bytes());
            assert_eq!(held(&ours), answer.len());
            assert!(ours.is_open());
        }
        // What follows an answer comes after it.
        theirs.write_all(b"more").unwrap();
        assert_eq!(read(&mut ours).await, b"more");
        assert_eq!(held(&ours), 0);
        let mut ours = ours.into_stream().unwrap();
        theirs.write_all(b"end").unwrap();
        drop(theirs);
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"end");
    }

    #[tokio::test]
    async fn an_answer_of_any_length_is_whole_in_whatever_pieces_it_is_read() {
        for length in [1, SHORT - 1, SHORT, SHORT + 1, 4 * SHORT] {
            for piece in [1, 100, length] {
                let (mut ours, mut theirs) = pair();
                ask(&ours, &mut theirs);
                let answer: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
                theirs.write_all(&answer).unwrap();
                drop(theirs);
                let (mut read, mut bytes) = (Vec::new(), vec![0; piece]);
                loop {
                    match ours.read(&mut bytes).await.unwrap() {
                        0 => break,
                        count => read.extend_from_slice(&bytes[..count]),
                    }
                }
                assert!(read == answer, "{length} bytes by {piece}");
            }
        }
    }

    #[tokio::test]
    async fn the_end_of_one_who_has_not_read_all_is_told_from_that_of_one_who_has() {
        for answers in [false, true] {
            let (mut ours, mut theirs) = pair();
            if answers {
                ask(&ours, &mut theirs);
                theirs.write_all(b"answer").unwrap();
                read(&mut ours).await;
            }
            write(&ours, b"ask").unwrap();
            drop(theirs);
            let error = ours.read(&mut [0; 1]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        let (mut ours, mut theirs) = pair();
        ask(&ours, &mut theirs);
        drop(theirs);
        assert_eq!(ours.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn all_of_what_is_more_than_fits_arrives_in_order() {
        let (ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..4 << 20).map(|n: u32| n.to_le_bytes()[n as usize % 4]).collect();
        let expected = sent.clone();
        let reading = std::thread::spawn(move || {
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            received
        });
        let mut left = &sent[..];
        while !left.is_empty() {
            match write(&ours, left) {
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|context| ours.poll_writable(context)).await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        drop(ours);
        assert!(reading.join().unwrap() == expected);
    }

    #[tokio::test]
    async fn it_is_open_until_the_other_end_closes_or_says_what_nobody_asked_for() {
        for last in [&b""[..], b"a"] {
            let (mut ours, mut theirs) = pair();
            ask(&ours, &mut theirs);
            theirs.write_all(b"answer").unwrap();
            assert_eq!(read(&mut ours).await, b"answer");
            assert!(ours.is_open());
            theirs.write_all(last).unwrap();
            drop(theirs);
            ours.reading.readable().await.unwrap();
            assert!(!ours.is_open(), "after {last:?}");
        }
    }
}
