//! Requests as bytes: heads, and where one request ends and the next begins.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use doze::http1::body::{Decoded, Decoder, Framing};
use doze::http1::head::{BadHead, RequestHead, take_request, write_fields, write_request_line};
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: usize = 4096;

/// Whatever a client sends on one connection.
pub fn run(data: &[u8]) {
    let whole = take(&[data]);
    for cut in 0..=data.len().min(400) {
        let (one, two) = data.split_at(cut);
        assert_eq!(take(&[one, two]), whole, "cut at {cut}");
    }
    if let Taken::Head(..) = &whole {
        let mut buffer = BytesMut::from(data);
        let head = take_request(&mut buffer, LIMIT).expect("a head").expect("all of it");
        let text = data[..data.len() - buffer.len()].to_vec();
        check_reading(&head, &text);
        check_writing(&head);
    }
    check_requests(data);
}

#[derive(Debug, PartialEq)]
enum Taken {
    /// The head as text, and the bytes after it.
    Head(String, Vec<u8>),
    Incomplete,
    Bad,
}

fn take(pieces: &[&[u8]]) -> Taken {
    let mut buffer = BytesMut::new();
    for (index, piece) in pieces.iter().enumerate() {
        buffer.extend_from_slice(piece);
        match take_request(&mut buffer, LIMIT) {
            Ok(Some(head)) => {
                pieces[index + 1..].iter().for_each(|piece| buffer.extend_from_slice(piece));
                return Taken::Head(format!("{head:?}"), buffer.to_vec());
            }
            Ok(None) => {}
            Err(BadHead::Malformed(reason)) => {
                assert!(!reason.is_empty());
                return Taken::Bad;
            }
            Err(BadHead::TooLarge) => return Taken::Bad,
        }
    }
    assert!(buffer.len() < LIMIT, "more than the limit is kept");
    Taken::Incomplete
}

/// Reads the head as plainly as can be, and compares.
fn check_reading(head: &RequestHead, text: &[u8]) {
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    let text = text.trim_start_matches("\r\n").strip_suffix("\r\n\r\n").expect("it ends");
    let mut lines = text.split("\r\n");
    let first: Vec<_> = lines.next().expect("a line").split(' ').collect();
    let [method, target, version] = first[..] else { panic!("a line of {first:?}") };
    assert_eq!(head.parts.method.as_str(), method);
    let minor = if head.parts.version == Version::HTTP_11 { "1" } else { "0" };
    assert_eq!(version, format!("HTTP/1.{minor}"));
    if target.starts_with('/') {
        let uri = head.parts.uri.to_string();
        assert_eq!(uri, target.split('#').next().expect("a part"), "another target");
    }
    let mut fields: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap_or_else(|| panic!("no colon in {line:?}")))
        .map(|(name, value)| (name.to_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
        .collect();
    let mut read: Vec<(String, String)> = head
        .parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), value.as_bytes().iter().map(|byte| char::from(*byte)).collect())
        })
        .collect();
    for (name, value) in &fields {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        assert!(!name.is_empty() && name.bytes().all(token), "{name:?} is no name");
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?} is no value");
    }
    if head.parts.uri.authority().is_some() {
        // An absolute target's host is the one that counts.
        fields.retain(|(name, _)| name != "host");
        read.retain(|(name, _)| name != "host");
    }
    fields.sort();
    read.sort();
    assert_eq!(read, fields);

    let all = |wanted: &'static str| fields.iter().filter(move |(name, _)| name == wanted);
    let (codings, lengths) = (all("transfer-encoding").count(), all("content-length").count());
    match head.framing {
        Framing::Empty => assert!(
            codings == 0 && all("content-length").all(|(_, v)| v.bytes().all(|b| b == b'0'))
        ),
        Framing::Length(length) => {
            assert_eq!((codings, lengths), (0, 1));
            let written = &all("content-length").next().expect("a length").1;
            assert_eq!(written.trim_start_matches('0'), length.to_string());
        }
        Framing::Chunked => assert_eq!((codings, lengths, minor), (1, 0, "1")),
        Framing::UntilClose => panic!("a request does not end with its connection"),
    }
}

/// What is written of a head is read as the same head.
fn check_writing(head: &RequestHead) {
    let mut written = BytesMut::new();
    let target = head.parts.uri.to_string();
    write_request_line(&mut written, &head.parts.method, &[target.as_bytes()]);
    write_fields(&mut written, &head.parts.headers);
    written.extend_from_slice(b"\r\n");
    if head.parts.version == Version::HTTP_10 {
        // It is forwarded as HTTP/1.1, which needs a host.
        return;
    }
    let back = take_request(&mut written, 2 * LIMIT).expect("a head").expect("all of it");
    assert!(written.is_empty(), "{} bytes too many", written.len());
    assert_eq!(back.framing, head.framing);
    assert_eq!(back.parts.headers, head.parts.headers);
    assert_eq!(
        (back.parts.method, back.parts.uri),
        (head.parts.method.clone(), head.parts.uri.clone())
    );
}

/// Method, target and body of each request.
type Requests = Vec<(String, String, Vec<u8>)>;

/// Another server sees the same requests: none is hidden in one's body.
fn check_requests(data: &[u8]) {
    let (ours, complete) = requests(data);
    if ours.is_empty() {
        return;
    }
    let theirs = requests_of_hyper(data);
    assert!(ours.len() <= theirs.len(), "{ours:?} of which only {theirs:?} is seen elsewhere");
    assert_eq!(ours[..], theirs[..ours.len()]);
    if complete {
        assert_eq!(ours.len(), theirs.len(), "{theirs:?} of which only {ours:?} was seen");
    }
}

/// Every complete request, and whether all bytes were used for them.
fn requests(data: &[u8]) -> (Requests, bool) {
    let (mut buffer, mut requests) = (BytesMut::from(data), Vec::new());
    loop {
        let head = match take_request(&mut buffer, LIMIT) {
            Ok(Some(head)) => head,
            Ok(None) => return (requests, buffer.is_empty()),
            // Others may be kinder, and serve what is refused here.
            Err(_) => return (requests, false),
        };
        let (mut decoder, mut body) = (Decoder::new(head.framing), Vec::new());
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Data(data)) => body.extend_from_slice(&data),
                Ok(Decoded::Trailers(_)) => {}
                Ok(Decoded::End) => break,
                Ok(Decoded::NeedMore) | Err(_) => return (requests, false),
            }
        }
        requests.push((head.parts.method.to_string(), head.parts.uri.to_string(), body));
        if !head.keep_alive {
            return (requests, true);
        }
    }
}

fn requests_of_hyper(data: &[u8]) -> Requests {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let note = Arc::clone(&note);
        async move {
            let (parts, body) = request.into_parts();
            // A body that breaks off is no request that anybody has answered.
            if let Ok(body) = body.collect().await {
                let body = body.to_bytes().to_vec();
                let mut seen = note.lock().expect("nothing panics meanwhile");
                seen.push((parts.method.to_string(), parts.uri.to_string(), body));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (client, server) = tokio::io::duplex(1 << 20);
        let serve = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service);
        let send = async {
            let (mut answers, mut requests) = tokio::io::split(client);
            let _ = requests.write_all(data).await;
            let _ = requests.shutdown().await;
            let _ = answers.read_to_end(&mut Vec::new()).await;
        };
        let _ = tokio::join!(serve, send);
    });
    let seen = seen.lock().expect("nothing panicked");
    seen.clone()
}
