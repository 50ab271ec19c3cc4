//! What a function's callers notice while another function attacks.
//!
//! Callers are on other machines. Here they share this one's processors, so
//! the one who measures goes before everything, as far as he may, and the one
//! who attacks behind it: only what the server does with both is of interest.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::doze::{Folders, doze};
use crate::http::Connection;
use crate::report::Unit::Milliseconds;
use crate::report::{Report, p99};
use crate::{Bench, milliseconds};

/// A function that goes on for as long as it is let, and is called again.
struct Attacker {
    name: &'static str,
    row: &'static str,
    code: &'static str,
}

const ATTACKERS: &[Attacker] = &[
    Attacker { name: "spin", row: "a spin", code: "export default () => { while (true); };" },
    Attacker {
        name: "memory",
        row: "a memory bomb",
        code: "const kept: unknown[] = [];
               export default () => { for (;;) kept.push(new Uint8Array(1 << 20).fill(1)); };",
    },
    Attacker {
        name: "workers",
        row: "a worker bomb",
        code: "const code = 'data:text/javascript,while (true);';
               export default async () => {
                 for (;;) {
                   new Worker(code, { type: 'module' });
                   await new Promise((go) => setTimeout(go, 1));
                 }
               };",
    },
    Attacker {
        name: "flood",
        row: "a log flood",
        code: "const line = 'flood '.repeat(100);
               export default () => { for (;;) console.log(line); };",
    },
    Attacker {
        name: "endless",
        row: "an endless response",
        code: "const chunk = new Uint8Array(64 << 10);
               export default () => new ReadableStream({ pull: (b) => b.enqueue(chunk) });",
    },
];
const MANIFEST: &str = r#"{"timeoutSeconds": 1}"#;
/// Between two of the neighbour's requests: it is used, and not overloaded.
const PACE: Duration = Duration::from_millis(2);
/// For an attacker to get going, or to be gone.
const SETTLE: Duration = Duration::from_millis(200);

pub(crate) fn round(bench: &Bench, report: &mut Report, _round: usize) -> Result<(), String> {
    let folders = Folders::new(bench, "neighbours")?;
    folders.add_hello("hello", "{}")?;
    for Attacker { name, code, .. } in ATTACKERS {
        folders.add(name, MANIFEST, code)?;
    }
    let mut server = doze(bench, "up", &folders, &[])?;
    schedule(&["chrt", "--fifo", "--pid", "1"]);
    server.wait_for("/hello")?;
    let seconds = Duration::from_secs_f64(bench.pace.attack_seconds);
    thread::sleep(SETTLE);
    measured_p99(server.address, SETTLE)?;
    let quiet = measured_p99(server.address, seconds)?;
    for attacker in ATTACKERS {
        let over = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            scope.spawn(|| attack(server.address, attacker.name, &over));
            thread::sleep(SETTLE);
            let measured = measured_p99(server.address, seconds);
            over.store(true, Ordering::Relaxed);
            measured
        })?;
        let row = format!("neighbour's p99 beside {}", attacker.row);
        report.add(&row, Milliseconds, beside, &[("quiet", Some(quiet))]);
        thread::sleep(SETTLE);
    }
    schedule(&["chrt", "--other", "--pid", "0"]);
    drop(server);
    folders.remove();
    Ok(())
}

/// Runs a command on this thread's id. Only root may go before others.
fn schedule(command: &[&str]) {
    let Ok(thread) = fs::read_link("/proc/thread-self") else { return };
    let Some(id) = thread.file_name() else { return };
    let mut command_line = Command::new(command[0]);
    _ = command_line
        .args(&command[1..])
        .arg(id)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Calls the attacker again and again. Its answers are its own business.
fn attack(address: SocketAddr, name: &str, over: &AtomicBool) {
    // It has inherited the precedence of who measures.
    schedule(&["chrt", "--other", "--pid", "0"]);
    schedule(&["renice", "-n", "19", "-p"]);
    while !over.load(Ordering::Relaxed) {
        let Ok(mut connection) = Connection::open(address) else { continue };
        if connection.ask(&format!("/{name}"), "connection: close\r\n").is_err() {
            continue;
        }
        while !over.load(Ordering::Relaxed) && connection.skip_some().unwrap_or(false) {}
    }
}

/// The neighbour's p99 in milliseconds, at a steady pace.
fn measured_p99(address: SocketAddr, time: Duration) -> Result<f64, String> {
    let told = |error: std::io::Error| format!("the neighbour did not answer: {error}");
    let mut connection = Connection::open(address).map_err(told)?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time {
        let asked = Instant::now();
        let response = connection.get("/hello").map_err(told)?;
        if response.status != 200 {
            return Err(format!("the neighbour answered with {}", response.status));
        }
        times.push(milliseconds(asked));
        thread::sleep(PACE);
    }
    Ok(p99(&times))
}
