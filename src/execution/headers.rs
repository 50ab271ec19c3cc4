//! What a proxy takes out of a head and what it adds.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, request};

use super::link::Link;
use super::reply::REQUEST_ID;
use crate::http1::body::Framing;
use crate::http1::head::{tokens, upgrade, write_request};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TOKEN: HeaderName = HeaderName::from_static("x-doze-token");

/// Fields that speak of one connection only (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("te"),
];

/// Fields between the gateway and its processes. A client cannot speak as the
/// gateway, and a function cannot speak as the platform.
const OWN_PREFIX: &str = "x-doze-";

/// Longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// Takes out what must not go past this hop.
pub fn strip(headers: &mut HeaderMap) {
    // What `Connection` names is hop-by-hop too, but for what frames the message.
    let listed: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(OWN_PREFIX)).cloned().collect();
    for name in own {
        headers.remove(name);
    }
}

/// The request's id: the client's where it is plain, else a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let given = given.filter(|id| is_request_id(id));
    given.map_or_else(|| format!("{:032x}", rand::random::<u128>()), ToOwned::to_owned)
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
    pub request_id: &'r str,
    /// Who sent it.
    pub client: IpAddr,
    /// The function's name, which the function does not see in its path.
    pub name: &'r str,
    /// The path below it, with the query.
    pub target: &'r str,
}

/// The head of the request as an instance gets it.
///
/// The target is in absolute form, because Deno makes `request.url` of it.
pub fn to_instance(
    parts: &mut request::Parts,
    framing: Framing,
    passage: Passage<'_>,
    link: &Link,
) -> Bytes {
    let headers = &mut parts.headers;
    let change = upgrade(headers).cloned();
    strip(headers);
    headers.remove(EXPECT);
    if let Some(protocol) = change {
        // Handlers compare with the lower-case word.
        let lower = protocol.as_bytes().to_ascii_lowercase();
        headers.insert(UPGRADE, HeaderValue::from_bytes(&lower).unwrap_or(protocol));
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    match framing {
        Framing::Length(length) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        Framing::Chunked | Framing::UntilClose => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Framing::Empty => {}
    }

    let host = headers.get(HOST).cloned();
    let host = host.unwrap_or_else(|| HeaderValue::from_static("localhost"));
    let client = match headers.get(FORWARDED_FOR).and_then(|list| list.to_str().ok()) {
        Some(list) => format!("{list}, {}", passage.client),
        None => passage.client.to_string(),
    };
    insert_text(headers, FORWARDED_FOR, &client);
    let prefix = match headers.get(FORWARDED_PREFIX).and_then(|prefix| prefix.to_str().ok()) {
        Some(outer) => format!("{}/{}", outer.trim_end_matches('/'), passage.name),
        None => format!("/{}", passage.name),
    };
    insert_text(headers, FORWARDED_PREFIX, &prefix);
    // A proxy in front of this one knows what the client spoke to.
    headers.entry(FORWARDED_HOST).or_insert_with(|| host.clone());
    let scheme = headers
        .entry(FORWARDED_PROTO)
        .or_insert_with(|| HeaderValue::from_static("http"))
        .as_bytes()
        .eq_ignore_ascii_case(b"https");
    insert_text(headers, REQUEST_ID, passage.request_id);
    if !headers.get(TRACEPARENT).is_some_and(is_traceparent) {
        let new = format!("00-{:032x}-{:016x}-00", rand::random::<u128>(), rand::random::<u64>());
        insert_text(headers, TRACEPARENT, &new);
    }
    insert_text(headers, TOKEN, &link.token);
    headers.entry(HOST).or_insert_with(|| host.clone());

    let scheme: &[u8] = if scheme { b"https://" } else { b"http://" };
    let mut head = BytesMut::with_capacity(1024);
    let target = [scheme, host.as_bytes(), passage.target.as_bytes()];
    write_request(&mut head, &parts.method, &target, headers);
    head.freeze()
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Whether this is a W3C trace context of a version that we can pass on.
fn is_traceparent(value: &HeaderValue) -> bool {
    let parts: Vec<_> = value.as_bytes().split(|b| *b == b'-').collect();
    let hex = |part: &[u8], digits| {
        part.len() == digits && part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    matches!(parts[..], [version, trace, span, flags]
        if hex(version, 2) && version != b"ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2)
            && trace.iter().any(|b| *b != b'0') && span.iter().any(|b| *b != b'0'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn head(fields: &[(&'static str, &'static str)]) -> String {
        let mut parts = http::Request::get("/f/x").body(()).unwrap().into_parts().0;
        for (name, value) in fields {
            parts.headers.append(*name, HeaderValue::from_static(value));
        }
        let passage = Passage {
            request_id: "r1",
            client: IpAddr::from([10, 0, 0, 1]),
            name: "f",
            target: "/x?q",
        };
        let link = Link::open(Path::new("/dev/null"), "secret".into(), 0).unwrap();
        let head = to_instance(&mut parts, Framing::Empty, passage, &link);
        String::from_utf8(head.to_vec()).unwrap()
    }

    #[test]
    fn an_instance_sees_the_path_below_its_name_and_who_asked() {
        let head = head(&[("host", "a.example"), ("x-forwarded-for", "192.0.2.1")]);
        for line in [
            "GET http://a.example/x?q HTTP/1.1",
            "host: a.example",
            "x-forwarded-for: 192.0.2.1, 10.0.0.1",
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
            ("connection", "keep-alive, x-secret-hop, host"),
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
            request_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(value))]))
        };
        assert_eq!(id("abc-1"), "abc-1");
        for bad in ["", "a b", "<script>"] {
            assert_eq!(id(bad).len(), 32, "{bad:?} was kept");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 32);
    }
}
