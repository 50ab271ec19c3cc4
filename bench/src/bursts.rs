//! First requests that come all at once.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::doze::{Folders, doze};
use crate::load::at_once;
use crate::processes::Tree;
use crate::report::Report;
use crate::report::Unit::Milliseconds;
use crate::server::Server;
use crate::{Bench, milliseconds, reference};

/// Long enough that no instance ends within a burst.
const MANIFEST: &str = r#"{"idleSeconds": 1}"#;
const FUNCTIONS: usize = 50;
/// Requests, and the functions that they go to in turn.
const BURSTS: [(usize, usize); 6] = [(1, 1), (16, 1), (200, 1), (16, 16), (50, 50), (200, 50)];
/// For spares to be ready, and the machine to be quiet.
const SETTLE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn round(bench: &Bench, report: &mut Report, _round: usize) -> Result<(), String> {
    let folders = Folders::new(bench, "bursts")?;
    for number in 0..FUNCTIONS {
        folders.add_hello(&format!("f{number}"), MANIFEST)?;
    }
    let mut server = doze(bench, "up", &folders, &[])?;
    for number in 0..FUNCTIONS {
        server.wait_for(&format!("/f{number}"))?;
    }
    for (requests, functions) in BURSTS {
        wait_until_idle(&server)?;
        let target = |number: usize| (server.address, format!("/f{}", number % functions));
        let targets: Vec<_> = (0..requests).map(target).collect();
        let ours = at_once(&targets)?;
        let theirs = deno_runs(bench, requests, functions)?;
        let plain = match functions {
            1 => "deno run",
            16 => "16 × deno run",
            _ => "50 × deno run",
        };
        let row = match (requests, functions) {
            (1, 1) => "1 first request".to_owned(),
            (_, 1) => format!("{requests} first requests to one function"),
            _ => format!("{requests} first requests to {functions} functions"),
        };
        report.add(&row, Milliseconds, ours, &[(plain, Some(theirs))]);
        if functions == 1 || requests == functions {
            let curve = if functions == 1 {
                "burst on one function, last answered"
            } else {
                "burst on as many functions, last answered"
            };
            report.point(curve, "requests", requests as f64, Milliseconds, ours);
        }
    }
    drop(server);
    folders.remove();
    Ok(())
}

/// No instance is left, and the spare is back.
fn wait_until_idle(server: &Server) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while Tree::of(server.pid()).denos().len() != 1 {
        if Instant::now() > deadline {
            return Err("instances did not end".to_owned());
        }
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(SETTLE);
    Ok(())
}

/// From the start of so many `deno run` at once until all have answered all.
fn deno_runs(bench: &Bench, requests: usize, functions: usize) -> Result<f64, String> {
    let script = bench.reference.join("hello.js");
    let begun = Instant::now();
    let servers: Result<Vec<Server>, String> = thread::scope(|scope| {
        let start = || reference::deno(bench, &script);
        let starting: Vec<_> = (0..functions).map(|_| scope.spawn(start)).collect();
        let joined = starting.into_iter().map(|one| one.join().map_err(|_| "a start panicked")?);
        joined.collect()
    });
    let servers = servers?;
    let target = |number: usize| -> (SocketAddr, String) {
        (servers[number % functions].address, "/".to_owned())
    };
    at_once(&(0..requests).map(target).collect::<Vec<_>>())?;
    Ok(milliseconds(begun))
}
