//! A record of every request, where the operator asks for it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use std::{fmt, io};

use bytes::Bytes;
use http::{Method, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};

use super::reply::{ReplyBody, START};
use super::router::{Route, Router};
use crate::function::FunctionName;

/// A request that has come and is being answered.
#[derive(Debug)]
pub struct Entry {
    begun: Instant,
    method: Method,
    uri: Uri,
    function: Option<FunctionName>,
    request: String,
    response: Option<Answered>,
}

#[derive(Debug)]
struct Answered {
    status: StatusCode,
    start: String,
    /// Of its body, as far as it was sent.
    bytes: u64,
}

/// The body of a response, counted. It is recorded when the response is over,
/// however that came.
pub struct Counted<B> {
    body: ReplyBody<B>,
    entry: Entry,
}

impl Entry {
    /// A request that begins.
    pub fn new(method: &Method, uri: &Uri, request: &str, router: &Router) -> Self {
        let function = match router.route(uri.path()) {
            Route::Function { pool, .. } => Some(pool.name.clone()),
            _ => None,
        };
        let (method, uri, request) = (method.clone(), uri.clone(), request.to_owned());
        Self { begun: Instant::now(), method, uri, function, request, response: None }
    }

    /// The response whose end will be recorded.
    pub fn count<B>(mut self, response: Response<ReplyBody<B>>) -> Response<ReplyBody<B>> {
        let status = response.status();
        let start = response.headers().get(START).and_then(|start| start.to_str().ok());
        let start = start.unwrap_or_default().to_owned();
        self.response = Some(Answered { status, start, bytes: 0 });
        // What follows is no body, and of another protocol.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        response.map(|body| ReplyBody::Counted(Box::new(Counted { body, entry: self })))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self { begun, method, uri, function, request, response } = self;
        let function = function.as_ref().map(FunctionName::as_str);
        // Without a response, its client has left.
        let response = response.as_ref();
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        // The query may hold secrets.
        tracing::info!(
            target: "access", %method, path = uri.path(),
            status = response.map(|response| response.status.as_u16()),
            start = response.map(|response| &*response.start).filter(|start| !start.is_empty()),
            micros,
            bytes = response.map_or(0, |response| response.bytes),
            function, request, "request"
        );
    }
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<io::Error>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { body, entry } = self.get_mut();
        let polled = Pin::new(body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
            && let Some(response) = &mut entry.response
        {
            response.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for Counted<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("entry", &self.entry).finish_non_exhaustive()
    }
}
