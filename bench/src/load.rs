//! Many requests: from wrk, or all at once.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::{Bench, http, milliseconds};

/// What wrk sends.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: f64,
    pub(crate) body: Body,
    /// A header field besides.
    pub(crate) field: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Body {
    None,
    /// So many bytes of JSON.
    Json(usize),
    /// So many bytes.
    Bytes(usize),
}

pub(crate) struct Served {
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) per_second: f64,
    pub(crate) requests: u64,
}

/// Runs wrk. A request that fails is an error.
pub(crate) fn wrk(
    bench: &Bench,
    program: &Path,
    address: SocketAddr,
    path: &str,
    load: Load,
) -> Result<Served, String> {
    let mut command = Command::new(program);
    command.args(["--latency", "--timeout", "30s"]);
    command.args(["--threads", &load.connections.min(2).to_string()]);
    command.args(["--connections", &load.connections.to_string()]);
    // wrk knows whole seconds only.
    command.args(["--duration", &format!("{}s", load.seconds.ceil())]);
    command.args(load.field.into_iter().flat_map(|field| ["--header", field]));
    let (Body::Json(size) | Body::Bytes(size)) = load.body else {
        return finish(command.arg(format!("http://{address}{path}")));
    };
    command.arg("--script").arg(bench.reference.join("post.lua"));
    command.env("SIZE", size.to_string());
    if let Body::Json(_) = load.body {
        command.env("JSON", "1");
    }
    finish(command.arg(format!("http://{address}{path}")))
}

fn finish(command: &mut Command) -> Result<Served, String> {
    let output = command.output().map_err(|error| format!("cannot start wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("wrk saw requests fail:\n{text}"));
    }
    let figure =
        |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let p50 = figure("50%").and_then(microseconds);
    let per_second = figure("Requests/sec:").and_then(|figure| figure.parse().ok());
    let requests =
        text.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok());
    match (p50, per_second, requests) {
        (Some(p50), Some(per_second), Some(requests)) => Ok(Served { p50, per_second, requests }),
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

/// Sends all of these at the same time, each over a connection of its own, and
/// says in milliseconds when the last was answered.
pub(crate) fn at_once(targets: &[(SocketAddr, String)]) -> Result<f64, String> {
    let ready = Barrier::new(targets.len() + 1);
    thread::scope(|scope| {
        let ask = |(address, path): &(SocketAddr, String)| {
            ready.wait();
            let response = http::get(*address, path).map_err(|error| error.to_string())?;
            match response.status {
                200 => Ok(()),
                status => Err(format!("{path} was answered with {status}")),
            }
        };
        let asking: Vec<_> =
            targets.iter().map(|target| scope.spawn(move || ask(target))).collect();
        ready.wait();
        let begun = Instant::now();
        for answered in asking {
            answered.join().map_err(|_| "a client panicked")??;
        }
        Ok(milliseconds(begun))
    })
}
