//! Request and response heads.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, HOST, UPGRADE};
use http::uri::Authority;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, request, response,
};

use super::body::Framing;

/// Header fields in one head. Far more than any browser or proxy chain sends.
const MAX_FIELDS: usize = 256;

/// A request's head, and what it says about the connection.
#[derive(Debug)]
pub struct RequestHead {
    /// Method, target, version and fields. The target is in origin form or
    /// absolute form; an absolute target's authority replaces `Host`.
    pub parts: request::Parts,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants another request on this connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

/// A response's head, and what it says about the connection.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status, version and fields.
    pub parts: response::Parts,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the connection can carry another request after the body.
    pub reusable: bool,
}

/// Why a request's head cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    /// Larger than the limit, or more than `MAX_FIELDS` fields.
    #[error("the header is too large")]
    TooLarge,
    /// Not HTTP/1, or ambiguous.
    #[error("{0}")]
    Malformed(&'static str),
}

use BadHead::Malformed;

/// Takes one request head off the front of `buffer`; `None` while it is not
/// complete.
pub fn take_request(buffer: &mut BytesMut, limit: usize) -> Result<Option<RequestHead>, BadHead> {
    // A client may send an empty line before a request (RFC 9112, 2.2).
    while buffer.starts_with(b"\r\n") {
        buffer.advance(2);
    }
    let Some(end) = find_end(buffer, limit)? else { return Ok(None) };
    let head = buffer.split_to(end).freeze();

    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(&head, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == end => {}
        Ok(_) => return Err(Malformed("the request's header ends in the wrong place")),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Err(error) => return Err(Malformed(explain(error))),
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())
        .map_err(|_| Malformed("the method is not valid"))?;
    let target = parsed.path.unwrap_or_default();
    let uri = Uri::from_maybe_shared(head.slice_ref(target.as_bytes()))
        .map_err(|_| Malformed("the request target is not valid"))?;
    // A path, or a whole URL as clients send it to a proxy, or `*`. The bare
    // authority of CONNECT is nothing that a function could serve.
    if !(target.starts_with('/') || uri.scheme().is_some() || target == "*") {
        return Err(Malformed("the request target is not a path"));
    }
    let (mut headers, control) = collect(&head, parsed.headers, 0)?;

    let framing = control.framing(version)?;
    control.check_host(&head, version)?;
    if let Some(authority) = uri.authority() {
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| Malformed("the target's host is not valid"))?;
        headers.insert(HOST, host);
    }
    let keep_alive = control.keep_alive(version);
    let expects_continue = version == Version::HTTP_11
        && framing != Framing::Empty
        && control.expect.is_some_and(|what| what.eq_ignore_ascii_case(b"100-continue"));

    let mut parts = http::Request::new(()).into_parts().0;
    (parts.method, parts.uri, parts.version, parts.headers) = (method, uri, version, headers);
    Ok(Some(RequestHead { parts, framing, keep_alive, expects_continue }))
}

/// Takes one response head off the front of `buffer`; `None` while it is not
/// complete.
pub fn take_response(
    buffer: &mut BytesMut,
    limit: usize,
    to: &Method,
) -> Result<Option<ResponseHead>, BadHead> {
    let Some(end) = find_end(buffer, limit)? else { return Ok(None) };
    let head = buffer.split_to(end).freeze();

    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        &head,
        &mut fields,
    ) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Malformed("the response's header breaks off")),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Err(error) => return Err(Malformed(explain(error))),
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = StatusCode::from_u16(parsed.code.unwrap_or_default())
        .map_err(|_| Malformed("the status is not valid"))?;
    // Room for what a proxy always adds, so that the map is not grown later.
    let (headers, control) = collect(&head, parsed.headers, 2)?;
    let bodiless = *to == Method::HEAD || !may_have_body(status);
    let framing = match control.framing(version)? {
        _ if bodiless => Framing::Empty,
        // Deno sends this one, which is always empty, without saying so.
        Framing::Empty if status == StatusCode::RESET_CONTENT => Framing::Empty,
        Framing::Empty if control.lengths.first.is_none() => Framing::UntilClose,
        framing => framing,
    };
    let reusable = control.keep_alive(version)
        && framing != Framing::UntilClose
        && status != StatusCode::SWITCHING_PROTOCOLS;

    let mut parts = http::Response::new(()).into_parts().0;
    (parts.status, parts.version, parts.headers) = (status, version, headers);
    Ok(Some(ResponseHead { parts, framing, reusable }))
}

/// Whether a response with this status can have a body (RFC 9110, 6.4.1).
pub fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Where the head ends. A line feed without a carriage return ends a line for
/// some servers and not for others, so it is refused as soon as it is seen.
fn find_end(buffer: &[u8], limit: usize) -> Result<Option<usize>, BadHead> {
    let mut line_start = 0;
    for feed in memchr::memchr_iter(b'\n', buffer) {
        if feed == 0 || buffer[feed - 1] != b'\r' {
            return Err(Malformed("a line ends in a bare line feed"));
        }
        if feed >= limit {
            return Err(BadHead::TooLarge);
        }
        if feed == line_start + 1 {
            return Ok(Some(feed + 1));
        }
        line_start = feed + 1;
    }
    if buffer.len() >= limit { Err(BadHead::TooLarge) } else { Ok(None) }
}

