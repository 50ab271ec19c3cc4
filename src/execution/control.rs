//! The channel between a keeper and the shim in its process: one line of JSON
//! per message, over a Unix socket that only that one process ever connects to.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use zeroize::Zeroizing;

use super::code_cache::MAX_CACHE;
use crate::function::published::Format;

/// Longest message that a shim may send, in bytes. A stack is a few thousand.
const MAX_MESSAGE: u64 = 256 * 1024;

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum ToShim<'a> {
    /// The token that requests will carry.
    Boot {
        /// 32 hexadecimal digits.
        token: &'a str,
    },
    /// The function to be; its code follows, `code` bytes long, and then what
    /// V8 made of it before, `cache` bytes long.
    #[serde(rename_all = "camelCase")]
    Assign {
        /// Its name.
        function: &'a str,
        /// Its revision.
        revision: &'a str,
        /// How the bundle's entry exports its handler.
        format: Format,
        /// The variables it sees.
        env: Variables<'a>,
        /// Bytes of code that follow this line.
        code: usize,
        /// Bytes of V8's that follow the code.
        cache: usize,
        /// Whether to answer `Compiled` before anything of the code runs.
        make_cache: bool,
    },
    /// Say that you are alive, and when this request's handler has settled.
    Check {
        /// The request's id.
        request: &'a str,
    },
    /// Finish what `waitUntil` holds, and exit.
    #[serde(rename_all = "camelCase")]
    Stop {
        /// How long that may take.
        grace_ms: u64,
    },
}

/// Variables and secrets, by name. Only the names show themselves.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Variables<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> FromIterator<(&'a str, &'a str)> for Variables<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a shim says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum FromShim {
    /// It listens.
    Ready,
    /// In answer to `Assign`, if it asks for that: nothing of the code has run.
    Compiled {
        /// Bytes that follow this line; none where the code became no script.
        cache: usize,
        /// What V8 makes of the code.
        #[serde(skip)]
        bytes: Vec<u8>,
    },
    /// The function's code has run and has a handler.
    Started {
        /// What became of what V8 had made before.
        #[serde(default)]
        cache: Option<CacheUse>,
    },
    /// It has not.
    Failed {
        /// Why.
        message: String,
        /// Where, in the bundle's lines.
        #[serde(default)]
        stack: Option<String>,
    },
    /// A handler threw, or something outside any request did.
    Error {
        /// The request, if it was in one.
        #[serde(default)]
        request: Option<String>,
        /// What was thrown.
        message: String,
        /// Where, in the bundle's lines.
        #[serde(default)]
        stack: Option<String>,
    },
    /// In answer to `Check`: its event loop turns.
    Alive,
    /// In answer to `Check`: that request's handler has settled.
    Settled {
        /// The request's id.
        request: String,
    },
    /// In answer to `Stop`: it is about to exit.
    Stopped,
}

/// What became of a code cache that a process was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheUse {
    /// V8 took it.
    Used,
    /// V8 found that another V8 had made it, or other code.
    Rejected,
}

/// Where a shim will connect.
#[derive(Debug)]
pub struct ControlListener(UnixListener);

/// Sends messages to a shim.
#[derive(Debug)]
pub struct ControlSender(OwnedWriteHalf);

/// Receives a shim's messages.
#[derive(Debug)]
pub struct ControlReceiver {
    lines: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    /// Whether the next message may be `Compiled`.
    takes_cache: bool,
    /// What of `Compiled` has come, and how long it will be.
    cache: Option<(Vec<u8>, usize)>,
}

impl ControlListener {
    /// Listens at `path`.
    pub fn bind(path: &Path) -> io::Result<Self> {
        UnixListener::bind(path).map(Self)
    }

    /// Waits for the shim, and takes the address away behind it, so that the
    /// function, which shares its process, cannot connect again.
    ///
    /// Others of the same user may come first where nothing else keeps them
    /// away, so whoever is not that process is turned down. Where the server
    /// connects for it, the peer is the server itself.
    pub async fn accept(
        self,
        path: &Path,
        process: Option<u32>,
    ) -> io::Result<(ControlSender, ControlReceiver)> {
        let known = [process, Some(std::process::id())];
        let stream = loop {
            let (stream, _) = self.0.accept().await?;
            let peer = stream.peer_cred()?.pid().and_then(|id| u32::try_from(id).ok());
            if known.contains(&peer) {
                break stream;
            }
        };
        std::fs::remove_file(path)?;
        Ok(split(stream))
    }
}

fn split(stream: UnixStream) -> (ControlSender, ControlReceiver) {
    let (read, write) = stream.into_split();
    let lines = BufReader::new(read);
    let receiver = ControlReceiver { lines, line: Vec::new(), takes_cache: false, cache: None };
    (ControlSender(write), receiver)
}

