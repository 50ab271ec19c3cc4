//! One request to a function, sent through the gateway as any caller's.
//!
//! The dashboard needs it: the gateway is at another port, so a browser would
//! not let a page from here read what a function answers there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::call;
use super::path::FunctionPath;
use super::reply::{ApiError, ErrorBody, Payload};
use crate::execution::Handle;
use crate::function::FunctionName;

/// Bytes of a body that are passed on.
const MOST_BODY: usize = 1 << 20;
/// A stream that never ends is cut off so long after its head.
const LONGEST_BODY: Duration = Duration::from_secs(10);
/// What frames the message is not for the caller to say.
const FRAMING: [HeaderName; 6] =
    [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE];

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(send))
}

/// A request to a function.
#[derive(Debug, Deserialize, ToSchema)]
struct Attempt {
    /// The method.
    #[serde(default = "get")]
    #[schema(default = "GET", pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    method: String,
    /// The path below the function's name, with the query.
    #[serde(default)]
    #[schema(examples("/notes?limit=10"), pattern = "^$|^[/?]")]
    path: String,
    /// Names and values.
    #[serde(default)]
    #[schema(schema_with = call::header_list)]
    headers: Vec<(String, String)>,
    /// The body.
    #[serde(default)]
    body: Option<String>,
}

fn get() -> String {
    Method::GET.to_string()
}

/// What the function answered.
#[derive(Debug, Serialize, ToSchema)]
struct Answer {
    /// The status.
    status: u16,
    /// Names and values, in the order in which they came.
    headers: Vec<(String, String)>,
    /// The body, or what came of it in time.
    body: String,
    /// How the body is written here.
    encoding: Encoding,
    /// Whether there is more of the body: it is longer than 1 MiB, or went on
    /// for more than 10 seconds.
    truncated: bool,
    /// How it was served: `warm`, `spare` or `cold`; null where no process was asked.
    start: Option<String>,
    /// Milliseconds until the head.
    millis: f64,
}

/// How a body is written in JSON.
#[derive(Debug, Serialize, ToSchema)]
enum Encoding {
    /// As it is.
    #[serde(rename = "utf-8")]
    Utf8,
    /// In base64, because it is not text.
    #[serde(rename = "base64")]
    Base64,
}

/// Try a function
///
/// Sends the request through the gateway, as any caller's, and answers 200 with
/// what came back, whatever that is.
#[utoipa::path(post, path = "/api/functions/{name}/try", tag = "functions",
    params(FunctionPath),
    request_body = Attempt,
    responses(
        (status = 200, description = "What the function answered", body = Answer),
        (status = 400, description = "Not a name, or not a request", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
    ))]
async fn send(
    State(execution): State<Handle>,
    FunctionPath(name): FunctionPath,
    Payload(attempt): Payload<Attempt>,
) -> Result<Json<Answer>, ApiError> {
    if execution.function(&name).is_none() {
        return Err(ApiError::no_such_function(&name));
    }
    let gateway = reachable(execution.server().gateway);
    let request = attempt.into_request(&name, gateway)?;
    let begun = Instant::now();
    let response = exchange(gateway, request).await.map_err(|error| ApiError::internal(&*error))?;
    let millis = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(Json(Answer::of(response, millis).await))
}

impl Attempt {
    fn into_request(
        self,
        name: &FunctionName,
        gateway: SocketAddr,
    ) -> Result<Request<Body>, ApiError> {
        let Self { method, path, headers, body } = self;
        let refuse = |what: &str, text: &str| {
            Err(ApiError::bad_request(format!("`{}` is not {what}", text.escape_debug())))
        };
        let method = match Method::from_bytes(method.as_bytes()) {
            Ok(method) if method != Method::CONNECT => method,
            _ => return refuse("a method", &method),
        };
        // Else it would lengthen the name.
        if !(path.is_empty() || path.starts_with(['/', '?'])) {
            return refuse("a path that begins with `/`", &path);
        }
        let Ok(uri) = format!("/{name}{}", call::target(&path)).parse::<http::Uri>() else {
            return refuse("a path", &path);
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                return refuse("the name of a header", &name);
            };
            if FRAMING.contains(&header) {
                return refuse("a header that can be set here", &name);
            }
            let Ok(value) = HeaderValue::from_str(&value) else {
                return refuse("the value of a header", &value);
            };
            map.append(header, value);
        }
        if let Ok(host) = HeaderValue::from_str(&gateway.to_string()) {
            map.entry(HOST).or_insert(host);
        }
        let mut request = Request::new(body.map_or_else(Body::empty, Body::from));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = map;
        Ok(request)
    }
}

/// Where this machine reaches a listener on all of its addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn exchange(
    gateway: SocketAddr,
    request: Request<Body>,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(gateway).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the response's body, or when the caller leaves and drops it.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

impl Answer {
    async fn of(response: Response<Incoming>, millis: f64) -> Self {
        let (head, mut body) = response.into_parts();
        let deadline = tokio::time::Instant::now() + LONGEST_BODY;
        let mut bytes = Vec::new();
        let mut truncated = false;
        loop {
            let Ok(frame) = timeout_at(deadline, body.frame()).await else {
                truncated = true;
                break;
            };
            // A body that breaks off is not whole either.
            let Some(frame) = frame else { break };
            let Ok(frame) = frame else {
                truncated = true;
                break;
            };
            bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
            if bytes.len() > MOST_BODY {
                bytes.truncate(MOST_BODY);
                truncated = true;
                break;
            }
        }
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let (body, encoding) = match written(bytes, truncated) {
            Ok(text) => (text, Encoding::Utf8),
            Err(bytes) => (STANDARD.encode(bytes), Encoding::Base64),
        };
        Self {
            status: head.status.as_u16(),
            headers: head.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect(),
            body,
            encoding,
            truncated,
            start: head.headers.get("x-doze-start").map(text),
            millis,
        }
    }
}

/// The bytes as text, if they are. The cut may lie within a character.
fn written(mut bytes: Vec<u8>, truncated: bool) -> Result<String, Vec<u8>> {
    if truncated
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
}