/// The fields that say where a message ends and what becomes of its connection.
/// They are found in one pass, since each look-up costs as much as to parse one.
#[derive(Debug, Default)]
struct Control<'h> {
    codings: Lines<'h>,
    lengths: Lines<'h>,
    hosts: Lines<'h>,
    expect: Option<&'h [u8]>,
    says_close: bool,
    says_keep_alive: bool,
}

/// The first line of a field, and whether it has more.
#[derive(Debug, Default)]
struct Lines<'h> {
    first: Option<&'h [u8]>,
    several: bool,
}

/// The fields of a head, with room for some more.
fn collect<'h>(
    head: &'h Bytes,
    parsed: &[httparse::Header<'h>],
    room: usize,
) -> Result<(HeaderMap, Control<'h>), BadHead> {
    let mut headers = HeaderMap::with_capacity(parsed.len() + room);
    let mut control = Control::default();
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Malformed("a header's name is not valid"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| Malformed("a header's value is not valid"))?;
        control.note(&name, field.value);
        headers.append(name, value);
    }
    Ok((headers, control))
}

impl<'h> Lines<'h> {
    fn push(&mut self, line: &'h [u8]) {
        self.several = self.first.is_some();
        self.first.get_or_insert(line);
    }
}

impl<'h> Control<'h> {
    fn note(&mut self, name: &HeaderName, line: &'h [u8]) {
        match name.as_str() {
            "transfer-encoding" => self.codings.push(line),
            "content-length" => self.lengths.push(line),
            "host" => self.hosts.push(line),
            "expect" => self.expect = self.expect.or(Some(line)),
            "connection" => {
                self.says_close |= words(line).any(|word| word.eq_ignore_ascii_case(b"close"));
                self.says_keep_alive |=
                    words(line).any(|word| word.eq_ignore_ascii_case(b"keep-alive"));
            }
            _ => {}
        }
    }

    fn framing(&self, version: Version) -> Result<Framing, BadHead> {
        match (self.codings.first, self.lengths.first) {
            (None, None) => Ok(Framing::Empty),
            (Some(_), Some(_)) => Err(Malformed("both Content-Length and Transfer-Encoding")),
            (Some(_), None) if version == Version::HTTP_10 => {
                Err(Malformed("Transfer-Encoding in HTTP/1.0"))
            }
            (Some(coding), None) => {
                if coding.eq_ignore_ascii_case(b"chunked") && !self.codings.several {
                    Ok(Framing::Chunked)
                } else {
                    Err(Malformed("a transfer coding other than chunked"))
                }
            }
            (None, Some(_)) if self.lengths.several => {
                Err(Malformed("several Content-Length fields"))
            }
            (None, Some(digits)) => match content_length(digits) {
                Some(0) => Ok(Framing::Empty),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(Malformed("Content-Length is not a number")),
            },
        }
    }

    fn check_host(&self, head: &Bytes, version: Version) -> Result<(), BadHead> {
        match self.hosts.first {
            _ if self.hosts.several => Err(Malformed("several Host fields")),
            None if version == Version::HTTP_11 => Err(Malformed("no Host field")),
            None => Ok(()),
            Some(host) => Authority::from_maybe_shared(head.slice_ref(host))
                .map(drop)
                .map_err(|_| Malformed("Host is not a host")),
        }
    }

    fn keep_alive(&self, version: Version) -> bool {
        (version == Version::HTTP_11 || self.says_keep_alive) && !self.says_close
    }
}

/// The number in `Content-Length`; `None` where it is none.
pub fn content_length(digits: &[u8]) -> Option<u64> {
    // `parse` alone would accept a leading plus sign.
    let text = digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok());
    text??.parse().ok()
}

/// The words of one line of a comma-separated field.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// The words of a comma-separated field.
pub fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).into_iter().flat_map(|value| words(value.as_bytes()))
}

/// Whether these headers ask for, or grant, a change of protocol.
pub fn upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    let is_meant =
        || tokens(headers, &CONNECTION).any(|word| word.eq_ignore_ascii_case(b"upgrade"));
    headers.get(UPGRADE).filter(|_| is_meant())
}

/// Writes a request's first line. `target` is written as it is.
pub fn write_request_line(out: &mut BytesMut, method: &Method, target: &[&[u8]]) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    for part in target {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes a response's status line and fields, without the empty line that
/// ends the head: the caller adds what belongs to its own connection.
pub fn write_response(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.extend_from_slice(b"\r\n");
    write_fields(out, headers);
}

/// Writes fields, each with its line end.
pub fn write_fields(out: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        write_field(out, name, [value.as_bytes()]);
    }
}

/// Writes one field with its line end. `value` is written as it is.
pub fn write_field<'v>(
    out: &mut BytesMut,
    name: &HeaderName,
    value: impl IntoIterator<Item = &'v [u8]>,
) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    for part in value {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

fn explain(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "a header's name is not valid",
        httparse::Error::HeaderValue => "a header's value is not valid",
        httparse::Error::NewLine => "a line ends without a line feed",
        httparse::Error::Status => "the status is not valid",
        httparse::Error::Token => "the request line is not valid",
        httparse::Error::TooManyHeaders => "too many header fields",
        httparse::Error::Version => "the HTTP version is not 1.0 or 1.1",
    }
}

#[cfg(test)]
mod tests;
