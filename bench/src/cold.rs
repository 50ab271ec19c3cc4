//! The first request: with a spare, without one, and beside plain `deno run`.

use std::thread;
use std::time::{Duration, Instant};

use crate::report::Goal::{Above, AtMost, RatioAtMost};
use crate::report::{Measurement, Report, Unit, median};
use crate::server::{self, Folders, Server};
use crate::{Bench, http};

const SPARE: Measurement = Measurement {
    name: "cold, a spare ready, p50",
    unit: Unit::Milliseconds,
    goals: &[AtMost(2.5), RatioAtMost(0.2)],
    reference: "deno run",
};
const COLD: Measurement = Measurement {
    name: "cold, no spare, p50",
    unit: Unit::Milliseconds,
    goals: &[Above(5.0), RatioAtMost(1.25)],
    reference: "deno run",
};
/// Without what the kernel adds to Deno's own permissions.
const OPEN: Measurement = Measurement {
    name: "cold, no spare, sandbox off, p50",
    unit: Unit::Milliseconds,
    goals: &[],
    reference: "deno run",
};
const LAYERS: Measurement = Measurement {
    name: "cold, no spare, all layers, p50",
    unit: Unit::Milliseconds,
    goals: &[Above(4.0)],
    reference: "sandbox off",
};

/// An instance without requests is stopped at once: every request is a first.
const MANIFEST: &str = r#"{"idleSeconds": 0}"#;
/// Long enough for the instance to be gone and a new spare to be ready.
const REST: Duration = Duration::from_millis(150);

pub(crate) fn round(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let spare_folders = Folders::new(bench, "spare")?;
    let cold_folders = Folders::new(bench, "cold")?;
    spare_folders.add_hello("hello", MANIFEST)?;
    cold_folders.add_hello("hello", MANIFEST)?;
    let open_folders = Folders::new(bench, "open")?;
    open_folders.add_hello("hello", MANIFEST)?;
    let mut with_spare = server::doze(bench, "up", &spare_folders, &[])?;
    let mut without = server::doze(bench, "up", &cold_folders, &["--spares", "0"])?;
    let off = ["--spares", "0", "--sandbox", "off"];
    let mut open = server::doze(bench, "up", &open_folders, &off)?;
    with_spare.wait_for("/hello")?;
    open.wait_for("/hello")?;
    without.wait_for("/hello")?;

    let [mut spare, mut cold, mut bare, mut deno] = [const { Vec::new() }; 4];
    for _ in 0..bench.pace.cold_requests {
        thread::sleep(REST);
        spare.push(first_request(&with_spare, "spare")?);
        thread::sleep(REST);
        cold.push(first_request(&without, "cold")?);
        thread::sleep(REST);
        bare.push(first_request(&open, "cold")?);
        thread::sleep(REST);
        deno.push(deno_run(bench)?);
    }
    let deno = median(&deno);
    report.add(&SPARE, median(&spare), Some(deno));
    let (cold, bare) = (median(&cold), median(&bare));
    report.add(&COLD, cold, Some(deno));
    report.add(&OPEN, bare, Some(deno));
    report.add(&LAYERS, cold, Some(bare));
    drop((with_spare, without, open));
    spare_folders.remove();
    cold_folders.remove();
    open_folders.remove();
    Ok(())
}

/// From the connection to the whole response, in milliseconds.
fn first_request(server: &Server, expected: &str) -> Result<f64, String> {
    let begun = Instant::now();
    let response = http::get(server.address, "/hello").map_err(|error| error.to_string())?;
    let elapsed = milliseconds(begun);
    match response.start.as_deref() {
        Some(start) if start == expected && response.status == 200 => Ok(elapsed),
        start => Err(format!(
            "a first request was answered with {} and served as {start:?}, not as {expected:?}",
            response.status
        )),
    }
}

/// From the start of the process to the whole response, in milliseconds.
fn deno_run(bench: &Bench) -> Result<f64, String> {
    let begun = Instant::now();
    let server = server::deno(bench)?;
    http::get(server.address, "/").map_err(|error| error.to_string())?;
    Ok(milliseconds(begun))
}

pub(crate) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
