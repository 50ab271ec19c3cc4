//! What a proxy takes out of a head and what it adds.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, request};

use super::link::Link;
use super::reply::REQUEST_ID;
use crate::http1::body::Framing;
use crate::http1::head::{tokens, upgrade, write_request};
use crate::telemetry::traces::{self, TRACEPARENT};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
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

/// The cookie of the operator's session at the admin API. Browsers send it to
/// every port of a host, and no function is to have it.
pub const OPERATORS_COOKIE: &str = "doze_session";

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

/// Takes the operator's cookie out from among the others.
fn strip_operators_cookie(headers: &mut HeaderMap) {
    let name = OPERATORS_COOKIE.as_bytes();
    let holds = |line: &HeaderValue| memchr::memmem::find(line.as_bytes(), name).is_some();
    if !headers.get_all(COOKIE).iter().any(holds) {
        return;
    }
    let is_other = |pair: &&[u8]| {
        let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        key.trim_ascii() != name
    };
    let without = |line: &HeaderValue| {
        let pairs = line.as_bytes().split(|byte| *byte == b';').filter(is_other);
        let pairs = pairs.map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b"; "[..]);
        // Parts of a valid value are one.
        HeaderValue::from_bytes(&pairs).ok().filter(|line| !line.is_empty())
    };
    let kept: Vec<_> = headers.get_all(COOKIE).iter().filter_map(without).collect();
    headers.remove(COOKIE);
    for line in kept {
        headers.append(COOKIE, line);
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
    strip_operators_cookie(headers);
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
    if let Some(own) = traces::current() {
        insert_text(headers, TRACEPARENT, &own);
    } else if !headers.get(TRACEPARENT).is_some_and(traces::is_traceparent) {
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
            request_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(value))]))
        };
        assert_eq!(id("abc-1"), "abc-1");
        for bad in ["", "a b", "<script>"] {
            assert_eq!(id(bad).len(), 32, "{bad:?} was kept");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 32);
    }
}