impl ControlSender {
    /// Sends a message.
    pub async fn send(&mut self, message: &ToShim<'_>) -> io::Result<()> {
        self.send_with(message, &[], &[]).await
    }

    /// Sends a message with the code and the cache behind it that it announces.
    pub async fn send_with(
        &mut self,
        message: &ToShim<'_>,
        code: &[u8],
        cache: &[u8],
    ) -> io::Result<()> {
        // It may hold secrets.
        let mut bytes = Zeroizing::new(serde_json::to_vec(message)?);
        bytes.push(b'\n');
        // One write for both, so that a small function arrives in one piece.
        bytes.extend_from_slice(code);
        self.0.write_all(&bytes).await?;
        self.0.write_all(cache).await
    }
}

impl ControlReceiver {
    /// The next message may bring a code cache. None after it may: by then the
    /// function's code runs, and could have made up anything.
    pub fn take_cache(&mut self) {
        self.takes_cache = true;
    }

    /// The next message; `None` when the process has closed the channel, and
    /// `InvalidData` for what is no message. May be cancelled: what is half read
    /// is kept.
    pub async fn receive(&mut self) -> io::Result<Option<FromShim>> {
        if self.cache.is_none() {
            let Some(message) = self.receive_line().await? else { return Ok(None) };
            let expected = std::mem::take(&mut self.takes_cache);
            let FromShim::Compiled { cache, .. } = message else { return Ok(Some(message)) };
            if !expected || cache > MAX_CACHE {
                return Err(invalid("a code cache that may not come"));
            }
            self.cache = Some((Vec::with_capacity(cache), cache));
        }
        if let Some((bytes, size)) = &mut self.cache {
            while bytes.len() < *size {
                let more = self.lines.fill_buf().await?;
                if more.is_empty() {
                    return Ok(None);
                }
                let count = more.len().min(*size - bytes.len());
                bytes.extend_from_slice(&more[..count]);
                self.lines.consume(count);
            }
        }
        let bytes = self.cache.take().map(|(bytes, _)| bytes).unwrap_or_default();
        Ok(Some(FromShim::Compiled { cache: bytes.len(), bytes }))
    }

    async fn receive_line(&mut self) -> io::Result<Option<FromShim>> {
        let room = MAX_MESSAGE.saturating_sub(self.line.len() as u64);
        (&mut self.lines).take(room).read_until(b'\n', &mut self.line).await?;
        if self.line.last() != Some(&b'\n') {
            // Else it ended, perhaps in the middle of a message.
            let too_long = self.line.len() as u64 >= MAX_MESSAGE;
            return if too_long { Err(invalid("a control message is too long")) } else { Ok(None) };
        }
        let message = serde_json::from_slice(&self.line);
        self.line.clear();
        message.map(Some).map_err(invalid)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> (OwnedWriteHalf, ControlReceiver) {
        let (server, process) = UnixStream::pair().unwrap();
        (process.into_split().1, split(server).1)
    }

    #[tokio::test]
    async fn a_code_cache_comes_in_pieces_and_what_follows_is_read_after_it() {
        let (mut process, mut receiver) = channel();
        receiver.take_cache();
        let receive = tokio::spawn(async move {
            let compiled = receiver.receive().await.unwrap();
            (compiled, receiver.receive().await.unwrap())
        });
        for piece in
            [&b"{\"op\":\"compiled\",\"cache\":6}\nab"[..], b"\ncd", b"\n{\"op\":\"started\"}\n"]
        {
            process.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let (compiled, next) = receive.await.unwrap();
        assert_eq!(compiled, Some(FromShim::Compiled { cache: 6, bytes: b"ab\ncd\n".to_vec() }));
        assert_eq!(next, Some(FromShim::Started { cache: None }));
    }

    #[tokio::test]
    async fn no_code_cache_is_taken_unasked_nor_after_any_other_message() {
        let compiled = b"{\"op\":\"compiled\",\"cache\":1}\na";
        let (mut process, mut receiver) = channel();
        process.write_all(compiled).await.unwrap();
        receiver.receive().await.unwrap_err();

        let (mut process, mut receiver) = channel();
        receiver.take_cache();
        process.write_all(b"{\"op\":\"alive\"}\n").await.unwrap();
        process.write_all(compiled).await.unwrap();
        assert_eq!(receiver.receive().await.unwrap(), Some(FromShim::Alive));
        receiver.receive().await.unwrap_err();
    }

    #[tokio::test]
    async fn a_code_cache_has_a_largest_size() {
        let (mut process, mut receiver) = channel();
        receiver.take_cache();
        let line = format!("{{\"op\":\"compiled\",\"cache\":{}}}\n", MAX_CACHE + 1);
        process.write_all(line.as_bytes()).await.unwrap();
        receiver.receive().await.unwrap_err();
    }
}
