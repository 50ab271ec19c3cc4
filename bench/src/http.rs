//! One request over one connection, read until the response is complete.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than anything here should take, short enough to notice a hang.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Response {
    pub(crate) status: u16,
    /// How the request was served, as doze says it: `warm`, `spare` or `cold`.
    pub(crate) start: Option<String>,
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

    fn ask(&mut self, path: &str, more: &str) -> io::Result<()> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{more}\r\n", self.address);
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Sends `GET path`, the connection's last.
    pub(crate) fn ask_and_close(&mut self, path: &str) -> io::Result<()> {
        self.ask(path, "connection: close\r\n")
    }

    /// Sends `GET path` and reads the whole response.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.ask(path, "")?;
        read_response(&mut self.stream)
    }

    /// Reads some of what comes, whatever it is; `false` at its end.
    pub(crate) fn skip_some(&mut self) -> io::Result<bool> {
        let length = self.stream.fill_buf()?.len();
        self.stream.consume(length);
        Ok(length > 0)
    }
}

fn read_response(from: &mut impl BufRead) -> io::Result<Response> {
    let status_line = line(from)?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| bad("no status in the response"))?;
    let (mut start, mut length, mut chunked) = (None, None, false);
    loop {
        let field = line(from)?;
        let Some((name, value)) = field.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "x-doze-start" => start = Some(value.to_owned()),
            "content-length" => length = value.parse().ok(),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    if chunked {
        skip_chunks(from)?;
    } else {
        skip(from, length.ok_or_else(|| bad("a body of unknown length"))?)?;
    }
    Ok(Response { status, start })
}

fn skip_chunks(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let size = u64::from_str_radix(&line(from)?, 16).map_err(|_| bad("a bad chunk"))?;
        skip(from, size)?;
        line(from)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn skip(from: &mut impl BufRead, length: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(length), &mut io::sink())?;
    if copied == length { Ok(()) } else { Err(bad("the body broke off")) }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    from.read_line(&mut text)?;
    match text.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(bad("the response broke off")),
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
