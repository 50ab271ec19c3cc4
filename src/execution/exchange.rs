//! One request and its response on one connection to an instance.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::lease::{Lease, Origin};
use super::link::Connection;
use crate::http1::body::{Decoded, Decoder, Framing};
use crate::http1::head::{self, BadHead, ResponseHead};
use crate::http1::outgoing::{Outgoing, OutgoingError};

/// A response's head from a function may be this large.
const MAX_RESPONSE_HEAD: usize = 256 * 1024;
/// The same for people.
pub const RESPONSE_HEAD: &str = "256 KiB, 256 fields";

/// One request on its way, and its response.
///
/// The request's body is sent whenever the response is asked for, so both
/// stream at once, in one task and without a buffer between them. Dropping the
/// exchange closes the connection, which is how a function learns that nobody
/// waits any more.
#[derive(Debug)]
pub struct Exchange<B> {
    connection: Connection,
    outgoing: Outgoing<B>,
    /// The instance stopped reading. Its response may come all the same.
    deaf: bool,
}

/// Why there is no response.
#[derive(Debug)]
pub enum ExchangeError<E> {
    /// The client did not send its body.
    RequestBody(E),
    /// The instance closed the connection.
    Broken {
        /// Whether it may have seen the request, if that has no body. A Unix
        /// socket tells: it is reset if something in it was never read.
        seen: bool,
    },
    /// What the instance sent is not a response.
    NotAResponse(BadHead),
}

impl<B> Exchange<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Begins to send a request, whose head announces `framing`.
    pub fn new(connection: Connection, head: Bytes, body: Option<B>, framing: Framing) -> Self {
        Self { connection, outgoing: Outgoing::new(head, body, framing), deaf: false }
    }

    /// Sends the request until the response's head is there.
    pub async fn response(
        &mut self,
        method: &Method,
    ) -> Result<ResponseHead, ExchangeError<B::Error>> {
        std::future::poll_fn(|context| self.poll_response(context, method)).await
    }

    /// The same, for so long; `None` if that is not long enough.
    pub async fn response_within(
        &mut self,
        limit: Duration,
        method: &Method,
    ) -> Option<Result<ResponseHead, ExchangeError<B::Error>>> {
        let due = Instant::now() + limit;
        std::future::poll_fn(|context| {
            if let Poll::Ready(result) = self.poll_response(context, method) {
                return Poll::Ready(Some(result));
            }
            self.connection.alarm.poll(due, context).map(|()| None)
        })
        .await
    }

    fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ResponseHead, ExchangeError<B::Error>>> {
        self.poll_send(context).map_err(ExchangeError::RequestBody)?;
        loop {
            let Connection { socket, incoming, .. } = &mut self.connection;
            match head::take_response(&mut incoming.bytes, MAX_RESPONSE_HEAD, method) {
                Ok(Some(ResponseHead { parts, .. }))
                    if parts.status.is_informational()
                        && parts.status != StatusCode::SWITCHING_PROTOCOLS => {}
                Ok(Some(response)) => return Poll::Ready(Ok(response)),
                Ok(None) => match ready!(incoming.poll_read(socket, context)) {
                    Ok(1..) => {}
                    end => {
                        let seen = end.is_ok() && self.outgoing.is_end();
                        return Poll::Ready(Err(ExchangeError::Broken { seen }));
                    }
                },
                Err(error) => return Poll::Ready(Err(ExchangeError::NotAResponse(error))),
            }
        }
    }

    /// Sends what can be sent. Only the client's own failure is an error.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), B::Error> {
        if self.deaf || self.outgoing.is_end() {
            return Ok(());
        }
        match self.outgoing.poll_write(&self.connection.socket, context) {
            Poll::Pending | Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(OutgoingError::Body(error))) => Err(error),
            Poll::Ready(Err(OutgoingError::Socket(_) | OutgoingError::WrongLength)) => {
                self.deaf = true;
                Ok(())
            }
        }
    }
}

/// The body of an instance's response. It holds the lease, so the request is
/// over when the body is.
#[derive(Debug)]
pub struct InstanceBody<B> {
    /// How the instance came to be.
    pub origin: Origin,
    /// Gone once the body has been read to its end.
    open: Option<Open<B>>,
    decoder: Decoder,
    reusable: bool,
}

#[derive(Debug)]
struct Open<B> {
    exchange: Exchange<B>,
    /// Goes back when this is dropped.
    lease: Lease,
}

impl<B> InstanceBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<io::Error>,
{
    /// The body that follows a response's head.
    pub fn new(exchange: Exchange<B>, lease: Lease, framing: Framing, reusable: bool) -> Self {
        let (origin, decoder) = (lease.origin, Decoder::new(framing));
        let open = Some(Open { exchange, lease });
        let mut body = Self { origin, open, decoder, reusable };
        if body.decoder.is_end() && body.reusable {
            body.finish();
        }
        body
    }

    /// The connection after a change of protocol, and the lease on it.
    pub fn into_tunnel(self) -> Option<(UnixStream, BytesMut, impl Send)> {
        let Open { exchange, lease, .. } = self.open?;
        let Connection { socket, incoming, .. } = exchange.connection;
        // Without it there is nothing to speak through.
        Some((socket.into_stream().ok()?, incoming.bytes, lease))
    }

    /// The body has ended well: the connection can serve the next request.
    fn finish(&mut self) {
        let Some(Open { exchange, lease }) = self.open.take() else { return };
        let clean = exchange.connection.incoming.bytes.is_empty() && exchange.outgoing.is_end();
        if self.reusable && clean && !exchange.deaf {
            lease.instance.link.give_back(exchange.connection);
        }
    }
}

impl<B> Body for InstanceBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<io::Error>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            let Some(Open { exchange, .. }) = &mut this.open else { return Poll::Ready(None) };
            if let Err(error) = exchange.poll_send(context) {
                return Poll::Ready(Some(Err(error.into())));
            }
            let Connection { socket, incoming, .. } = &mut exchange.connection;
            match this.decoder.decode(&mut incoming.bytes) {
                Ok(Decoded::Data(data)) => {
                    if this.decoder.is_end() {
                        this.finish();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Decoded::Trailers(trailers)) => {
                    this.finish();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Ok(Decoded::End) => this.finish(),
                Ok(Decoded::NeedMore) => {
                    if ready!(incoming.poll_read(socket, context))? == 0 {
                        if !this.decoder.ends_with_connection() {
                            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                        }
                        this.finish();
                    }
                }
                Err(error) => return Poll::Ready(Some(Err(io::Error::other(error)))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.remaining().map(SizeHint::with_exact).unwrap_or_default()
    }
}
