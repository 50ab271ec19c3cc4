//! One client's HTTP/1 connection, request after request.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::ReusableBoxFuture;

use super::alarm::Alarm;
use super::exchange::InstanceBody;
use super::gateway::Gateway;
use super::headers::RequestId;
use super::inbound::Inbound;
use super::reply::{Code, Failure, REQUEST_ID, ReplyBody};
use super::request_body::{ClientBody, Reader};
use crate::http1::body::Framing;
use crate::http1::head::{
    self, BadHead, RequestHead, content_length, may_have_body, write_response,
};
use crate::http1::outgoing::Outgoing;

/// From a request's first byte to the end of its head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two requests, and before the first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A client that takes nothing of its response for so long is gone.
pub(super) const WRITE_STALL: Duration = Duration::from_mins(1);
/// What is read and forgotten of a body that nobody wanted, to keep the
/// connection.
const MAX_SKIPPED: usize = 256 * 1024;
/// How long a client may go on sending after it was refused, so that it can
/// read why instead of finding the connection reset.
const LINGER: Duration = Duration::from_secs(2);

/// How the server's end reaches its connections.
pub type Draining = watch::Receiver<bool>;

/// Waits until the server ends.
pub async fn drained(draining: &mut Draining) {
    // An error means that the server has gone altogether.
    let _ = draining.wait_for(|draining| *draining).await;
}

/// One HTTP/1 connection.
#[derive(Debug)]
pub struct Connection {
    gateway: Arc<Gateway>,
    writer: OwnedWriteHalf,
    reader: Arc<Reader>,
    client: Arc<str>,
    draining: Draining,
    /// The server's end, which an unused connection waits for. Made once, since
    /// it is waited for between any two requests.
    drained: ReusableBoxFuture<'static, ()>,
    /// When an unused connection is closed.
    idle: Alarm,
}

/// What becomes of a connection after a response.
enum Next {
    Request,
    /// The client was refused and may still be sending.
    Linger,
    Tunnel(Switch),
    Close,
}

/// A response that changes the protocol.
struct Switch {
    head: BytesMut,
    body: Box<InstanceBody<ClientBody>>,
}

/// What the request says about how it is answered.
#[derive(Clone, Copy)]
struct Manner {
    version: Version,
    keep_alive: bool,
    head_only: bool,
}

impl Connection {
    /// A connection of which `buffer` has been read already.
    pub fn new(
        gateway: Arc<Gateway>,
        stream: TcpStream,
        buffer: BytesMut,
        peer: SocketAddr,
        draining: Draining,
    ) -> Self {
        let (half, writer) = stream.into_split();
        let reader = Reader::new(half, buffer);
        let client = peer.ip().to_string().into();
        let mut end = draining.clone();
        let drained = ReusableBoxFuture::new(async move { drained(&mut end).await });
        let idle = Alarm::default();
        Self { gateway, writer, reader, client, draining, drained, idle }
    }

    /// Serves requests until either side has enough.
    pub async fn serve(mut self) {
        loop {
            let next = match self.next_head().await {
                Ok(Some(head)) => self.answer(head).await,
                Ok(None) => Next::Close,
                Err(failure) => self.refuse(failure).await,
            };
            match next {
                Next::Request => {}
                Next::Linger => {
                    self.linger().await;
                    return;
                }
                Next::Tunnel(switch) => {
                    self.tunnel(switch).await;
                    return;
                }
                Next::Close => return,
            }
        }
    }

    /// The next request's head; `None` when the client has no more.
    async fn next_head(&mut self) -> Result<Option<RequestHead>, Failure> {
        let limit = self.gateway.limits.head;
        let reader = Arc::clone(&self.reader);
        let take = || reader.with_buffer(|buffer| head::take_request(buffer, limit));
        if let Some(head) = take().map_err(refusal)? {
            return Ok(Some(head));
        }
        // An idle connection ends quietly, by its own time or the server's.
        if reader.with_buffer(|buffer| buffer.is_empty()) {
            let more = tokio::select! {
                biased;
                more = reader.read() => more,
                () = self.idle.rings(Instant::now() + KEEP_ALIVE) => return Ok(None),
                () = &mut self.drained => return Ok(None),
            };
            if !more.is_ok_and(|read| read > 0) {
                return Ok(None);
            }
            // Most come in one piece.
            if let Some(head) = take().map_err(refusal)? {
                return Ok(Some(head));
            }
        }
        let whole = async {
            loop {
                if let Some(head) = take().map_err(refusal)? {
                    return Ok(Some(head));
                }
                if !reader.read().await.is_ok_and(|read| read > 0) {
                    return Ok(None);
                }
            }
        };
        match timeout(HEAD_TIMEOUT, whole).await {
            Ok(head) => head,
            Err(_) => {
                let message = format!("no complete header within {} s", HEAD_TIMEOUT.as_secs());
                Err(Failure::new(Code::RequestTimeout, message))
            }
        }
    }

    /// Has one request answered, and writes the answer.
    async fn answer(&mut self, head: RequestHead) -> Next {
        let RequestHead { parts, framing, keep_alive, expects_continue } = head;
        let manner = Manner {
            version: parts.version,
            keep_alive: keep_alive && !*self.draining.borrow(),
            head_only: parts.method == Method::HEAD,
        };
        let body = self.reader.body(framing, self.gateway.limits.body, expects_continue);
        let body = (framing != Framing::Empty).then_some(body);
        let mut request = Inbound { parts, body, framing, client: Arc::clone(&self.client) };
        let response = {
            // Not with `select!`, which would move it.
            let mut handling = pin!(self.gateway.handle(&mut request));
            let handled = std::future::poll_fn(|context| {
                if let Poll::Ready(response) = handling.as_mut().poll(context) {
                    return Poll::Ready(Some(response));
                }
                self.reader.poll_gone(context).map(|()| None)
            });
            handled.await
        };
        drop(request);
        match response {
            Some(response) => self.reply(response, manner).await,
            // Dropping the request's future is what tells the function.
            None => Next::Close,
        }
    }

