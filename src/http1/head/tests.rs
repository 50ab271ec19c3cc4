use super::*;

fn take(text: &str) -> Result<Option<RequestHead>, BadHead> {
    take_request(&mut BytesMut::from(text), 1024)
}

#[test]
fn what_two_servers_could_read_differently_is_refused() {
    for (head, reason) in [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", "bare line feed"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "bare line feed"),
        ("GET / HTTP/1.1\r\n\r\n", "no Host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "several Host"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "not a host"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "not a host"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "both",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "several Content-Length",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", "not a number"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "not a number"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "not a number"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "not a number"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
            "not a number",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", "other than chunked"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "other than chunked",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "other than chunked",
        ),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "name"),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "name"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "value"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "request line"),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "not a path"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "not a path"),
        ("G\u{7f}T / HTTP/1.1\r\nHost: a\r\n\r\n", "request line"),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", "request line"),
    ] {
        match take(head) {
            Err(Malformed(text)) if text.contains(reason) => {}
            other => panic!("{head:?}\n  gave {other:?}\n  not {reason:?}"),
        }
    }
}

#[test]
fn a_head_is_taken_only_when_it_is_complete_and_leaves_the_rest() {
    let whole = b"\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for cut in 0..whole.len() - 3 {
        let mut partial = BytesMut::from(&whole[..cut]);
        assert!(take_request(&mut partial, 1024).unwrap().is_none(), "at {cut}");
    }
    let mut buffer = BytesMut::from(&whole[..]);
    let head = take_request(&mut buffer, 1024).unwrap().unwrap();
    assert_eq!(head.framing, Framing::Length(3));
    assert_eq!(head.parts.uri, "/a?b");
    assert_eq!(&buffer[..], b"abc");
}

#[test]
fn a_head_beyond_the_limit_is_too_large_even_when_it_never_ends() {
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(2000));
    assert_eq!(take(&endless).unwrap_err(), BadHead::TooLarge);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(300));
    let error = take_request(&mut BytesMut::from(many.as_str()), 1 << 20).unwrap_err();
    assert_eq!(error, BadHead::TooLarge);
}

#[test]
fn an_absolute_target_names_the_host() {
    let head = take("GET http://b.example/x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().unwrap();
    assert_eq!(head.parts.headers[HOST], "b.example");
}

#[test]
fn a_connection_is_kept_as_the_version_and_the_client_say() {
    for (head, kept) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false),
    ] {
        assert_eq!(take(head).unwrap().unwrap().keep_alive, kept, "{head:?}");
    }
}

#[test]
fn a_response_says_where_its_body_ends() {
    for (head, to, framing, reusable) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Method::GET, Framing::Length(3), true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Method::GET, Framing::Empty, true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Method::HEAD, Framing::Empty, true),
        ("HTTP/1.1 204 No Content\r\n\r\n", Method::GET, Framing::Empty, true),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", Method::GET, Framing::Empty, true),
        ("HTTP/1.1 205 Reset Content\r\n\r\n", Method::GET, Framing::Empty, true),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Method::GET, Framing::Empty, false),
        ("HTTP/1.1 200 OK\r\n\r\n", Method::GET, Framing::UntilClose, false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            Method::GET,
            Framing::Chunked,
            true,
        ),
    ] {
        let taken = take_response(&mut BytesMut::from(head), 1024, &to).unwrap().unwrap();
        assert_eq!((taken.framing, taken.reusable), (framing, reusable), "{head:?}");
    }
}
