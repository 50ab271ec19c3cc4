//! HTTP as it should be: one request on a connection of its own, or many on
//! one connection.

use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version, header};
use http_body_util::channel::Channel;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{Response, within};

/// When a request is given up. No test waits for a server's own limit of this
/// length.
const LATE: Duration = Duration::from_mins(1);

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
type RequestBody = BoxBody<Bytes, Failure>;

/// A request; awaiting it sends it and reads the whole response.
pub(crate) struct Request {
    address: String,
    head: http::request::Builder,
    body: RequestBody,
    what: String,
}

impl Request {
    pub(crate) fn new(address: &str, method: &str, path: &str) -> Self {
        let head = http::Request::builder().method(method).uri(path).header(header::HOST, address);
        let what = format!("{method} {path}");
        Self { address: address.to_owned(), head, body: whole(Bytes::new()), what }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if name == "host"
            && let Some(headers) = self.head.headers_mut()
        {
            headers.remove(header::HOST);
        }
        self.head = self.head.header(name, value);
        self
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.streamed(Full::new(body))
    }

    /// A body that is sent as it comes, chunked.
    pub(crate) fn streamed<B>(mut self, body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Failure>,
    {
        self.body = body.map_err(Into::into).boxed();
        self
    }

    /// A body that the test goes on writing while the request runs.
    pub(crate) fn uploading(self) -> (Upload, Self) {
        let (sender, body) = Channel::<Bytes, Failure>::new(1);
        (Upload { sender }, self.streamed(body))
    }

    /// Sends it while the test goes on.
    pub(crate) fn spawn(self) -> JoinHandle<Response> {
        tokio::spawn(self.into_future())
    }

    /// Sends it and reads the whole response, or tells what broke.
    pub(crate) async fn try_send(self) -> Result<Response, Failure> {
        let what = self.what.clone();
        within(LATE, &what, async { self.try_open().await?.collect().await }).await
    }

    /// Sends it and reads the response's head; the body comes later.
    pub(crate) async fn open(self) -> Stream {
        let what = self.what.clone();
        let stream = within(LATE, &what, self.try_open()).await;
        stream.unwrap_or_else(|error| panic!("{what}: {}", chain(&*error)))
    }

    async fn try_open(self) -> Result<Stream, Failure> {
        let mut connection = Connection::try_open(&self.address).await?;
        connection.try_open_request(self).await
    }
}

impl IntoFuture for Request {
    type Output = Response;
    type IntoFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let what = self.what.clone();
        let response = self.try_send();
        Box::pin(async move {
            response.await.unwrap_or_else(|error| panic!("{what}: {}", chain(&*error)))
        })
    }
}

/// Where connections live, on a thread that no test blocks: what a test has
/// dropped is closed at once, also while its bed waits for the server's end.
fn wires() -> &'static Runtime {
    static WIRES: OnceLock<Runtime> = OnceLock::new();
    WIRES.get_or_init(|| {
        let mut wires = tokio::runtime::Builder::new_multi_thread();
        wires.worker_threads(1).enable_all().build().expect("one more thread")
    })
}

/// A body on its way. Dropped, it has come to its end.
pub(crate) struct Upload {
    sender: http_body_util::channel::Sender<Bytes, Failure>,
}

impl Upload {
    pub(crate) async fn send(&mut self, bytes: impl Into<Bytes>) {
        self.sender.send_data(bytes.into()).await.expect("the request still runs");
    }

    /// The whole body has been sent.
    pub(crate) fn finish(self) {
        drop(self);
    }
}

/// One connection that is kept.
pub(crate) enum Connection {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

impl Connection {
    /// HTTP/1.1.
    pub(crate) async fn open(address: &str) -> Self {
        Self::try_open(address).await.expect("the gateway accepts connections")
    }

    async fn try_open(address: &str) -> Result<Self, Failure> {
        let address = address.to_owned();
        let opened = wires().spawn(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // Errors of the connection reach whoever waits for a response on it.
            tokio::spawn(connection);
            Ok(Self::Http1(sender))
        });
        opened.await?
    }

    /// HTTP/2 without an upgrade.
    pub(crate) async fn http2(address: &str) -> Self {
        let address = address.to_owned();
        let opened = wires().spawn(async move {
            let stream = TcpStream::connect(address).await?;
            let io = TokioIo::new(stream);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Ok::<_, Failure>(Self::Http2(sender))
        });
        opened.await.expect("no panic").expect("the gateway speaks HTTP/2")
    }

    /// The same HTTP/2 connection, for a stream beside the others.
    pub(crate) fn beside(&self) -> Self {
        match self {
            Self::Http2(sender) => Self::Http2(sender.clone()),
            Self::Http1(_) => panic!("HTTP/1 has no streams beside each other"),
        }
    }

    /// Sends a request and reads the whole response, or tells what broke.
    pub(crate) async fn try_send(&mut self, request: Request) -> Result<Response, Failure> {
        let what = request.what.clone();
        within(LATE, &what, async { self.try_open_request(request).await?.collect().await }).await
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn send(&mut self, request: Request) -> Response {
        let what = request.what.clone();
        let response = self.try_send(request).await;
        response.unwrap_or_else(|error| panic!("{what}: {}", chain(&*error)))
    }

    /// Sends a request and reads the response's head.
    pub(crate) async fn open_request(&mut self, request: Request) -> Stream {
        let what = request.what.clone();
        let stream = within(LATE, &what, self.try_open_request(request)).await;
        stream.unwrap_or_else(|error| panic!("{what}: {}", chain(&*error)))
    }

    async fn try_open_request(&mut self, request: Request) -> Result<Stream, Failure> {
        let Request { address, head, body, .. } = request;
        let mut request = head.body(body)?;
        let response = match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Http2(sender) => {
                // There the host stands in the target.
                request.headers_mut().remove(header::HOST);
                *request.uri_mut() = format!("http://{address}{}", request.uri()).parse()?;
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = response.into_parts();
        Ok(Stream {
            status: head.status.as_u16(),
            version: head.version,
            headers: head.headers,
            body,
        })
    }
}

/// A response whose body is still on its way.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) status: u16,
    version: Version,
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

impl Stream {
    /// The next bytes; `None` at the end of a complete body.
    pub(crate) async fn chunk(&mut self) -> Option<Bytes> {
        self.try_chunk().await.expect("the body goes on")
    }

    /// The next bytes, or how the body broke off.
    pub(crate) async fn try_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match within(LATE, "the next bytes of a body", self.body.frame()).await.transpose()? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads until the body so far ends with that text.
    pub(crate) async fn read_to(&mut self, text: &str) -> String {
        let mut so_far = String::new();
        while !so_far.ends_with(text) {
            let chunk = self.chunk().await;
            let chunk = chunk.unwrap_or_else(|| panic!("{so_far:?} ended without {text:?}"));
            so_far.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
        so_far
    }

    pub(crate) async fn collect(self) -> Result<Response, Failure> {
        let Self { status, version, headers, body } = self;
        let body = body.collect().await?.to_bytes();
        Ok(Response { status, version, headers, body })
    }
}

fn whole(body: Bytes) -> RequestBody {
    Full::new(body).map_err(Into::into).boxed()
}

/// An error with its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
