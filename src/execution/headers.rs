//! What a proxy takes out of a head and what it adds.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::inbound::Inbound;
use super::link::Link;
use super::reply::REQUEST_ID;
use crate::http1::body::Framing;
use crate::http1::head::{tokens, upgrade, write_field, write_request_line};
use crate::telemetry::traces::{self, TRACEPARENT};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const TOKEN: HeaderName = HeaderName::from_static("x-doze-token");

/// Fields between the gateway and its processes. A client cannot speak as the
/// gateway, and a function cannot speak as the platform.
const OWN_PREFIX: &str = "x-doze-";

/// The cookie of the operator's session at the admin API. Browsers send it to
/// every port of a host, and no function is to have it.
pub const OPERATORS_COOKIE: &str = "doze_session";

/// Longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// Whether a field speaks of one connection only (RFC 9110, 7.6.1).
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "transfer-encoding"
            | "upgrade"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
    )
}

/// Which fields of a head end at this hop.
struct Hop<'h> {
    /// What `Connection` names is hop-by-hop too (RFC 9110, 7.6.1).
    listed: Vec<&'h [u8]>,
}

impl<'h> Hop<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        Self { listed: tokens(headers, &CONNECTION).collect() }
    }

    fn ends(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        let is_listed =
            || self.listed.iter().any(|word| word.eq_ignore_ascii_case(text.as_bytes()));
        // What frames a message, and what it is for, is not for `Connection` to take away.
        is_hop_by_hop(text)
            || text.starts_with(OWN_PREFIX)
            || (is_listed() && *name != HOST && *name != CONTENT_LENGTH)
    }
}

/// Takes out what must not go past this hop.
pub fn strip(headers: &mut HeaderMap) {
    let hop = Hop::of(headers);
    let ending: Vec<_> = headers.keys().filter(|name| hop.ends(name)).cloned().collect();
    for name in ending {
        headers.remove(name);
    }
}

/// A line of cookies without the operator's; `None` where no other is in it.
fn without_operators_cookie(line: &HeaderValue) -> Option<Cow<'_, [u8]>> {
    let name = OPERATORS_COOKIE.as_bytes();
    let line = line.as_bytes();
    if memchr::memmem::find(line, name).is_none() {
        return Some(Cow::Borrowed(line));
    }
    let is_other = |pair: &&[u8]| {
        let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        key.trim_ascii() != name
    };
    let pairs = line.split(|byte| *byte == b';').filter(is_other);
    let pairs = pairs.map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b"; "[..]);
    (!pairs.is_empty()).then_some(Cow::Owned(pairs))
}

/// A request's id.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's where that is plain, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let is_plain = |id: &&HeaderValue| id.to_str().is_ok_and(is_request_id);
        headers.get(REQUEST_ID).filter(is_plain).cloned().map_or_else(Self::fresh, Self)
    }

    /// One that no other request has.
    pub fn fresh() -> Self {
        let mut text = const_hex::Buffer::<16>::new();
        let value = HeaderValue::from_str(text.format(&rand::random::<u128>().to_be_bytes()));
        Self(value.unwrap_or(HeaderValue::from_static("0")))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

/// Whether a text may be a request's id: short, and nothing that means anything
/// where it is written.
pub fn is_request_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_REQUEST_ID
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
}

/// What the gateway knows about a request besides its head.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'r> {
    /// Its id.
    pub request_id: &'r RequestId,
    /// The function's name, which the function does not see in its path.
    pub name: &'r str,
    /// The path below it.
    pub path: &'r str,
}

/// Whether the gateway writes a field of a request itself, or it is for the
/// gateway alone.
fn is_written_anew(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "expect"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-forwarded-prefix"
            | "x-request-id"
            | "traceparent"
    )
}

/// What a client said in the fields that are written anew. They are found in
/// one pass, since each look-up costs as much.
#[derive(Default)]
struct Given<'h> {
    host: Option<&'h HeaderValue>,
    forwarded_for: bool,
    forwarded_host: Option<&'h HeaderValue>,
    forwarded_proto: Option<&'h HeaderValue>,
    forwarded_prefix: Option<&'h HeaderValue>,
    traceparent: Option<&'h HeaderValue>,
}

