//! What an attempt is told of the machine, and those on it who must not be
//! reached.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::functions::identity;
use crate::harness::{Admin, TestBed};

/// Who listens on this machine.
pub(super) struct Strangers {
    listener: SocketAddr,
    redirect: SocketAddr,
    datagrams: UdpSocket,
    name: String,
}

impl Strangers {
    pub(super) async fn settle() -> Self {
        let listener = answering("127.0.0.1:0", "200 OK", "").await;
        let location = format!("location: http://{listener}/\r\n");
        // Not beside the others, whom Deno would then allow as well.
        let redirect = answering("[::1]:0", "302 Found", &location).await;
        let name = format!("doze-test-{}", listener.port());
        accepting(&UnixAddress::from_abstract_name(&name).expect("a short name"));
        let datagrams = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        Self { listener, redirect, datagrams, name }
    }

    /// The address that the operator allows.
    pub(super) fn excepted(&self) -> SocketAddr {
        self.redirect
    }

    /// What an attempt is told.
    pub(super) async fn surroundings(&self, bed: &TestBed, admin: &Admin) -> Value {
        let neighbour = bed.instance(identity(bed.get("/neighbour").await).pid);
        let bundle = fs::canonicalize(bed.path("registry/neighbour.js")).expect("it is published");
        let port = |address: &str| address.parse::<SocketAddr>().expect("an address").port();
        json!({
            "server": bed.server_pid(),
            "gateway": port(bed.address()),
            "admin": port(admin.address()),
            "neighbour": {
                "pid": neighbour.pid,
                "folder": neighbour.folder(),
                "bundle": bundle,
            },
            "registryIn": bed.path("registry_in"),
            "registry": bed.path("registry"),
            "data": bed.path("data"),
            "run": neighbour.folder().parent(),
            "secret": bed.path("secret"),
            "open": bed.path("open"),
            "socket": bed.path("open.sock"),
            "abstract": self.name,
            "listener": self.listener.port(),
            "datagrams": self.datagrams.local_addr().expect("it is bound").port(),
            "redirect": self.redirect.to_string(),
            "host": nix::unistd::gethostname().expect("it has a name").to_string_lossy(),
        })
    }
}

/// Leaves files and a socket where everybody finds them.
pub(super) fn leave_files(bed: &TestBed) {
    fs::write(bed.path("secret"), "of the host").expect("a new file");
    fs::create_dir(bed.path("open")).expect("a new folder");
    accepting(&UnixAddress::from_pathname(bed.path("open.sock")).expect("a short path"));
    for file in ["secret", "open", "open.sock"] {
        let anybody = Permissions::from_mode(0o777);
        fs::set_permissions(bed.path(file), anybody).expect("it is ours");
    }
}

/// Accepts whoever connects, until the test ends.
fn accepting(address: &UnixAddress) {
    let listener = UnixListener::bind_addr(address).expect("a free address");
    listener.set_nonblocking(true).expect("it is ours");
    let listener = tokio::net::UnixListener::from_std(listener).expect("the runtime is there");
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
}

/// Answers whatever is asked, until the test ends.
async fn answering(address: &str, status: &str, headers: &str) -> SocketAddr {
    let listener = TcpListener::bind(address).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                // Who only connects asks nothing.
                if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    address
}
