//! Just enough of RFC 6455 to talk to a function.

use super::RawConnection;

/// Stand where a short length would, before a longer one.
const LENGTH_IN_TWO: u8 = 126;
const LENGTH_IN_EIGHT: u8 = 127;

/// What a test sends and gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Close(u16),
}

/// An upgraded connection.
#[derive(Debug)]
pub(crate) struct WebSocket {
    connection: RawConnection,
}

impl WebSocket {
    /// Upgrades. `token` is what stands in `Upgrade`, since clients disagree
    /// about its case.
    pub(crate) async fn open(mut connection: RawConnection, path: &str, token: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: {token}\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        connection.send(request).await.expect("the connection is open");
        let response = connection.response(false).await;
        assert_eq!(response.status, 101, "{response:?}");
        // RFC 6455, section 1.3, has the answer to that key.
        let accept = response.header("sec-websocket-accept");
        assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{response:?}");
        Self { connection }
    }

    pub(crate) async fn send(&mut self, frame: Frame) {
        let (code, payload) = match frame {
            Frame::Text(text) => (1, text.into_bytes()),
            Frame::Binary(bytes) => (2, bytes),
            Frame::Close(status) => (8, status.to_be_bytes().to_vec()),
        };
        let length = payload.len();
        // A last fragment, and masked, as everything from a client has to be.
        let mut bytes = vec![0x80 | code];
        if let Ok(short @ ..LENGTH_IN_TWO) = u8::try_from(length) {
            bytes.push(0x80 | short);
        } else if let Ok(length) = u16::try_from(length) {
            bytes.push(0x80 | LENGTH_IN_TWO);
            bytes.extend(length.to_be_bytes());
        } else {
            bytes.push(0x80 | LENGTH_IN_EIGHT);
            bytes.extend((length as u64).to_be_bytes());
        }
        let mask = [7, 77, 177, 27];
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.connection.send(bytes).await.expect("the connection is open");
    }

    /// The next message, put together from its fragments.
    pub(crate) async fn receive(&mut self) -> Frame {
        let mut message = Vec::new();
        let mut code = 0;
        loop {
            let head = self.connection.read_exactly(2).await;
            let length = match head[1] {
                LENGTH_IN_TWO => self.number(2).await,
                LENGTH_IN_EIGHT => self.number(8).await,
                short => usize::from(short),
            };
            let payload = self.connection.read_exactly(length).await;
            // A fragment that goes on has code 0; pings and pongs stand between.
            match head[0] & 0x0f {
                9 | 10 => continue,
                0 => {}
                first => code = first,
            }
            message.extend(payload);
            if head[0] & 0x80 != 0 {
                break;
            }
        }
        match code {
            1 => Frame::Text(String::from_utf8(message).expect("text is UTF-8")),
            2 => Frame::Binary(message),
            8 => Frame::Close(message.try_into().map_or(1005, u16::from_be_bytes)),
            other => panic!("a frame of an unknown kind: {other}"),
        }
    }

    async fn number(&mut self, bytes: usize) -> usize {
        let bytes = self.connection.read_exactly(bytes).await;
        bytes.into_iter().fold(0, |number, byte| number << 8 | usize::from(byte))
    }

    pub(crate) async fn is_closed(&mut self) -> bool {
        self.connection.is_closed().await
    }
}
