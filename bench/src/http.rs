//! One request over one connection, read until the response is complete.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than anything here should take, short enough to notice a hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Response {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.as_str())
    }
}

/// Connects, sends `GET path` and reads the whole response.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    Connection::open(address)?.get(path)
}

/// One connection, for one request after the other.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { address, stream: BufReader::new(stream) })
    }

    /// Sends the head of `GET path` with more fields, each with its line end.
    pub(crate) fn ask(&mut self, path: &str, more: &str) -> io::Result<()> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{more}\r\n", self.address);
        self.send(head.as_bytes())
    }

    /// Sends `GET path` and reads the whole response.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.ask(path, "")?;
        let mut response = self.head()?;
        let chunked = response.field("transfer-encoding").is_some();
        let length = response.field("content-length").and_then(|length| length.parse().ok());
        let mut body = Vec::new();
        if chunked {
            while self.chunk(&mut body)? {}
        } else if response.status != 204 {
            self.read(length.ok_or_else(|| bad("a body of unknown length"))?, &mut body)?;
        }
        response.body = body;
        Ok(response)
    }

    /// Reads a response up to its body.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| bad("no status in the response"))?;
        let mut fields = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(':') {
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Response { status, fields, body: Vec::new() })
    }

    /// Reads one chunk of a chunked body; `false` after the last.
    pub(crate) fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let size = u64::from_str_radix(&self.line()?, 16).map_err(|_| bad("a bad chunk"))?;
        self.read(size, body)?;
        self.line()?;
        Ok(size > 0)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads so many bytes.
    pub(crate) fn read(&mut self, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let read = (&mut self.stream).take(length).read_to_end(into)?;
        if read as u64 == length { Ok(()) } else { Err(bad("the body broke off")) }
    }

    /// Reads some of what comes, whatever it is; `false` at its end.
    pub(crate) fn skip_some(&mut self) -> io::Result<bool> {
        let length = self.stream.fill_buf()?.len();
        self.stream.consume(length);
        Ok(length > 0)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut text = String::new();
        self.stream.read_line(&mut text)?;
        match text.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(bad("the response broke off")),
        }
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