impl<'h> Given<'h> {
    fn of(headers: &'h HeaderMap, hop: &Hop<'_>) -> Self {
        let mut given = Self::default();
        for (name, value) in headers.iter().filter(|(name, _)| !hop.ends(name)) {
            let place = match name.as_str() {
                "host" => &mut given.host,
                "x-forwarded-for" => {
                    given.forwarded_for = true;
                    continue;
                }
                "x-forwarded-host" => &mut given.forwarded_host,
                "x-forwarded-proto" => &mut given.forwarded_proto,
                "x-forwarded-prefix" => &mut given.forwarded_prefix,
                "traceparent" => &mut given.traceparent,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        given
    }
}

/// The head of the request as an instance gets it.
///
/// The target is in absolute form, because Deno makes `request.url` of it.
pub fn to_instance<B>(request: &Inbound<B>, passage: Passage<'_>, link: &Link) -> Bytes {
    let Inbound { parts, framing, client, .. } = request;
    let headers = &parts.headers;
    let hop = Hop::of(headers);
    let given = Given::of(headers, &hop);
    let host = given.host.map_or(&b"localhost"[..], HeaderValue::as_bytes);
    // A proxy in front of this one knows what the client spoke to.
    let proto = given.forwarded_proto.map_or(&b"http"[..], HeaderValue::as_bytes);
    let scheme = if proto.eq_ignore_ascii_case(b"https") { "https://" } else { "http://" };

    let mut head = BytesMut::with_capacity(1024);
    let query = parts.uri.query();
    let target = [
        scheme.as_bytes(),
        host,
        passage.path.as_bytes(),
        query.map_or(b"", |_| b"?"),
        query.unwrap_or_default().as_bytes(),
    ];
    write_request_line(&mut head, &parts.method, &target);
    write_field(&mut head, &HOST, [host]);
    for (name, value) in headers {
        if hop.ends(name) || is_written_anew(name.as_str()) {
            continue;
        }
        if *name != COOKIE {
            write_field(&mut head, name, [value.as_bytes()]);
        } else if let Some(line) = without_operators_cookie(value) {
            write_field(&mut head, name, [&*line]);
        }
    }
    if !hop.listed.is_empty()
        && let Some(protocol) = upgrade(headers)
    {
        // Handlers compare with the lower-case word.
        write_field(&mut head, &UPGRADE, [&*protocol.as_bytes().to_ascii_lowercase()]);
        write_field(&mut head, &CONNECTION, [&b"upgrade"[..]]);
    }
    match framing {
        Framing::Length(length) => {
            write_field(&mut head, &CONTENT_LENGTH, [length.to_string().as_bytes()]);
        }
        Framing::Chunked | Framing::UntilClose => {
            write_field(&mut head, &TRANSFER_ENCODING, [&b"chunked"[..]]);
        }
        Framing::Empty => {}
    }

    let chain = given.forwarded_for.then(|| headers.get_all(FORWARDED_FOR));
    let chain = chain.into_iter().flatten().flat_map(|list| [list.as_bytes(), b", "]);
    write_field(&mut head, &FORWARDED_FOR, chain.chain([client.as_bytes()]));
    let outer = given.forwarded_prefix.and_then(|prefix| prefix.to_str().ok());
    let outer = outer.unwrap_or_default().trim_end_matches('/');
    let prefix = [outer.as_bytes(), b"/", passage.name.as_bytes()];
    write_field(&mut head, &FORWARDED_PREFIX, prefix);
    let outer = given.forwarded_host.map_or(host, HeaderValue::as_bytes);
    write_field(&mut head, &FORWARDED_HOST, [outer]);
    write_field(&mut head, &FORWARDED_PROTO, [proto]);
    write_field(&mut head, &REQUEST_ID, [passage.request_id.as_str().as_bytes()]);
    let caller = given.traceparent.filter(|value| traces::is_traceparent(value));
    match (traces::current(), caller) {
        (Some(own), _) => write_field(&mut head, &TRACEPARENT, [own.as_bytes()]),
        (None, Some(caller)) => write_field(&mut head, &TRACEPARENT, [caller.as_bytes()]),
        (None, None) => write_field(&mut head, &TRACEPARENT, [&traces::new_context()[..]]),
    }
    write_field(&mut head, &TOKEN, [link.token.as_bytes()]);
    head.extend_from_slice(b"\r\n");
    head.freeze()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn head(fields: &[(&'static str, &'static str)]) -> String {
        let mut parts = http::Request::get("/f/x?q").body(()).unwrap().into_parts().0;
        for (name, value) in fields {
            parts.headers.append(*name, HeaderValue::from_static(value));
        }
        let request_id = &RequestId(HeaderValue::from_static("r1"));
        let passage = Passage { request_id, name: "f", path: "/x" };
        let client = "10.0.0.1".into();
        let request = Inbound::<()> { parts, body: None, framing: Framing::Empty, client };
        let link = Link::open(Path::new("/dev/null"), "secret".into(), 0).unwrap();
        let head = to_instance(&request, passage, &link);
        String::from_utf8(head.to_vec()).unwrap()
    }

    #[test]
    fn an_instance_sees_the_path_below_its_name_and_who_asked() {
        let chain = ["192.0.2.1", "192.0.2.2, 192.0.2.3"].map(|list| ("x-forwarded-for", list));
        let head = head(&[("host", "a.example"), chain[0], chain[1]]);
        for line in [
            "GET http://a.example/x?q HTTP/1.1",
            "host: a.example",
            "x-forwarded-for: 192.0.2.1, 192.0.2.2, 192.0.2.3, 10.0.0.1",
            "x-forwarded-host: a.example",
            "x-forwarded-proto: http",
            "x-forwarded-prefix: /f",
            "x-request-id: r1",
            "x-doze-token: secret",
        ] {
            assert!(head.lines().any(|l| l == line), "{line} is not in\n{head}");
        }
        assert!(head.contains("\r\ntraceparent: 00-"));
    }

    #[test]
    fn what_concerns_one_connection_or_claims_to_be_the_gateway_does_not_pass() {
        let head = head(&[
            ("host", "a"),
            ("connection", "keep-alive, x-secret-hop, host, x-forwarded-for, cookie"),
            ("x-forwarded-for", "forged"),
            ("cookie", "forged"),
            ("keep-alive", "timeout=5"),
            ("x-secret-hop", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "x"),
            ("x-doze-token", "forged"),
            ("x-doze-warm", "1"),
            ("expect", "100-continue"),
            ("upgrade", "websocket"),
        ]);
        for name in [
            "connection",
            "keep-alive",
            "x-secret-hop",
            "te:",
            "transfer-encoding",
            "proxy-",
            "forged",
            "x-doze-warm",
            "expect",
            "upgrade",
        ] {
            assert!(!head.contains(name), "{name} is in\n{head}");
        }
        assert!(head.contains("\r\nhost: a\r\n"));
    }

    #[test]
    fn the_operators_cookie_does_not_pass_and_the_others_do() {
        for (sent, passed) in [
            (&["a=1; doze_session=x; b=2"][..], "\r\ncookie: a=1; b=2\r\n"),
            (&["a=1;doze_session=x;doze_session = y"], "\r\ncookie: a=1\r\n"),
            (&["a=1", "doze_session=x"], "\r\ncookie: a=1\r\n"),
            (
                &["a=\"doze_session=1\"; my_doze_session=2"],
                "\r\ncookie: a=\"doze_session=1\"; my_doze_session=2\r\n",
            ),
            (&["doze_session", "b=2"], "\r\ncookie: b=2\r\n"),
        ] {
            let fields: Vec<_> = sent.iter().map(|line| ("cookie", *line)).collect();
            let head = head(&[&[("host", "a")], &fields[..]].concat());
            assert!(head.contains(passed), "{sent:?} gave\n{head}");
            assert_eq!(head.matches("cookie:").count(), 1, "{sent:?} gave\n{head}");
        }
        assert!(!head(&[("host", "a"), ("cookie", "doze_session=x")]).contains("cookie"));
    }

    #[test]
    fn an_upgrade_passes_in_lower_case() {
        let head = head(&[("host", "a"), ("connection", "Upgrade"), ("upgrade", "WebSocket")]);
        assert!(head.contains("\r\nupgrade: websocket\r\n"));
        assert!(head.contains("\r\nconnection: upgrade\r\n"));
    }

    #[test]
    fn a_valid_trace_context_is_passed_on_and_an_invalid_one_replaced() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(head(&[("host", "a"), ("traceparent", good)]).contains(good));
        for bad in ["x", "00-0-0-0", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert!(!head(&[("host", "a"), ("traceparent", bad)]).contains(&format!(": {bad}\r")));
        }
    }

    #[test]
    fn a_plain_request_id_is_kept_and_any_other_replaced() {
        let id = |value: &'static str| {
            let headers = [(REQUEST_ID, HeaderValue::from_static(value))];
            RequestId::of(&HeaderMap::from_iter(headers)).as_str().to_owned()
        };
        assert_eq!(id("abc-1"), "abc-1");
        for bad in ["", "a b", "<script>"] {
            assert_eq!(id(bad).len(), 32, "{bad:?} was kept");
        }
        assert_eq!(RequestId::fresh().as_str().len(), 32);
    }
}
