//! A body on its way to a socket, with the head before it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::body::Framing;
use super::head::write_fields;
use super::stream::Stream;

/// Once so many bytes wait for the socket, the body is not asked for more.
/// This is the whole of what one direction of a slow connection holds.
const HIGH_WATER: usize = 64 * 1024;
/// What one body may write before the other tasks of its thread have a turn.
/// Between two sockets that are always ready, it would go on for milliseconds.
const TURN: usize = 256 * 1024;
/// The first 16 MiB go as fast as they can; after that it rests after each MiB.
const FREE_TURNS: u32 = 64;
const TURNS_BETWEEN_RESTS: u32 = 4;
/// The kernel lets others wait long for a processor that a thread keeps busy,
/// as it would be by one endless body and a client that reads it.
const REST: Duration = Duration::from_millis(1);
/// Parts handed to the kernel in one call.
const MAX_PARTS: usize = 16;

/// Writes a head and then a body, never holding more than a little of it.
#[derive(Debug)]
pub struct Outgoing<B> {
    queue: Queue,
    body: Option<B>,
    framing: Framing,
    /// What is left of this turn, in bytes.
    turn: usize,
    turns: u32,
    rest: Option<Pin<Box<Sleep>>>,
}

/// Why a body did not reach its socket.
#[derive(Debug)]
pub enum OutgoingError<E> {
    /// The body itself failed.
    Body(E),
    /// It ended too early, or went on too long, for the length in its head.
    WrongLength,
    /// The socket failed.
    Socket(io::Error),
}

impl<B> Outgoing<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Begins with `head`, which must already announce `framing`.
    pub fn new(head: Bytes, body: Option<B>, framing: Framing) -> Self {
        let body = body.filter(|_| framing != Framing::Empty);
        Self { queue: Queue::new(head), body, framing, turn: TURN, turns: 0, rest: None }
    }

    /// Whether the body has been taken in whole.
    pub fn is_end(&self) -> bool {
        self.body.is_none() && self.queue.is_empty()
    }

    /// Bytes that were taken in and that the socket has not taken yet.
    pub fn unwritten(&self) -> usize {
        self.queue.length
    }

    /// Moves on as far as body and socket allow; ready when all is written.
    pub fn poll_write<S: Stream>(
        &mut self,
        stream: &S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), OutgoingError<B::Error>>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        loop {
            let mut body_pending = false;
            while let Some(body) = &mut self.body {
                if self.queue.length >= HIGH_WATER {
                    break;
                }
                match Pin::new(body).poll_frame(context) {
                    Poll::Pending => {
                        body_pending = true;
                        break;
                    }
                    Poll::Ready(Some(Ok(frame))) => self.push(frame)?,
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(OutgoingError::Body(error)));
                    }
                    Poll::Ready(None) => {
                        self.body = None;
                        self.end()?;
                    }
                }
            }
            self.turn = self.turn.saturating_sub(self.queue.length);
            ready!(self.queue.poll_flush(stream, context)).map_err(OutgoingError::Socket)?;
            if self.body.is_none() {
                return Poll::Ready(Ok(()));
            }
            if body_pending {
                return Poll::Pending;
            }
            if self.turn == 0 {
                self.turn = TURN;
                self.turns = self.turns.saturating_add(1);
                if self.turns < FREE_TURNS || !self.turns.is_multiple_of(TURNS_BETWEEN_RESTS) {
                    // Comes back after the thread has looked at its sockets,
                    // which a plain wake-up would not let it do first.
                    return pin!(tokio::task::yield_now()).poll(context).map(Ok);
                }
                let rest = self.rest.insert(Box::pin(sleep(REST)));
                return rest.as_mut().poll(context).map(Ok);
            }
        }
    }

    fn push(&mut self, frame: Frame<Bytes>) -> Result<(), OutgoingError<B::Error>> {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => match &mut self.framing {
                Framing::Length(left) => {
                    *left =
                        left.checked_sub(data.len() as u64).ok_or(OutgoingError::WrongLength)?;
                    self.queue.push(data);
                }
                Framing::Chunked => {
                    self.queue.push(Bytes::from(format!("{:x}\r\n", data.len())));
                    self.queue.push(data);
                    self.queue.push(Bytes::from_static(b"\r\n"));
                }
                Framing::UntilClose => self.queue.push(data),
                Framing::Empty => return Err(OutgoingError::WrongLength),
            },
            // Trailers end a body, and only a chunked one can carry them.
            Err(frame) => {
                self.body = None;
                match (frame.into_trailers(), self.framing) {
                    (Ok(trailers), Framing::Chunked) => {
                        let mut text = BytesMut::from(&b"0\r\n"[..]);
                        write_fields(&mut text, &trailers);
                        text.extend_from_slice(b"\r\n");
                        self.queue.push(text.freeze());
                    }
                    _ => self.end()?,
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), OutgoingError<B::Error>> {
        match self.framing {
            Framing::Length(left) if left > 0 => return Err(OutgoingError::WrongLength),
            Framing::Chunked => self.queue.push(Bytes::from_static(b"0\r\n\r\n")),
            _ => {}
        }
        Ok(())
    }
}

/// Bytes that wait for a socket.
#[derive(Debug)]
struct Queue {
    parts: VecDeque<Bytes>,
    length: usize,
}

impl Queue {
    fn new(first: Bytes) -> Self {
        // Most bodies come in one part.
        let mut parts = VecDeque::with_capacity(4);
        let length = first.len();
        parts.push_back(first);
        Self { parts, length }
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn push(&mut self, part: Bytes) {
        self.length += part.len();
        self.parts.push_back(part);
    }

    fn poll_flush<S: Stream>(
        &mut self,
        stream: &S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_PARTS];
            let count = self.parts.len().min(MAX_PARTS);
            for (slice, part) in slices.iter_mut().zip(&self.parts) {
                *slice = IoSlice::new(part);
            }
            match stream.try_write(&slices[..count]) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_writable(context))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        self.length -= count;
        while let Some(first) = self.parts.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.parts.pop_front();
        }
    }
}
