//! Where a body ends.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Longest line with a chunk's size and extensions, in bytes.
const MAX_CHUNK_LINE: usize = 4096;
/// Longest block of trailers, in bytes.
const MAX_TRAILERS: usize = 16 * 1024;
/// Trailer fields in one body.
const MAX_TRAILER_FIELDS: usize = 64;

/// How a message's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Chunks with their sizes, and perhaps trailers.
    Chunked,
    /// Everything until the connection ends.
    UntilClose,
}

/// Reads one body out of the bytes of a connection.
#[derive(Debug)]
pub struct Decoder(State);

#[derive(Debug)]
enum State {
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    End,
}

/// What the next bytes were.
#[derive(Debug)]
pub enum Decoded {
    /// A piece of the body.
    Data(Bytes),
    /// The fields after the last chunk; the body has ended.
    Trailers(HeaderMap),
    /// The body has ended.
    End,
    /// Nothing can be said without more bytes.
    NeedMore,
}

/// A body that breaks the rules of its framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadBody(&'static str);

impl Decoder {
    /// A decoder for one body.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Empty => State::End,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the whole body has been read.
    pub fn is_end(&self) -> bool {
        matches!(self.0, State::End)
    }

    /// Whether the end of the connection is the end of this body.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.0, State::UntilClose)
    }

    /// How many bytes are left, where the framing says so.
    pub fn remaining(&self) -> Option<u64> {
        match self.0 {
            State::End => Some(0),
            State::Length(left) => Some(left),
            _ => None,
        }
    }

    /// Takes what belongs to this body off the front of `buffer`.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BadBody> {
        loop {
            match &mut self.0 {
                State::End => return Ok(Decoded::End),
                _ if buffer.is_empty() => return Ok(Decoded::NeedMore),
                State::UntilClose => return Ok(Decoded::Data(buffer.split().freeze())),
                State::Length(left) => {
                    let data = take(buffer, left);
                    if *left == 0 {
                        self.0 = State::End;
                    }
                    return Ok(Decoded::Data(data));
                }
                State::ChunkSize => match take_line(buffer, MAX_CHUNK_LINE)? {
                    None => return Ok(Decoded::NeedMore),
                    Some(line) => {
                        let size = chunk_size(&line)?;
                        self.0 = if size == 0 { State::Trailers } else { State::ChunkData(size) };
                    }
                },
                State::ChunkData(left) => {
                    let data = take(buffer, left);
                    if *left == 0 {
                        self.0 = State::ChunkEnd;
                    }
                    return Ok(Decoded::Data(data));
                }
                State::ChunkEnd => {
                    if buffer[0] != b'\r' || buffer.get(1).is_some_and(|b| *b != b'\n') {
                        return Err(BadBody("a chunk is longer than its size"));
                    }
                    if buffer.len() < 2 {
                        return Ok(Decoded::NeedMore);
                    }
                    buffer.advance(2);
                    self.0 = State::ChunkSize;
                }
                State::Trailers => {
                    let Some(trailers) = take_trailers(buffer)? else {
                        return Ok(Decoded::NeedMore);
                    };
                    self.0 = State::End;
                    return Ok(if trailers.is_empty() {
                        Decoded::End
                    } else {
                        Decoded::Trailers(trailers)
                    });
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    *left -= length as u64;
    buffer.split_to(length).freeze()
}

/// A line without its end; `None` while it is not complete.
fn take_line(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, BadBody> {
    match memchr::memchr(b'\n', &buffer[..buffer.len().min(limit)]) {
        Some(feed) if feed > 0 && buffer[feed - 1] == b'\r' => {
            let mut line = buffer.split_to(feed + 1).freeze();
            line.truncate(feed - 1);
            Ok(Some(line))
        }
        Some(_) => Err(BadBody("a chunk's line ends in a bare line feed")),
        None if buffer.len() >= limit => Err(BadBody("a chunk's line is too long")),
        None => Ok(None),
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, BadBody> {
    let size = line.split(|b| *b == b';').next().unwrap_or_default();
    // A blank before the extension is allowed, before the size it is not.
    let size = size.trim_ascii_end();
    if size.is_empty() || size.len() > 15 || line.contains(&b'\r') {
        return Err(BadBody("a chunk's size is not valid"));
    }
    size.iter().try_fold(0, |sum, digit| {
        let digit =
            char::from(*digit).to_digit(16).ok_or(BadBody("a chunk's size is not valid"))?;
        Ok(sum * 16 + u64::from(digit))
    })
}

fn take_trailers(buffer: &mut BytesMut) -> Result<Option<HeaderMap>, BadBody> {
    let bad = BadBody("the trailers are not valid");
    let mut line_start = 0;
    for feed in memchr::memchr_iter(b'\n', buffer) {
        if feed == 0 || buffer[feed - 1] != b'\r' {
            return Err(bad);
        }
        if feed == line_start + 1 {
            let block = buffer.split_to(feed + 1).freeze();
            let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILER_FIELDS];
            let Ok(httparse::Status::Complete((_, fields))) =
                httparse::parse_headers(&block, &mut fields)
            else {
                return Err(bad);
            };
            let mut trailers = HeaderMap::new();
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| bad)?;
                let value = HeaderValue::from_maybe_shared(block.slice_ref(field.value));
                if may_trail(&name) {
                    trailers.append(name, value.map_err(|_| bad)?);
                }
            }
            return Ok(Some(trailers));
        }
        line_start = feed + 1;
    }
    if buffer.len() > MAX_TRAILERS { Err(BadBody("the trailers are too large")) } else { Ok(None) }
}

/// Fields that say where a message ends or where it goes must not come after
/// it (RFC 9110, 6.5.1).
fn may_trail(name: &HeaderName) -> bool {
    !matches!(
        name.as_str(),
        "content-length"
            | "transfer-encoding"
            | "host"
            | "connection"
            | "authorization"
            | "trailer"
    ) && !name.as_str().starts_with("x-doze-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds the text in pieces of `step` bytes.
    fn read(
        framing: Framing,
        text: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, HeaderMap, Vec<u8>), BadBody> {
        let mut decoder = Decoder::new(framing);
        let (mut buffer, mut body, mut trailers) = (BytesMut::new(), Vec::new(), HeaderMap::new());
        let mut pieces = text.chunks(step);
        loop {
            match decoder.decode(&mut buffer)? {
                Decoded::Data(data) => body.extend_from_slice(&data),
                Decoded::Trailers(fields) => trailers = fields,
                Decoded::End => {
                    buffer.extend(pieces.flatten());
                    return Ok((body, trailers, buffer.to_vec()));
                }
                Decoded::NeedMore => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return Err(BadBody("breaks off")),
                },
            }
        }
    }

    #[test]
    fn chunks_and_trailers_are_read_and_the_next_message_is_left() {
        let text = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\n\r\nGET";
        for step in 1..text.len() {
            let (body, trailers, rest) = read(Framing::Chunked, text, step).unwrap();
            assert_eq!(body, b"abcde");
            assert_eq!(trailers.len(), 1);
            assert_eq!(trailers["x-sum"], "5");
            assert_eq!(rest, b"GET");
        }
    }

    #[test]
    fn a_body_that_breaks_its_framing_is_refused() {
        for text in [
            "x\r\n",
            "-1\r\n",
            "+1\r\na\r\n",
            " 1\r\na\r\n",
            "\r\n",
            "0x1\r\na\r\n",
            "1\na\n",
            "1\r\nab\r\n",
            "1\r\na\n\r\n",
            "10000000000000000\r\n",
            "0\r\nX : y\r\n\r\n",
            "0\r\nbad\r\n\r\n",
            "0\r\nX: y\n\r\n",
        ] {
            for step in [1, 100] {
                assert!(
                    read(Framing::Chunked, text.as_bytes(), step)
                        .is_err_and(|e| e.0 != "breaks off"),
                    "{text:?} was accepted in steps of {step}"
                );
            }
        }
        let long = format!("1;{}", "a".repeat(5000));
        assert!(read(Framing::Chunked, long.as_bytes(), 100).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_result(text in proptest::collection::vec(any::<u8>(), 0..60), step in 1usize..7) {
            prop_assert_eq!(read(Framing::Chunked, &text, step), read(Framing::Chunked, &text, 1000));
        }
    }
}
