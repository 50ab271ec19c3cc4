//! What the platform itself answers. Nothing else knows status codes of errors.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::json;
use tower_http::services::fs::ServeFileSystemResponseBody;

use super::access_log::Counted;
use super::exchange::InstanceBody;
use super::lease::{LeaseError, Origin};

/// Names the request in logs, and to its caller.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How the instance that answered came to be.
pub const START: HeaderName = HeaderName::from_static("x-doze-start");
/// Marks a response as the platform's own.
pub const ERROR: HeaderName = HeaderName::from_static("x-doze-error");

/// Why the platform answers in a function's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request is not valid HTTP, or ambiguous.
    BadRequest,
    /// The client left while it sent its body.
    ClientGone,
    /// No function has this name.
    FunctionNotFound,
    /// The function does not take this method.
    MethodNotAllowed,
    /// The function needs a token.
    Unauthorized,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The body is larger than the gateway takes.
    BodyTooLarge,
    /// The header is larger than the gateway takes.
    HeadersTooLarge,
    /// The handler threw or returned something unusable.
    FunctionError,
    /// There is nothing to run.
    FunctionBroken,
    /// The process did not become ready.
    StartFailed,
    /// The process died before it answered.
    FunctionCrashed,
    /// Every instance is busy.
    Overloaded,
    /// Starts failed repeatedly.
    CrashLooping,
    /// No answer in time.
    InvocationTimeout,
    /// The server is ending.
    ShuttingDown,
}

impl Code {
    /// The word in `x-doze-error`.
    pub fn as_str(self) -> &'static str {
        self.describe().0
    }

    /// The response's status.
    pub fn status(self) -> StatusCode {
        self.describe().1
    }

    fn describe(self) -> (&'static str, StatusCode) {
        match self {
            Self::BadRequest | Self::ClientGone => ("bad_request", StatusCode::BAD_REQUEST),
            Self::FunctionNotFound => ("function_not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::HeadersTooLarge => {
                ("headers_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Self::FunctionError => ("function_error", StatusCode::INTERNAL_SERVER_ERROR),
            Self::FunctionBroken => ("function_broken", StatusCode::SERVICE_UNAVAILABLE),
            Self::StartFailed => ("start_failed", StatusCode::BAD_GATEWAY),
            Self::FunctionCrashed => ("function_crashed", StatusCode::BAD_GATEWAY),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::CrashLooping => ("crash_looping", StatusCode::SERVICE_UNAVAILABLE),
            Self::InvocationTimeout => ("invocation_timeout", StatusCode::GATEWAY_TIMEOUT),
            Self::ShuttingDown => ("shutting_down", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// An answer in a function's place.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why.
    pub code: Code,
    /// What the caller may know about it.
    pub message: String,
    /// One more header that this code calls for.
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// A failure with a message for the caller.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let header = match code {
            Code::Unauthorized => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"doze\"")))
            }
            _ => None,
        };
        Self { code, message: message.into(), header }
    }

    /// The function takes only these methods.
    pub fn method_not_allowed(allowed: &[String]) -> Self {
        let list = allowed.join(", ");
        let header = HeaderValue::from_str(&list).ok().map(|value| (ALLOW, value));
        let message = format!("this function takes {list} only");
        Self { header, ..Self::new(Code::MethodNotAllowed, message) }
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let header = HeaderValue::from_str(&seconds.to_string()).ok();
        Self { header: header.map(|value| (RETRY_AFTER, value)), ..self }
    }

    /// The response that tells the caller.
    pub fn into_response<B>(self, request_id: &str) -> Response<ReplyBody<B>> {
        let body = json!({"error": {
            "code": self.code.as_str(), "message": self.message, "requestId": request_id,
        }});
        let mut response = json_response(self.code.status(), &body);
        let headers = response.headers_mut();
        headers.insert(ERROR, HeaderValue::from_static(self.code.as_str()));
        headers.extend(self.header);
        if self.code == Code::Unauthorized {
            // A page of another origin may read why; see `preflight`.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        response
    }
}

impl From<LeaseError> for Failure {
    fn from(error: LeaseError) -> Self {
        let message = error.to_string();
        match error {
            LeaseError::NotFound => Self::new(Code::FunctionNotFound, message),
            LeaseError::Broken => Self::new(Code::FunctionBroken, message),
            LeaseError::Start(super::instance::StartError::NoRoom) | LeaseError::Overloaded => {
                Self::new(Code::Overloaded, message).retry_after(Duration::from_secs(1))
            }
            // Why it did not start is in the author's log. A caller need not
            // learn what the function's code says about itself.
            LeaseError::Start(_) => Self::new(Code::StartFailed, "the function did not start"),
            LeaseError::CrashLooping(wait) => {
                Self::new(Code::CrashLooping, message).retry_after(wait)
            }
            LeaseError::ShuttingDown => {
                Self::new(Code::ShuttingDown, message).retry_after(Duration::from_secs(1))
            }
        }
    }
}

/// A JSON response of the platform.
pub fn json_response<B>(status: StatusCode, body: &serde_json::Value) -> Response<ReplyBody<B>> {
    let mut text = body.to_string();
    text.push('\n');
    let mut response = Response::new(ReplyBody::Whole(Some(text.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body of any response that the gateway sends.
pub enum ReplyBody<B> {
    /// The platform's own, all at once.
    Whole(Option<Bytes>),
    /// A function's.
    Instance(Box<InstanceBody<B>>),
    /// A published file's.
    File(ServeFileSystemResponseBody),
    /// Any of these, for the access log.
    Counted(Box<Counted<B>>),
}

impl<B> ReplyBody<B> {
    /// What served it; `None` where the platform answered itself.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Instance(body) => Some(body.origin),
            Self::File(_) => Some(Origin::Warm),
            Self::Whole(_) | Self::Counted(_) => None,
        }
    }
}

impl<B> Body for ReplyBody<B>
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
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|data| Ok(Frame::data(data)))),
            Self::Instance(body) => Pin::new(&mut **body).poll_frame(context),
            Self::File(body) => Pin::new(body).poll_frame(context),
            Self::Counted(body) => Pin::new(&mut **body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_none(),
            Self::Instance(body) => body.is_end_stream(),
            Self::File(body) => body.is_end_stream(),
            Self::Counted(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Instance(body) => body.size_hint(),
            Self::File(body) => body.size_hint(),
            Self::Counted(body) => body.size_hint(),
        }
    }
}
