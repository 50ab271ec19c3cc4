//! Connections that stay: WebSocket messages, and server-sent events.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::doze::{Folders, doze};
use crate::http::Connection;
use crate::report::Unit::{Microseconds, PerSecond};
use crate::report::{Report, median};
use crate::{Bench, reference};

const CONNECTIONS: usize = 32;
const UPGRADE: &str = "upgrade: websocket\r\nconnection: Upgrade\r\n\
                       sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// A text message of sixteen bytes, masked with zeros.
const MESSAGE: &[u8] = b"\x81\x90\0\0\0\0sixteen bytes it";
/// The same back, without a mask.
const ECHO: &[u8] = b"\x81\x10sixteen bytes it";

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    let Some(nginx) = &bench.tools.nginx else {
        report.leave_out("streams", "they need nginx");
        return Ok(());
    };
    let folders = Folders::new(bench, "streams")?;
    let app = bench.reference.join("app.js");
    let code = fs::read_to_string(&app).map_err(|error| error.to_string())?;
    folders.add("app", "{}", &format!("// @ts-nocheck\n{code}"))?;
    let mut ours = doze(bench, "up", &folders, &[])?;
    ours.wait_for("/app/large")?;
    let deno_app = reference::deno(bench, &reference::serving(bench, "app", &app)?)?;
    let deno = reference::deno(bench, &bench.reference.join("hello.js"))?;
    let theirs = reference::nginx(bench, nginx, &deno, &deno_app)?;

    let time = Duration::from_secs_f64(bench.pace.warm_seconds);
    let told = |error: io::Error| format!("a stream broke: {error}");
    let both = |measure: fn(SocketAddr, Duration) -> io::Result<f64>| {
        if round.is_multiple_of(2) {
            let second = measure(theirs.address, time).map_err(told)?;
            return Ok((measure(ours.address, time).map_err(told)?, second));
        }
        let first = measure(ours.address, time).map_err(told)?;
        Ok::<_, String>((first, measure(theirs.address, time).map_err(told)?))
    };
    let (mine, other) = both(round_trip)?;
    let beside = [("nginx → Deno", Some(other))];
    report.add("WebSocket message there and back, p50", Microseconds, mine, &beside);
    let (mine, other) = both(messages)?;
    let beside = [("nginx → Deno", Some(other))];
    report.add("WebSocket messages, 32 connections", PerSecond, mine, &beside);
    let (mine, other) = both(event)?;
    let beside = [("nginx → Deno", Some(other))];
    report.add("server-sent event, asked for → here, p50", Microseconds, mine, &beside);
    drop((ours, theirs, deno, deno_app));
    folders.remove();
    Ok(())
}

fn open(address: SocketAddr) -> io::Result<Connection> {
    let mut connection = Connection::open(address)?;
    connection.ask("/app/socket", UPGRADE)?;
    match connection.head()?.status {
        101 => Ok(connection),
        status => Err(io::Error::other(format!("a WebSocket was answered with {status}"))),
    }
}

/// Sends messages one after the other; how long each took, in microseconds.
fn echo(mut connection: Connection, time: Duration) -> io::Result<Vec<f64>> {
    let begun = Instant::now();
    let mut times = Vec::new();
    let mut back = Vec::new();
    while begun.elapsed() < time {
        let sent = Instant::now();
        connection.send(MESSAGE)?;
        back.clear();
        connection.read(ECHO.len() as u64, &mut back)?;
        if back != ECHO {
            return Err(io::Error::other("another message came back"));
        }
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

fn round_trip(address: SocketAddr, time: Duration) -> io::Result<f64> {
    Ok(median(&echo(open(address)?, time)?))
}

fn messages(address: SocketAddr, time: Duration) -> io::Result<f64> {
    let connections: io::Result<Vec<_>> = (0..CONNECTIONS).map(|_| open(address)).collect();
    let connections = connections?;
    let sent = thread::scope(|scope| {
        let send = |connection| scope.spawn(move || echo(connection, time));
        let sending: Vec<_> = connections.into_iter().map(send).collect();
        let joined = sending.into_iter().map(|one| match one.join() {
            Ok(sent) => Ok(sent?.len()),
            Err(_) => Err(io::Error::other("a client panicked")),
        });
        joined.sum::<io::Result<usize>>()
    })?;
    Ok(sent as f64 / time.as_secs_f64())
}

/// The function sends an event when another request asks for one.
fn event(address: SocketAddr, time: Duration) -> io::Result<f64> {
    let mut events = Connection::open(address)?;
    events.ask("/app/events", "")?;
    events.head()?;
    let mut body = Vec::new();
    events.chunk(&mut body)?;
    let mut asking = Connection::open(address)?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time / 2 {
        let asked = Instant::now();
        asking.ask("/app/poke", "")?;
        events.chunk(&mut body)?;
        times.push(asked.elapsed().as_secs_f64() * 1e6);
        asking.head()?;
    }
    if !body.ends_with(b"data: poked\n\n") {
        return Err(io::Error::other("no event came"));
    }
    Ok(median(&times))
}
