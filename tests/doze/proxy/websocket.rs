//! Upgraded connections.

use crate::harness::{Frame, TestBed, WebSocket};

const SOCKET: &str = r#"
    export default (request: Request) => {
      if (request.headers.get("upgrade") !== "websocket") return "no upgrade";
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => data === "close" ? socket.close(4001) : socket.send(data);
      socket.onclose = ({ code }) => console.log(`closed with ${code}`);
      return response;
    };
"#;

#[tokio::test]
async fn messages_of_every_size_come_back() {
    let bed = TestBed::start().await;
    bed.function("socket").source(SOCKET).drop_in().await;
    // Clients write the token in several ways; handlers compare it with one.
    for token in ["websocket", "WebSocket", "WEBSOCKET"] {
        let mut socket = WebSocket::open(bed.raw().await, "/socket/x", token).await;
        for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let text = Frame::Text("ü".repeat(size / 2));
            let Frame::Text(copy) = &text else { unreachable!() };
            let copy = Frame::Text(copy.clone());
            socket.send(copy).await;
            assert!(socket.receive().await == text, "text of {size} bytes");
            socket.send(Frame::Binary(vec![7; size])).await;
            assert!(socket.receive().await == Frame::Binary(vec![7; size]), "{size} bytes");
        }
    }
}

#[tokio::test]
async fn a_close_reaches_the_other_side_with_its_code() {
    let bed = TestBed::start().await;
    bed.function("socket").source(SOCKET).drop_in().await;
    let mut socket = WebSocket::open(bed.raw().await, "/socket", "websocket").await;
    socket.send(Frame::Text("close".to_owned())).await;
    assert_eq!(socket.receive().await, Frame::Close(4001));
    socket.send(Frame::Close(4001)).await;
    assert!(socket.is_closed().await);

    let mut socket = WebSocket::open(bed.raw().await, "/socket", "websocket").await;
    socket.send(Frame::Close(4002)).await;
    bed.printed("socket", "closed with 4002").await;
}

#[tokio::test]
async fn a_client_that_just_leaves_is_seen_by_the_function() {
    let bed = TestBed::start().await;
    bed.function("socket").source(SOCKET).drop_in().await;
    let mut socket = WebSocket::open(bed.raw().await, "/socket", "websocket").await;
    socket.send(Frame::Text("hello".to_owned())).await;
    assert_eq!(socket.receive().await, Frame::Text("hello".to_owned()));
    drop(socket);
    // Deno gives no code where the other side said nothing.
    bed.printed("socket", "closed with ").await;
}

#[tokio::test]
async fn a_function_that_does_not_upgrade_just_answers() {
    let bed = TestBed::start().await;
    bed.function("plain").source("export default () => 'no upgrade'").drop_in().await;
    let mut connection = bed.raw().await;
    let request = "GET /plain HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    connection.send(request).await.unwrap();
    let response = connection.response(false).await;
    assert_eq!((response.status, response.text()), (200, "no upgrade".to_owned()));
    assert_eq!(connection.request("GET", "/plain").await.text(), "no upgrade");
}
