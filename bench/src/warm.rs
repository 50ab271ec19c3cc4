//! Requests to a running instance, beside what one would put in front of plain
//! Deno, and beside other servers of the same answer.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::doze::{Folders, doze};
use crate::load::{Body, Load, Served, wrk};
use crate::report::Report;
use crate::report::Unit::{Microseconds, PerSecond};
use crate::{Bench, bare, http, reference};

const IDLE: usize = 1_000;

struct Case {
    name: &'static str,
    path: &'static str,
    body: Body,
}

const CASES: [Case; 4] = [
    Case { name: "tiny GET", path: "", body: Body::None },
    Case { name: "1 KB JSON POST", path: "/app/echo", body: Body::Json(1 << 10) },
    Case { name: "1 MB response", path: "/app/large", body: Body::None },
    Case { name: "10 MB upload", path: "/app/upload", body: Body::Bytes(10 << 20) },
];

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    let (Some(nginx), Some(program)) = (&bench.tools.nginx, &bench.tools.wrk) else {
        report.leave_out("warm requests", "they need nginx and wrk");
        return Ok(());
    };
    let folders = Folders::new(bench, "warm")?;
    folders.add_hello("hello", "{}")?;
    let app = bench.reference.join("app.js");
    let code = fs::read_to_string(&app).map_err(|error| error.to_string())?;
    folders.add("app", "{}", &format!("// @ts-nocheck\n{code}"))?;
    let mut ours = doze(bench, "up", &folders, &[])?;
    ours.wait_for("/hello")?;
    ours.wait_for("/app/large")?;
    let deno = reference::deno(bench, &bench.reference.join("hello.js"))?;
    let deno_app = reference::deno(bench, &reference::serving(bench, "app", &app)?)?;
    let theirs = reference::nginx(bench, nginx, &deno, &deno_app)?;
    theirs_answers_the_same(ours.address, theirs.address)?;

    let load = |connections| Load {
        connections,
        seconds: bench.pace.warm_seconds,
        body: Body::None,
        field: None,
    };
    let run = |address, path: &str, load| wrk(bench, program, address, path, load);
    // Each goes first in every other round.
    let both = |path: &str, load| -> Result<(Served, Served), String> {
        let mine = if path.is_empty() { "/hello" } else { path };
        let other = if path.is_empty() { "/" } else { path };
        if round.is_multiple_of(2) {
            let second = run(theirs.address, other, load)?;
            return Ok((run(ours.address, mine, load)?, second));
        }
        Ok((run(ours.address, mine, load)?, run(theirs.address, other, load)?))
    };
    // All sides compile their hot code first.
    both("", Load { seconds: 1.0, ..load(32) })?;

    for Case { name, path, body } in CASES {
        let (one, theirs) = both(path, Load { body, ..load(1) })?;
        let row = format!("{name}, 1 connection, p50");
        report.add(&row, Microseconds, one.p50, &[("nginx → Deno", Some(theirs.p50))]);
        let (many, theirs) = both(path, Load { body, ..load(32) })?;
        let row = format!("{name}, 32 connections");
        let theirs = ("nginx → Deno", Some(theirs.per_second));
        report.add(&row, PerSecond, many.per_second, &[theirs]);
        if path.is_empty() {
            let others = others(bench, program, load(32))?;
            report.add(&row, PerSecond, many.per_second, &others);
        }
    }
    let closed = Load { field: Some("connection: close"), ..load(32) };
    let (mine, other) = both("", closed)?;
    let beside = [("nginx → Deno", Some(other.per_second))];
    report.add("tiny GET, a connection each", PerSecond, mine.per_second, &beside);

    let mut idle = hold(ours.address, "/hello")?;
    idle.extend(hold(theirs.address, "/")?);
    let (mine, other) = both("", load(32))?;
    let beside = [("nginx → Deno", Some(other.per_second))];
    let row = "tiny GET, 32 connections, 1,000 idle besides";
    report.add(row, PerSecond, mine.per_second, &beside);
    drop(idle);
    drop((ours, theirs, deno, deno_app));
    folders.remove();
    Ok(())
}

fn theirs_answers_the_same(ours: SocketAddr, theirs: SocketAddr) -> Result<(), String> {
    for (mine, other) in [("/hello", "/"), ("/app/large", "/app/large")] {
        let mine = http::get(ours, mine).map_err(|error| error.to_string())?;
        let other = http::get(theirs, other).map_err(|error| error.to_string())?;
        if (mine.status, &mine.body) != (other.status, &other.body) {
            return Err("the two sides answer differently".to_owned());
        }
    }
    Ok(())
}

/// The same tiny answer from other servers, in requests per second.
fn others(
    bench: &Bench,
    program: &Path,
    load: Load,
) -> Result<Vec<(&'static str, Option<f64>)>, String> {
    let warm = Load { seconds: 1.0, ..load };
    let run = |address| -> Result<f64, String> {
        wrk(bench, program, address, "/", warm)?;
        Ok(wrk(bench, program, address, "/", load)?.per_second)
    };
    let tools = &bench.tools;
    let socket = bench.work.join("bare.sock");
    let deno = reference::deno_on_socket(bench, &socket)?;
    let proxy = bare::start(&socket)?;
    let mut others = vec![("bare proxy", Some(run(proxy)?))];
    drop(deno);
    if let (Some(passenger), Some(node)) = (&tools.passenger, &tools.node) {
        let server = reference::passenger(bench, passenger, node)?;
        others.push(("Passenger", Some(run(server.address)?)));
    }
    if bench.pace.others {
        let deno = reference::deno(bench, &bench.reference.join("hello.js"))?;
        others.push(("plain Deno", Some(run(deno.address)?)));
        drop(deno);
        if let Some(node) = &tools.node {
            others.push(("node", Some(run(reference::node(bench, node)?.address)?)));
        }
        if let Some(workerd) = &tools.workerd {
            others.push(("workerd", Some(run(reference::workerd(bench, workerd)?.address)?)));
        }
    }
    Ok(others)
}

/// Connections that have been answered once and stay open.
fn hold(address: SocketAddr, path: &str) -> Result<Vec<http::Connection>, String> {
    let open = |_| {
        let mut connection = http::Connection::open(address)?;
        connection.get(path)?;
        Ok(connection)
    };
    let opened: std::io::Result<_> = (0..IDLE).map(open).collect();
    opened.map_err(|error| format!("cannot hold {IDLE} connections: {error}"))
}
