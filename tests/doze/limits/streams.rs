//! HTTP/2 clients that open more than they should.

use serde_json::json;

use super::{unharmed, with_neighbour};
use crate::functions::HOLDING;
use crate::harness::{Connection, RawConnection, Request, TestBed};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const END_HEADERS: u8 = 4;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
/// A setting (RFC 9113, 6.5.2) and an error (7).
const MAX_CONCURRENT_STREAMS: u16 = 3;
const REFUSED_STREAM: u32 = 7;
/// What the server allows.
const MAX_STREAMS: u32 = 256;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The next frame: its kind, its stream, its payload.
async fn next_frame(connection: &mut RawConnection) -> (u8, u32, Vec<u8>) {
    let head = connection.read_exactly(9).await;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
    (head[3], stream, connection.read_exactly(length as usize).await)
}

/// `POST path`, without indexing and with no end of its body in sight.
fn open_stream(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86]; // :method POST, :scheme http
    for (name, value) in [(4, path), (1, "test")] {
        // :path, :authority
        block.extend([name, u8::try_from(value.len()).expect("a short text")]);
        block.extend(value.bytes());
    }
    frame(HEADERS, END_HEADERS, stream, &block)
}

#[tokio::test]
async fn streams_beyond_the_announced_number_are_refused() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    bed.function("held").source(HOLDING).drop_in().await;
    let mut connection = bed.raw().await;
    connection.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let (kind, _, settings) = next_frame(&mut connection).await;
    assert_eq!(kind, SETTINGS);
    let announced = settings.chunks(6).find_map(|setting| {
        let name = u16::from_be_bytes([setting[0], setting[1]]);
        let value = u32::from_be_bytes(setting[2..6].try_into().unwrap());
        (name == MAX_CONCURRENT_STREAMS).then_some(value)
    });
    assert_eq!(announced, Some(MAX_STREAMS));

    let one_too_many = 2 * MAX_STREAMS + 1;
    for stream in (1..=one_too_many).step_by(2) {
        connection.send(open_stream(stream, "/held")).await.unwrap();
    }
    let (stream, error) = loop {
        let (kind, stream, payload) = next_frame(&mut connection).await;
        if kind == RESET {
            break (stream, u32::from_be_bytes(payload.try_into().unwrap()));
        }
    };
    assert_eq!((stream, error), (one_too_many, REFUSED_STREAM));
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn hundreds_of_endless_responses_that_nobody_reads_do_not_fill_the_memory() {
    let (mut bed, neighbour) = with_neighbour(TestBed::new().alone()).await;
    let source = "
        const chunk = new Uint8Array(64 << 10);
        export default () => new ReadableStream({ pull: (body) => body.enqueue(chunk) });
    ";
    bed.function("flood").source(source).manifest(json!({ "concurrency": 1000 })).drop_in().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let connection = Connection::http2(bed.address()).await;
        for _ in 0..MAX_STREAMS {
            let request = Request::new(bed.address(), "GET", "/flood");
            let mut stream = connection.beside();
            open.push(tokio::spawn(async move { stream.open_request(request).await }));
        }
    }
    let mut streams = Vec::new();
    for stream in open {
        streams.push(stream.await.unwrap());
    }
    assert!(streams.iter().all(|stream| stream.status == 200));
    unharmed(&bed, &neighbour).await;
    let peak = bed.server().memory("VmHWM");
    assert!(peak < 150 << 10, "the server held {peak} KiB");
    drop(streams);
}