    /// Answers what is not a valid request, and ends the connection: nobody
    /// can say where the next request begins.
    async fn refuse(&mut self, failure: Failure) -> Next {
        let id = RequestId::fresh();
        let mut response = failure.into_response(id.as_str());
        response.headers_mut().insert(REQUEST_ID, id.into());
        let manner = Manner { version: Version::HTTP_11, keep_alive: false, head_only: false };
        self.reply(response, manner).await
    }

    async fn reply(&mut self, response: Response<ReplyBody<ClientBody>>, manner: Manner) -> Next {
        let (mut parts, body) = response.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS
            && let ReplyBody::Instance(body) = body
        {
            let mut head = BytesMut::new();
            write_response(&mut head, parts.status, &parts.headers);
            head.extend_from_slice(b"\r\n");
            return Next::Tunnel(Switch { head, body });
        }

        let Manner { version, keep_alive: mut keep, head_only } = manner;
        // A client that has not sent its body, and was not asked to, will not
        // send it; and one that is refused may have much left to send.
        let unread = !self.reader.is_at_end();
        let unwilling = self.reader.is_awaiting_continue();
        keep &= !(unwilling || (unread && parts.status.is_client_error()));
        let framing = frame(&mut parts, &body, head_only, version);
        keep &= framing != Framing::UntilClose;
        if !keep {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else if version == Version::HTTP_10 {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        }
        let mut head = BytesMut::with_capacity(512);
        write_response(&mut head, parts.status, &parts.headers);
        head.extend_from_slice(b"\r\n");

        if self.write(head.freeze(), body, framing).await.is_err() {
            return Next::Close;
        }
        if !keep {
            return Next::Linger;
        }
        if unread && !self.reader.skip_body(MAX_SKIPPED).await {
            return Next::Linger;
        }
        Next::Request
    }

    /// Writes a response as long as the client takes it. A body that breaks
    /// off leaves the response visibly incomplete.
    async fn write(
        &self,
        head: Bytes,
        body: ReplyBody<ClientBody>,
        framing: Framing,
    ) -> Result<(), ()> {
        let mut outgoing = Outgoing::new(head, Some(body), framing);
        let mut stalled: Option<Pin<Box<Sleep>>> = None;
        std::future::poll_fn(|context| {
            let before = outgoing.unwritten();
            if let Poll::Ready(result) = outgoing.poll_write(self.writer.as_ref(), context) {
                return Poll::Ready(result.map_err(|_| ()));
            }
            if self.reader.poll_gone(context).is_ready() {
                return Poll::Ready(Err(()));
            }
            // Only a client can stall: with nothing unwritten it is the
            // function that takes its time, as an event stream may.
            if outgoing.unwritten() == 0 {
                return Poll::Pending;
            }
            let stalled = stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL)));
            if outgoing.unwritten() != before {
                stalled.as_mut().reset(Instant::now() + WRITE_STALL);
            }
            stalled.as_mut().poll(context).map(|()| Err(()))
        })
        .await
    }

    /// After a change of protocol: bytes both ways until one side ends.
    async fn tunnel(self, switch: Switch) {
        let Some((mut instance, ahead, _lease)) = switch.body.into_tunnel() else { return };
        let Self { writer, reader, .. } = self;
        let early = reader.with_buffer(std::mem::take);
        // The request is over, so nothing else holds the reading half.
        let Some(half) = reader.into_half() else { return };
        let Ok(mut client) = half.reunite(writer) else { return };
        let copied = async {
            client.write_all(&switch.head).await?;
            client.write_all(&ahead).await?;
            instance.write_all(&early).await?;
            tokio::io::copy_bidirectional(&mut client, &mut instance).await
        };
        // How it ends is between the two ends.
        let _ = copied.await;
    }

    /// Says that nothing more will come, and reads a while what still does.
    async fn linger(&self) {
        // It fails where the client has gone, which ends the loop below too.
        let _ = shutdown(self.writer.as_ref().as_raw_fd(), Shutdown::Write);
        let ended = async {
            while self.reader.read().await.is_ok_and(|read| read > 0) {
                self.reader.with_buffer(BytesMut::clear);
            }
        };
        let _ = timeout(LINGER, ended).await;
    }
}

fn refusal(error: BadHead) -> Failure {
    match error {
        BadHead::TooLarge => Failure::new(Code::HeadersTooLarge, error.to_string()),
        BadHead::Malformed(_) => Failure::new(Code::BadRequest, error.to_string()),
    }
}

/// Decides where the body of a response to this client ends, and says so in its
/// head.
fn frame(
    parts: &mut http::response::Parts,
    body: &ReplyBody<ClientBody>,
    head_only: bool,
    version: Version,
) -> Framing {
    if head_only || !may_have_body(parts.status) {
        return Framing::Empty;
    }
    let stated = parts.headers.get(CONTENT_LENGTH);
    let known = body.size_hint().exact();
    // A published file's body does not know its own length; its head does.
    let told = || stated.and_then(|length| content_length(length.as_bytes()));
    match known.or_else(told) {
        Some(length) => {
            if stated.is_none() {
                parts.headers.insert(CONTENT_LENGTH, length.into());
            }
            Framing::Length(length)
        }
        None if version == Version::HTTP_11 => {
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            Framing::Chunked
        }
        None => Framing::UntilClose,
    }
}
