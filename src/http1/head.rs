//! Request and response heads.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
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
    let mut headers = collect(&head, parsed.headers, 0)?;

    let framing = framing(&headers, version)?;
    check_host(&mut headers, &uri, version)?;
    let keep_alive = keep_alive(&headers, version);
    let expects_continue = version == Version::HTTP_11
        && framing != Framing::Empty
        && headers.get(EXPECT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));

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
    // Room for what a proxy adds, so that the map is not grown later.
    let headers = collect(&head, parsed.headers, 8)?;
    let bodiless = *to == Method::HEAD || !may_have_body(status);
    let framing = match framing(&headers, version)? {
        _ if bodiless => Framing::Empty,
        // Deno sends this one, which is always empty, without saying so.
        Framing::Empty if status == StatusCode::RESET_CONTENT => Framing::Empty,
        Framing::Empty if !headers.contains_key(CONTENT_LENGTH) => Framing::UntilClose,
        framing => framing,
    };
    let reusable = keep_alive(&headers, version)
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

/// The fields of a head, with room for some more.
fn collect(
    head: &Bytes,
    parsed: &[httparse::Header<'_>],
    room: usize,
) -> Result<HeaderMap, BadHead> {
    let mut headers = HeaderMap::with_capacity(parsed.len() + room);
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Malformed("a header's name is not valid"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| Malformed("a header's value is not valid"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn framing(headers: &HeaderMap, version: Version) -> Result<Framing, BadHead> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(Framing::Empty),
        (Some(_), Some(_)) => Err(Malformed("both Content-Length and Transfer-Encoding")),
        (Some(_), None) if version == Version::HTTP_10 => {
            Err(Malformed("Transfer-Encoding in HTTP/1.0"))
        }
        (Some(coding), None) => {
            let plain = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            if plain && codings.next().is_none() {
                Ok(Framing::Chunked)
            } else {
                Err(Malformed("a transfer coding other than chunked"))
            }
        }
        (None, Some(length)) => {
            if lengths.next().is_some() {
                return Err(Malformed("several Content-Length fields"));
            }
            // `parse` alone would accept a leading plus sign.
            let digits = length.as_bytes();
            let number =
                digits.iter().all(u8::is_ascii_digit).then(|| length.to_str().ok()?.parse().ok());
            match number.flatten() {
                Some(0) => Ok(Framing::Empty),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(Malformed("Content-Length is not a number")),
            }
        }
    }
}

fn check_host(headers: &mut HeaderMap, uri: &Uri, version: Version) -> Result<(), BadHead> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Malformed("several Host fields"));
    }
    match host {
        None if version == Version::HTTP_11 => return Err(Malformed("no Host field")),
        Some(host) if http::uri::Authority::try_from(host.as_bytes()).is_err() => {
            return Err(Malformed("Host is not a host"));
        }
        _ => {}
    }
    if let Some(authority) = uri.authority() {
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| Malformed("the target's host is not valid"))?;
        headers.insert(HOST, host);
    }
    Ok(())
}

fn keep_alive(headers: &HeaderMap, version: Version) -> bool {
    let asked_for = version == Version::HTTP_11 || has_token(headers, &CONNECTION, b"keep-alive");
    asked_for && !has_token(headers, &CONNECTION, b"close")
}

/// Whether a comma-separated header holds a word, in any case.
pub fn has_token(headers: &HeaderMap, name: &HeaderName, word: &[u8]) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word))
}

/// The words of a comma-separated header.
pub fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii))
}

/// Whether these headers ask for, or grant, a change of protocol.
pub fn upgrade(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(UPGRADE).filter(|_| has_token(headers, &CONNECTION, b"upgrade"))
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
