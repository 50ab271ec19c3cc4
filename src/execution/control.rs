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
    /// The function to be; its code follows, `code` bytes long.
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
    /// The function's code has run and has a handler.
    Started,
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
    (ControlSender(write), ControlReceiver { lines: BufReader::new(read), line: Vec::new() })
}

impl ControlSender {
    /// Sends a message, with the code behind it where the message announces some.
    pub async fn send(&mut self, message: &ToShim<'_>, code: &[u8]) -> io::Result<()> {
        // It may hold secrets.
        let mut bytes = Zeroizing::new(serde_json::to_vec(message)?);
        bytes.push(b'\n');
        // One write for both, so that a small function arrives in one piece.
        bytes.extend_from_slice(code);
        self.0.write_all(&bytes).await
    }
}

impl ControlReceiver {
    /// The next message; `None` when the process has closed the channel. May
    /// be cancelled: a half-read line is kept.
    pub async fn receive(&mut self) -> io::Result<Option<FromShim>> {
        let room = MAX_MESSAGE.saturating_sub(self.line.len() as u64);
        let read = (&mut self.lines).take(room).read_until(b'\n', &mut self.line).await?;
        if self.line.last() != Some(&b'\n') {
            return if read == 0 && room > 0 {
                Ok(None)
            } else {
                Err(io::Error::other("a control message is longer than its limit"))
            };
        }
        let message = serde_json::from_slice(&self.line);
        self.line.clear();
        message.map(Some).map_err(io::Error::from)
    }
}
