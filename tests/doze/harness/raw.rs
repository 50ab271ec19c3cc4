//! HTTP byte by byte, for what a well-behaved client cannot say or see.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::within;

const LATE: Duration = Duration::from_secs(30);

/// A connection and what has arrived on it.
#[derive(Debug)]
pub(crate) struct RawConnection<S = TcpStream> {
    stream: S,
    /// Received and not yet looked at.
    rest: Vec<u8>,
}

/// A response as it stood on the wire.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    /// Head without the last empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its head had announced.
    pub(crate) complete: bool,
}

impl RawConnection {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts connections");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, rest: Vec::new() }
    }

    /// Sends what the socket takes at once; 0 when it takes nothing.
    pub(crate) fn send_some(&mut self, bytes: &[u8]) -> usize {
        self.stream.try_write(bytes).unwrap_or(0)
    }
}

impl RawConnection<UnixStream> {
    pub(crate) async fn open_path(path: &Path) -> Self {
        let stream = UnixStream::connect(path).await.expect("somebody listens there");
        Self { stream, rest: Vec::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawConnection<S> {
    /// Sends everything. A server that closes early is seen by the reader.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sent = self.stream.write_all(bytes.as_ref());
        within(LATE, "sending", sent).await
    }

    /// A complete request without a body.
    pub(crate) async fn request(&mut self, method: &str, path: &str) -> RawResponse {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        self.send(request).await.expect("the connection is open");
        self.response(method == "HEAD").await
    }

    /// The next bytes, `false` at the end.
    async fn more(&mut self) -> bool {
        self.rest.reserve(64 << 10);
        let read = within(LATE, "the next bytes", self.stream.read_buf(&mut self.rest)).await;
        // A reset is an end as well: the server has closed with our bytes unread.
        read.is_ok_and(|count| count > 0)
    }

    /// Reads until nothing more comes, and gives everything unread.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.rest)
    }

    /// Reads that many bytes.
    pub(crate) async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        while self.rest.len() < count {
            assert!(self.more().await, "the connection ended before {count} bytes came");
        }
        self.rest.drain(..count).collect()
    }

    /// Reads up to and including that text; `None` if the end comes first.
    pub(crate) async fn read_past(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.rest.windows(text.len()).position(|part| part == text) {
                return Some(self.rest.drain(..at + text.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads one response, final or not.
    pub(crate) async fn response(&mut self, to_head_request: bool) -> RawResponse {
        let response = self.try_response(to_head_request).await;
        response.unwrap_or_else(|| panic!("no response but `{}`", self.rest.escape_ascii()))
    }

    /// Reads one response; `None` if the connection ends before its head does.
    pub(crate) async fn try_response(&mut self, to_head_request: bool) -> Option<RawResponse> {
        let head = self.read_past(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).trim_end().to_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {head}"));
        let mut response = RawResponse { status, head, body: Vec::new(), complete: true };
        if to_head_request || status < 200 || matches!(status, 204 | 304) {
            return Some(response);
        }
        if response.header("transfer-encoding").is_some_and(|value| value == "chunked") {
            response.complete = self.chunks(&mut response.body).await;
        } else if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().expect("a length");
            while self.rest.len() < length && self.more().await {}
            let there = self.rest.len().min(length);
            response.body = self.rest.drain(..there).collect();
            response.complete = there == length;
        } else {
            response.body = self.read_to_end().await;
        }
        Some(response)
    }

    /// Reads a chunked body; `false` if it breaks off.
    async fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(line) = self.read_past(b"\r\n").await else { return false };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let size = line.split(';').next().unwrap_or("");
            let size = usize::from_str_radix(size, 16)
                .unwrap_or_else(|_| panic!("not a chunk's size: {line:?}"));
            if size == 0 {
                return self.trailers().await;
            }
            while self.rest.len() < size + 2 {
                if !self.more().await {
                    body.append(&mut self.rest);
                    return false;
                }
            }
            body.extend(self.rest.drain(..size));
            assert_eq!(self.rest.drain(..2).collect::<Vec<_>>(), b"\r\n", "a chunk's end");
        }
    }

    async fn trailers(&mut self) -> bool {
        while let Some(line) = self.read_past(b"\r\n").await {
            if line == b"\r\n" {
                return true;
            }
        }
        false
    }

    /// Whether the server closes the connection without saying more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read_to_end().await.is_empty()
    }
}

impl RawResponse {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
