//! A zip that lies elsewhere.

use std::io::{Read, Write};
use std::net::TcpListener;

use bytes::Bytes;
use serde_json::{Value, json};

use super::archives::pack::Zip;
use super::deploy::{holds_only, says};
use crate::harness::{Admin, Request, TestBed};

/// A host of archives. It answers until the test program ends.
fn host(archive: Bytes) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let archive = archive.clone();
            // A client that has seen enough is gone.
            std::thread::spawn(move || answer(stream, &archive).ok());
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: std::net::TcpStream, archive: &[u8]) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let moved = |to: &str| format!("302 Found\r\nlocation: {to}\r\ncontent-length: 0");
    let whole = format!("200 OK\r\ncontent-length: {}", archive.len());
    let (status, body) = match path {
        "/main.zip" => (whole, archive),
        "/moved" => (moved("/main.zip"), &[][..]),
        "/loop" => (moved("/loop"), &[][..]),
        "/file" => (moved("file:///etc/passwd"), &[][..]),
        "/half" => (whole, &archive[..archive.len() / 2]),
        "/endless" => ("200 OK".to_owned(), &[][..]),
        _ => ("404 Not Found\r\ncontent-length: 0".to_owned(), &[][..]),
    };
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n\r\n")?;
    stream.write_all(body)?;
    if path == "/endless" {
        loop {
            stream.write_all(&[0; 4096])?;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it takes what `json!` makes")]
fn from(admin: &Admin, location: Value) -> Request {
    admin.put("hello", "application/json", location.to_string())
}

/// As code hosts pack a repository.
fn repository() -> Bytes {
    Zip::new()
        .folder("project-main")
        .symlink("project-main/latest", "functions/one")
        .file("project-main/readme.md", "x")
        .file("project-main/functions/one/index.ts", &says("one"))
        .file("project-main/functions/two/index.ts", &says("two"))
        .pack()
}

#[tokio::test]
async fn a_folder_of_a_repository_is_deployed_from_its_zip() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let host = host(repository());
    for (path, folder) in [("main.zip", "one"), ("moved", "two")] {
        let location =
            json!({ "url": format!("{host}/{path}"), "folder": format!("functions/{folder}/") });
        let response = from(&admin, location).await;
        assert!(matches!(response.status, 200 | 201), "{response:?}");
        assert_eq!(bed.get("/hello").await.ok().text(), folder);
    }
    let missing = json!({ "url": format!("{host}/main.zip"), "folder": "functions/three" });
    let missing = from(&admin, missing).await.error(422, "invalid_archive");
    assert!(missing.text().contains("functions/three"), "{missing:?}");
    let out = json!({ "url": format!("{host}/main.zip"), "folder": "../../etc" });
    from(&admin, out).await.error(422, "invalid_archive");
    // All of it has a link in it.
    let all = json!({ "url": format!("{host}/main.zip") });
    from(&admin, all).await.error(422, "invalid_archive");
    assert_eq!(bed.get("/hello").await.ok().text(), "two");
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn what_cannot_be_downloaded_is_told_and_changes_nothing() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let host = host(repository());
    for (url, status, code) in [
        (format!("{host}/missing"), 422, "download_failed"),
        (format!("{host}/loop"), 422, "download_failed"),
        (format!("{host}/half"), 422, "download_failed"),
        (format!("{host}/endless"), 413, "archive_too_large"),
        ("http://127.0.0.1:1/x.zip".to_owned(), 422, "download_failed"),
        ("file:///etc/passwd".to_owned(), 400, "bad_request"),
        ("main.zip".to_owned(), 400, "bad_request"),
        ("http://".to_owned(), 422, "download_failed"),
    ] {
        let response = from(&admin, json!({ "url": url })).await;
        response.is_error(status, code).unwrap_or_else(|wrong| panic!("{url}: {wrong}"));
    }
    let elsewhere = from(&admin, json!({ "url": format!("{host}/file") })).await;
    assert_eq!(elsewhere.status, 422, "{elsewhere:?}");
    from(&admin, json!({ "uri": "x" })).await.error(400, "bad_request");
    holds_only(&bed, &[]).await;
}
