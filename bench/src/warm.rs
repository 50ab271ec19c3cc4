//! Requests to a running instance, beside nginx in front of plain Deno.

use std::net::SocketAddr;
use std::process::Command;

use crate::Bench;
use crate::report::Goal::{RatioAtLeast, RatioAtMost};
use crate::report::{Measurement, Report, Unit};
use crate::server::{self, Folders};

const LATENCY: Measurement = Measurement {
    name: "warm, 1 connection, p50",
    unit: Unit::Microseconds,
    goals: &[RatioAtMost(1.0)],
    reference: "nginx → Deno",
};
const THROUGHPUT: Measurement = Measurement {
    name: "warm, 32 connections",
    unit: Unit::RequestsPerSecond,
    goals: &[RatioAtLeast(1.0)],
    reference: "nginx → Deno",
};

pub(crate) fn round(bench: &Bench, report: &mut Report) -> Result<(), String> {
    for tool in ["nginx", "wrk"] {
        if Command::new(tool).arg("-v").output().is_err() {
            report.leave_out("warm requests", &format!("{tool} is not installed"));
            return Ok(());
        }
    }
    let folders = Folders::new(bench, "warm")?;
    folders.add_hello("hello", "{}")?;
    let mut doze = server::doze(bench, "up", &folders, &[])?;
    doze.wait_for("/hello")?;
    let deno = server::deno(bench)?;
    let nginx = server::nginx(bench, &deno)?;

    let seconds = bench.pace.warm_seconds;
    // Both sides compile their hot code first.
    wrk(doze.address, "/hello", 32, 1)?;
    wrk(nginx.address, "/", 32, 1)?;
    let ours = wrk(doze.address, "/hello", 1, seconds)?;
    let theirs = wrk(nginx.address, "/", 1, seconds)?;
    report.add(&LATENCY, ours.p50, Some(theirs.p50));
    let ours = wrk(doze.address, "/hello", 32, seconds)?;
    let theirs = wrk(nginx.address, "/", 32, seconds)?;
    report.add(&THROUGHPUT, ours.per_second, Some(theirs.per_second));

    drop((doze, nginx, deno));
    folders.remove();
    Ok(())
}

struct Load {
    /// Microseconds.
    p50: f64,
    per_second: f64,
}

fn wrk(address: SocketAddr, path: &str, connections: u32, seconds: u64) -> Result<Load, String> {
    let output = Command::new("wrk")
        .args(["--latency", "--threads", &connections.min(2).to_string()])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), &format!("http://{address}{path}")])
        .output()
        .map_err(|error| format!("cannot start wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("wrk saw requests fail:\n{text}"));
    }
    let figure =
        |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let p50 = figure("50%").and_then(microseconds);
    let per_second = figure("Requests/sec:").and_then(|figure| figure.parse().ok());
    match (p50, per_second) {
        (Some(p50), Some(per_second)) => Ok(Load { p50, per_second }),
        _ => Err(format!("wrk said something else than expected:\n{text}")),
    }
}

/// Reads `72.00us`, `1.20ms` or `1.00s`.
fn microseconds(text: &str) -> Option<f64> {
    [("us", 1.0), ("ms", 1e3), ("s", 1e6)].into_iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    })
}
