//! A client's body on its way to a function, whatever protocol it came by.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body;
use tokio::net::tcp::OwnedReadHalf;

use super::reply::{Code, Failure};
use crate::http1::body::{BadBody, Decoded, Decoder, Framing};
use crate::http1::stream::Incoming;

/// What is read ahead of a client that sends its next request already.
const MAX_READ_AHEAD: usize = 16 * 1024;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Why a client's body did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum RequestBodyError {
    /// The client is gone.
    #[error("the client closed the connection")]
    Gone,
    /// The body breaks its framing.
    #[error(transparent)]
    Malformed(#[from] BadBody),
    /// The body is larger than the gateway takes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
}

impl From<RequestBodyError> for io::Error {
    fn from(error: RequestBodyError) -> Self {
        Self::other(error)
    }
}

impl From<RequestBodyError> for Failure {
    fn from(error: RequestBodyError) -> Self {
        let code = match error {
            RequestBodyError::TooLarge(_) => Code::BodyTooLarge,
            RequestBodyError::Malformed(_) => Code::BadRequest,
            RequestBodyError::Gone => Code::ClientGone,
        };
        Self::new(code, error.to_string())
    }
}

/// The reading side of an HTTP/1 connection. The connection and the body of
/// its current request both hold it, in one task, so its lock is never waited
/// for.
#[derive(Debug)]
pub struct Reader {
    state: Mutex<ReaderState>,
}

#[derive(Debug)]
struct ReaderState {
    half: OwnedReadHalf,
    incoming: Incoming,
    decoder: Decoder,
    /// Bytes of body that may still come.
    allowance: u64,
    /// The client waits for a word before it sends the body.
    expects_continue: bool,
}

impl Reader {
    /// Reads from `half`, of which `ahead` has been read already.
    pub fn new(half: OwnedReadHalf, ahead: BytesMut) -> Arc<Self> {
        let decoder = Decoder::new(Framing::Empty);
        let incoming = ahead.into();
        let state = ReaderState { half, incoming, decoder, allowance: 0, expects_continue: false };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// What has been read and not used.
    pub fn with_buffer<T>(&self, act: impl FnOnce(&mut BytesMut) -> T) -> T {
        act(&mut self.lock().incoming.bytes)
    }

    /// Reads some more; 0 is the end.
    pub async fn read(&self) -> io::Result<usize> {
        std::future::poll_fn(|context| self.lock().poll_read(context)).await
    }

    /// The body of the request whose head has just been taken off the buffer.
    pub fn body(
        self: &Arc<Self>,
        framing: Framing,
        limit: u64,
        expects_continue: bool,
    ) -> ClientBody {
        let mut state = self.lock();
        state.decoder = Decoder::new(framing);
        state.allowance = limit;
        state.expects_continue = expects_continue;
        drop(state);
        ClientBody { reader: Arc::clone(self), limit }
    }

    /// Whether the current request's body has been read to its end.
    pub fn is_at_end(&self) -> bool {
        self.lock().decoder.is_end()
    }

    /// Whether the client still waits to be told to send its body.
    pub fn is_awaiting_continue(&self) -> bool {
        self.lock().expects_continue
    }

    /// Ready when the client has gone. Meanwhile it reads ahead a little of
    /// what the client sends next. Says nothing while a body is being read:
    /// whoever reads that will notice.
    pub fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.lock();
        while state.decoder.is_end() && state.incoming.bytes.len() < MAX_READ_AHEAD {
            match ready!(state.poll_read(context)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }

    /// Reads and forgets what is left of the body, if it is no more than
    /// `limit` bytes. Says whether the next request can be read.
    pub async fn skip_body(&self, limit: usize) -> bool {
        let mut skipped = 0;
        loop {
            let decoded = {
                let state = &mut *self.lock();
                state.decoder.decode(&mut state.incoming.bytes)
            };
            match decoded {
                Ok(Decoded::End | Decoded::Trailers(_)) => return true,
                Ok(Decoded::Data(data)) => skipped += data.len(),
                Ok(Decoded::NeedMore) if skipped <= limit => {
                    if !self.read().await.is_ok_and(|read| read > 0) {
                        return false;
                    }
                }
                Ok(Decoded::NeedMore) | Err(_) => return false,
            }
        }
    }

    /// The socket's half, once nothing else reads from it.
    pub fn into_half(self: Arc<Self>) -> Option<OwnedReadHalf> {
        let state = Arc::into_inner(self)?.state.into_inner();
        Some(state.unwrap_or_else(PoisonError::into_inner).half)
    }

    fn lock(&self) -> MutexGuard<'_, ReaderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderState {
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.incoming.poll_read(&mut self.half, context)
    }
}

/// The body of one request on an HTTP/1 connection.
#[derive(Debug)]
pub struct ClientBody {
    reader: Arc<Reader>,
    limit: u64,
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let state = &mut *self.reader.lock();
        if std::mem::take(&mut state.expects_continue) {
            // Nothing else is on its way to the client yet, so it always fits.
            state.half.as_ref().try_write(CONTINUE).map_err(|_| RequestBodyError::Gone)?;
        }
        loop {
            match state.decoder.decode(&mut state.incoming.bytes)? {
                Decoded::Data(data) => {
                    let left = state.allowance.checked_sub(data.len() as u64);
                    state.allowance = left.ok_or(RequestBodyError::TooLarge(self.limit))?;
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Decoded::Trailers(trailers) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Decoded::End => return Poll::Ready(None),
                Decoded::NeedMore => match ready!(state.poll_read(context)) {
                    Ok(0) | Err(_) => return Poll::Ready(Some(Err(RequestBodyError::Gone))),
                    Ok(_) => {}
                },
            }
        }
    }
}

/// The body of a request on an HTTP/2 stream.
#[derive(Debug)]
pub struct StreamBody {
    incoming: body::Incoming,
    limit: u64,
    allowance: u64,
}

impl StreamBody {
    /// At most `limit` bytes of `incoming`.
    pub fn new(incoming: body::Incoming, limit: u64) -> Self {
        Self { incoming, limit, allowance: limit }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let frame = match ready!(Pin::new(&mut self.incoming).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return Poll::Ready(Some(Err(RequestBodyError::Gone))),
            None => return Poll::Ready(None),
        };
        if let Some(data) = frame.data_ref() {
            let left = self.allowance.checked_sub(data.len() as u64);
            self.allowance = left.ok_or(RequestBodyError::TooLarge(self.limit))?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
