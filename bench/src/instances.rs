//! Many running instances: what they hold, what they cost while nobody calls,
//! and what it costs to have more functions than processes.

use std::thread;
use std::time::{Duration, Instant};

use crate::doze::{Folders, doze};
use crate::processes::{Tree, proportional_megabytes, resident_megabytes};
use crate::report::Unit::{Count, Megabytes, Milliseconds, Percent};
use crate::report::{Report, median, p99};
use crate::server::Server;
use crate::{Bench, http, milliseconds, reference, scale};

/// As many as the goal for memory speaks of.
const TEN: usize = 10;
/// For the next spare to be ready: instances are what spares became.
const REST: Duration = Duration::from_millis(100);
/// For the last spare to be ready, and what is left of a start to be done.
const SETTLE: Duration = Duration::from_secs(1);
/// Processes for many more functions than that.
const PLACES: usize = 50;

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    ten(bench, report)?;
    if round == 1 {
        many(bench, report)?;
        in_turn(bench, report)?;
    }
    Ok(())
}

/// Memory of ten warm instances, beside ten plain Denos with the same answer.
fn ten(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let (folders, server) = warm(bench, TEN)?;
    let ours = memory_of_instances(&server, TEN)?;
    drop(server);
    folders.remove();
    let script = bench.reference.join("hello.js");
    let denos: Result<Vec<Server>, String> =
        (0..TEN).map(|_| reference::deno(bench, &script)).collect();
    let denos = denos?;
    for deno in &denos {
        http::get(deno.address, "/").map_err(|error| error.to_string())?;
    }
    thread::sleep(SETTLE);
    let shares: Result<Vec<f64>, String> =
        denos.iter().map(|deno| proportional_megabytes(deno.pid())).collect();
    let beside = [("deno run", Some(median(&shares?)))];
    report.add("memory of an idle warm instance", Megabytes, ours, &beside);
    Ok(())
}

/// How memory and idle time grow with the number of instances.
fn many(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let x = "warm instances";
    for &count in bench.pace.instances {
        let (folders, server) = warm(bench, count)?;
        let share = memory_of_instances(&server, count)?;
        let own = resident_megabytes(server.pid())?;
        let idle = idle_percent(&server, bench.pace.idle_seconds);
        drop(server);
        folders.remove();
        report.point("memory of each instance", x, count as f64, Megabytes, share);
        report.point("memory of doze itself", x, count as f64, Megabytes, own);
        report.point("processor time while idle, all processes", x, count as f64, Percent, idle);
        if Some(&count) == bench.pace.instances.last() {
            report.add(&format!("{count} warm instances, memory of each"), Megabytes, share, &[]);
            report.add(&format!("{count} warm instances, doze itself"), Megabytes, own, &[]);
            let row = format!("{count} warm instances, idle processor time of all");
            report.add(&row, Percent, idle, &[]);
        }
    }
    Ok(())
}

/// A server with so many functions that have been called once.
fn warm(bench: &Bench, count: usize) -> Result<(Folders, Server), String> {
    let folders = Folders::new(bench, "instances")?;
    for number in 0..count {
        folders.add_hello(&format!("f{number}"), r#"{"idleSeconds": 3600}"#)?;
    }
    let places = (count + 10).to_string();
    let mut server = doze(bench, "up", &folders, &["--max-processes", &places])?;
    for number in 0..count {
        thread::sleep(REST);
        server.wait_for(&format!("/f{number}"))?;
    }
    thread::sleep(SETTLE);
    Ok((folders, server))
}

/// The median of the instances, without the spare, which came last.
fn memory_of_instances(server: &Server, count: usize) -> Result<f64, String> {
    let denos = Tree::of(server.pid()).denos();
    let instances = denos.get(..count).ok_or("some instances are gone")?;
    let shares: Result<Vec<f64>, String> =
        instances.iter().map(|pid| proportional_megabytes(*pid)).collect();
    Ok(median(&shares?))
}

/// Of one processor, for a server and all its processes.
pub(crate) fn idle_percent(server: &Server, seconds: f64) -> f64 {
    let before = Tree::of(server.pid()).processor_milliseconds();
    let begun = Instant::now();
    thread::sleep(Duration::from_secs_f64(seconds));
    let after = Tree::of(server.pid()).processor_milliseconds();
    (after - before) / milliseconds(begun) * 100.0
}

/// Many more functions than processes, called one after the other.
fn in_turn(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let functions = bench.pace.in_turn;
    let folders = scale::publish(bench, "in-turn", functions)?;
    let mut server = doze(bench, "execution", &folders, &["--max-processes", &PLACES.to_string()])?;
    server.wait_for("/_/ready")?;
    let (mut times, mut most) = (Vec::new(), 0);
    for number in 0..functions {
        let begun = Instant::now();
        let response = http::get(server.address, &format!("/copy-{number}"));
        let response = response.map_err(|error| error.to_string())?;
        times.push(milliseconds(begun));
        if response.status != 200 {
            return Err(format!("function {number} was answered with {}", response.status));
        }
        if number.is_multiple_of(10) {
            most = most.max(Tree::of(server.pid()).denos().len());
        }
    }
    // The first ones find free places.
    let later = &times[PLACES.min(times.len() / 2)..];
    let row = format!("{functions} functions in turn, {PLACES} processes");
    report.add(&format!("{row}, p50"), Milliseconds, median(later), &[]);
    report.add(&format!("{row}, p99"), Milliseconds, p99(later), &[]);
    report.add(&format!("{row}, most at once"), Count, most as f64, &[]);
    drop(server);
    folders.remove();
    Ok(())
}
