//! A proxy that does nothing but what any proxy must: it reads heads to know
//! where bodies end, and passes on what it read. It is built like doze, a thread
//! for each processor and a Unix socket to Deno, so what doze takes more is what
//! its features cost.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

const HEAD: usize = 16 << 10;

/// Starts one in this process, for as long as that runs.
pub(crate) fn start(upstream: &Path) -> Result<SocketAddr, String> {
    let told = |error: io::Error| format!("cannot start the bare proxy: {error}");
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(told)?;
    listener.set_nonblocking(true).map_err(told)?;
    let address = listener.local_addr().map_err(told)?;
    for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
        let listener = listener.try_clone().map_err(told)?;
        let upstream = upstream.to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(told)?;
        thread::spawn(move || {
            let tasks = tokio::task::LocalSet::new();
            _ = tasks.block_on(&runtime, accept(listener, upstream));
        });
    }
    Ok(address)
}

async fn accept(listener: std::net::TcpListener, upstream: PathBuf) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let upstream = upstream.clone();
        tokio::task::spawn_local(async move {
            // What breaks ends the connection, and the client says so.
            let upstream = UnixStream::connect(upstream).await?;
            pass_on(client, upstream).await
        });
    }
}

async fn pass_on(mut client: TcpStream, mut upstream: UnixStream) -> io::Result<()> {
    let mut buffer = vec![0; HEAD];
    loop {
        let request = one(&mut client, &mut buffer, |bytes| {
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut head = httparse::Request::new(&mut fields);
            let status = head.parse(bytes).map_err(io::Error::other)?;
            Ok(status.is_complete().then(|| body(head.headers)))
        });
        let length = request.await?;
        if length == 0 {
            return Ok(());
        }
        upstream.write_all(&buffer[..length]).await?;
        let response = one(&mut upstream, &mut buffer, |bytes| {
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let mut head = httparse::Response::new(&mut fields);
            let status = head.parse(bytes).map_err(io::Error::other)?;
            Ok(status.is_complete().then(|| body(head.headers)))
        });
        let length = response.await?;
        client.write_all(&buffer[..length]).await?;
    }
}

/// Reads one head, whose body must have come with it; nothing at the end.
async fn one(
    from: &mut (impl AsyncReadExt + Unpin),
    buffer: &mut [u8],
    parse: impl Fn(&[u8]) -> io::Result<Option<usize>>,
) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        let read = from.read(&mut buffer[filled..]).await?;
        filled += read;
        if read == 0 {
            return Ok(0);
        }
        if let Some(body) = parse(&buffer[..filled])?
            && filled >= body
        {
            return Ok(filled);
        }
    }
}

fn body(fields: &[httparse::Header<'_>]) -> usize {
    let length = fields.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let text = length.and_then(|field| std::str::from_utf8(field.value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
