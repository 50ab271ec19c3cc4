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
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())?;
    read_response(&mut BufReader::new(connection))
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
