//! HTTP/2 with prior knowledge, by hyper.

mod taken;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::{Request, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection::{Draining, WRITE_STALL, drained};
use super::gateway::Gateway;
use super::inbound::Inbound;
use super::request_body::StreamBody;
use crate::http1::body::Framing;
use taken::Bodies;

/// What an HTTP/2 client sends first (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Streams that one connection may have open.
const MAX_STREAMS: u32 = 256;

/// A connection that is silent for so long is asked whether it is still there,
/// and has as long to answer.
const SILENCE: Duration = Duration::from_mins(1);

/// Serves one HTTP/2 connection, of which `ahead` has been read already.
pub async fn serve(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    ahead: BytesMut,
    peer: SocketAddr,
    mut draining: Draining,
) {
    let head = u32::try_from(gateway.limits.head).unwrap_or(u32::MAX);
    let client: Arc<str> = peer.ip().to_string().into();
    let bodies = Arc::new(Bodies::default());
    let shared = Arc::clone(&bodies);
    let service = service_fn(move |request: Request<Incoming>| {
        let gateway = Arc::clone(&gateway);
        let bodies = Arc::clone(&shared);
        let client = Arc::clone(&client);
        async move {
            let (mut parts, incoming) = request.into_parts();
            // The authority is the host, and there is no other (RFC 9113, 8.3.1).
            if let Some(host) = parts.uri.authority().and_then(|a| a.as_str().parse().ok()) {
                parts.headers.insert(http::header::HOST, host);
            }
            parts.version = Version::HTTP_11;
            let framing = match incoming.size_hint().exact() {
                _ if incoming.is_end_stream() => Framing::Empty,
                Some(length) => Framing::Length(length),
                None => Framing::Chunked,
            };
            let body = StreamBody::new(incoming, gateway.limits.body);
            let body = (framing != Framing::Empty).then_some(body);
            let mut request = Inbound { parts, body, framing, client };
            let response = gateway.handle(&mut request).await;
            Ok::<_, Infallible>(response.map(|body| bodies.share(body)))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(head)
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE)
        .serve_connection(TokioIo::new(Rewound { ahead, stream }), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(error) = result {
                tracing::debug!(%peer, %error, "an HTTP/2 connection ended");
            }
        }
        () = drained(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = bodies.watch(WRITE_STALL) => {}
            }
        }
        () = bodies.watch(WRITE_STALL) => {}
    }
}

/// A socket whose first bytes have been read already.
struct Rewound {
    ahead: BytesMut,
    stream: TcpStream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
