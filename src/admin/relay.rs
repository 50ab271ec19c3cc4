//! The way from the registry's admin API to the execution service's, which
//! answers what only it knows.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::functions::Function;
use super::reply::ApiError;
use crate::function::FunctionName;

/// An execution service that does not take a connection by then is not there.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// What one function's description may hold.
const MAX_DESCRIPTION: usize = 4 << 20;
/// What is between this service and one neighbour, and not passed on.
const OWN: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("x-doze-csrf"),
];

/// Where the execution service's admin API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// `http://host:port`
    Tcp(Authority),
    /// `unix:path` of a socket
    Unix(PathBuf),
}

/// A text that names no such place.
#[derive(Debug, Clone, Copy)]
pub struct NotUpstream;

impl FromStr for Upstream {
    type Err = NotUpstream;

    fn from_str(text: &str) -> Result<Self, NotUpstream> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let parts = text.parse::<Uri>().map_err(|_| NotUpstream)?.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        let authority = parts.authority.filter(|_| bare && parts.scheme == Some(Scheme::HTTP));
        authority.map(Self::Tcp).ok_or(NotUpstream)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A connection to it.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Upstream {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(authority) => {
                let port = authority.port_u16().unwrap_or(80);
                let stream = TcpStream::connect((authority.host(), port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    fn host(&self) -> HeaderValue {
        let host = match self {
            Self::Tcp(authority) => HeaderValue::from_str(authority.as_str()).ok(),
            Self::Unix(_) => None,
        };
        host.unwrap_or_else(|| HeaderValue::from_static("localhost"))
    }
}

/// The execution service's admin API.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    upstream: Upstream,
    /// Both services have the same token.
    authorization: HeaderValue,
}

impl Remote {
    pub(super) fn new(upstream: Upstream, token: &str) -> Self {
        // A token holds visible characters only.
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        authorization.set_sensitive(true);
        Self { upstream, authorization }
    }

    /// Passes on what is described so.
    pub(super) fn routes(self, description: OpenApi) -> OpenApiRouter {
        let relay = move |request: Request| {
            let remote = self.clone();
            async move { remote.send(request).await }
        };
        let mut router = OpenApiRouter::new();
        for (path, item) in &description.paths.paths {
            for (operation, method) in [
                (&item.get, MethodFilter::GET),
                (&item.put, MethodFilter::PUT),
                (&item.post, MethodFilter::POST),
                (&item.patch, MethodFilter::PATCH),
                (&item.delete, MethodFilter::DELETE),
            ] {
                if operation.is_some() {
                    router = router.route(path, on(method, relay.clone()));
                }
            }
        }
        *router.get_openapi_mut() = description;
        router
    }

    /// Sends a request under this service's own name, on a connection of its
    /// own. Both bodies stream.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ApiError> {
        let (mut parts, body) = request.into_parts();
        for name in &OWN {
            parts.headers.remove(name);
        }
        parts.headers.insert(header::HOST, self.upstream.host());
        parts.headers.insert(header::AUTHORIZATION, self.authorization.clone());
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        parts.uri = target.parse().map_err(|error| self.unreachable(&error))?;
        parts.version = Version::HTTP_11;
        let stream = timeout(CONNECT_TIME, self.upstream.connect()).await;
        let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = TokioIo::new(stream.map_err(|error| self.unreachable(&error))?);
        let failed = |error: hyper::Error| self.unreachable(&error);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(failed)?;
        // It ends with the response's body; its errors reach who reads that.
        tokio::spawn(connection);
        let response = sender.send_request(Request::from_parts(parts, body)).await;
        let mut response = response.map_err(failed)?.map(Body::new);
        for name in &OWN {
            response.headers_mut().remove(name);
        }
        Ok(response)
    }

    /// A function as that service knows it.
    pub(super) async fn function(&self, name: &FunctionName) -> Result<Option<Function>, ApiError> {
        let name = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
        let request = Request::get(format!("/api/functions/{name}")).body(Body::empty());
        let response = self.send(request.map_err(|error| ApiError::internal(&error))?).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let unusable = |error: axum::BoxError| {
            let message =
                format!("the execution service's answer ({status}) is not usable: {error}");
            ApiError::new(StatusCode::BAD_GATEWAY, "execution_unreachable", message)
        };
        let body = to_bytes(response.into_body(), MAX_DESCRIPTION).await;
        let body = body.map_err(|error| unusable(error.into()))?;
        serde_json::from_slice(&body).map(Some).map_err(|error| unusable(error.into()))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> ApiError {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let text: Vec<_> = causes.map(ToString::to_string).collect();
        let message = format!(
            "the execution service does not answer at {}; it is named by `--execution-url`: {}",
            self.upstream,
            text.join(": ")
        );
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "execution_unreachable", message)
    }
}
