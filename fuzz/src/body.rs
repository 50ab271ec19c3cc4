//! Where a body ends.

use bytes::BytesMut;
use doze::http1::body::{Decoded, Decoder, Framing};

/// What a body was, or that it is not complete, or that it is none.
#[derive(Debug, PartialEq)]
enum Read {
    /// Content, trailer fields, and the bytes after it.
    Body(Vec<u8>, Vec<(String, Vec<u8>)>, Vec<u8>),
    Incomplete,
    Bad,
}

/// The first byte is the framing: 255 for chunks, else a length.
pub fn run(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let framing = match first {
        255 => Framing::Chunked,
        0 => Framing::Empty,
        length => Framing::Length(u64::from(*length)),
    };
    let whole = read(framing, &[text]);
    for cut in 0..=text.len().min(400) {
        let (one, two) = text.split_at(cut);
        assert_eq!(read(framing, &[one, two]), whole, "cut at {cut}");
    }
    let bytes: Vec<_> = text.chunks(1).collect();
    assert_eq!(read(framing, &bytes), whole, "byte by byte");

    match framing {
        Framing::Length(length) => match usize::try_from(length) {
            Ok(length) if length <= text.len() => {
                let (body, rest) = text.split_at(length);
                assert_eq!(whole, Read::Body(body.to_vec(), Vec::new(), rest.to_vec()));
            }
            _ => assert_eq!(whole, Read::Incomplete),
        },
        Framing::Chunked => {
            // Whatever is accepted is accepted by the plainest reading too, which
            // knows no extensions and no trailers.
            if let Read::Body(body, trailers, rest) = &whole {
                let (plain, used) = chunks(text).expect("a stricter reading refuses it");
                assert_eq!(&plain, body);
                assert!(text.len() - used >= rest.len());
                assert_eq!(rest, &text[text.len() - rest.len()..]);
                for (name, _) in trailers {
                    let framing = ["content-length", "transfer-encoding", "host", "connection"];
                    assert!(!framing.contains(&name.as_str()), "{name} came after the body");
                }
            }
        }
        _ => assert_eq!(whole, Read::Body(Vec::new(), Vec::new(), text.to_vec())),
    }
}

fn read(framing: Framing, pieces: &[&[u8]]) -> Read {
    let mut decoder = Decoder::new(framing);
    let (mut buffer, mut pieces) = (BytesMut::new(), pieces.iter());
    let (mut body, mut trailers) = (Vec::new(), Vec::new());
    loop {
        match decoder.decode(&mut buffer) {
            Ok(Decoded::Data(data)) => body.extend_from_slice(&data),
            Ok(Decoded::Trailers(fields)) => trailers.extend(
                fields.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())),
            ),
            Ok(Decoded::End) => {
                assert!(decoder.is_end());
                pieces.for_each(|piece| buffer.extend_from_slice(piece));
                return Read::Body(body, trailers, buffer.to_vec());
            }
            Ok(Decoded::NeedMore) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Read::Incomplete,
            },
            Err(_) => return Read::Bad,
        }
    }
}

/// The content of chunks, and how many bytes there are up to the trailers.
fn chunks(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let end = at + text[at..].windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(text[at..end].split(|b| *b == b';').next()?).ok()?;
        let digits = line.trim_end();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(digits, 16).ok()?;
        at = end + 2;
        if size == 0 {
            return Some((body, at));
        }
        let chunk = text.get(at..at.checked_add(size)?)?;
        body.extend_from_slice(chunk);
        at += size;
        (text.get(at..at + 2)? == b"\r\n").then_some(())?;
        at += 2;
    }
}
