//! From a folder to something that answers.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::doze::{Folders, doze};
use crate::processes::Tree;
use crate::report::Unit::{Count, Milliseconds};
use crate::report::{Report, median};
use crate::server::Server;
use crate::{Bench, milliseconds};

/// In every round.
const FOLDERS: usize = 300;
const PATIENCE: Duration = Duration::from_secs(240);
const SETTLE: Duration = Duration::from_millis(200);
/// A restarted registry that has done nothing for so long has looked at
/// everything and begun to bundle what it thinks is new.
const LOOK_AROUND: Duration = Duration::from_millis(1_000);

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    drop_to_answer(bench, report)?;
    let bundled = bundle(bench, report, FOLDERS, round)?;
    report.add("300 new folders bundled", Milliseconds, bundled, &[]);
    if round == 1 {
        for &count in bench.pace.folders {
            bundle(bench, report, count, round)?;
        }
    }
    Ok(())
}

fn drop_to_answer(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let folders = Folders::new(bench, "drop")?;
    folders.add_hello("first", "{}")?;
    let mut server = doze(bench, "up", &folders, &[])?;
    server.wait_for("/first")?;
    let mut took = Vec::new();
    for number in 0..bench.pace.drops {
        let name = format!("dropped-{number}");
        let begun = Instant::now();
        folders.add_hello(&name, "{}")?;
        server.wait_for(&format!("/{name}"))?;
        took.push(milliseconds(begun));
    }
    report.add("folder dropped → answers", Milliseconds, median(&took), &[]);
    drop(server);
    folders.remove();
    Ok(())
}

/// Bundles so many folders from nothing, then starts again with nothing
/// changed.
fn bundle(bench: &Bench, report: &mut Report, count: usize, round: usize) -> Result<f64, String> {
    let folders = Folders::new(bench, "many")?;
    for number in 0..count {
        // New code in every round, so that nothing is known from before.
        folders.add_hello(&format!("round-{round}-{number}"), "{}")?;
    }
    let begun = Instant::now();
    let first = doze(bench, "registry", &folders, &[])?;
    wait_for_bundles(&folders.registry, count)?;
    let bundled = milliseconds(begun);
    // The last bundler has published; give it time to end.
    thread::sleep(SETTLE);
    let first_start = childrens_faults(&first)?;
    drop(first);
    let again = doze(bench, "registry", &folders, &[])?;
    let looked = wait_until_quiet(&again)?;
    let restart = childrens_faults(&again)?;
    drop(again);
    folders.remove();
    let x = "folders";
    report.point("bundled from nothing", x, count as f64, Milliseconds, bundled);
    report.point("processor time of a restart", x, count as f64, Milliseconds, looked);

    if count == FOLDERS {
        // What a start costs without any function, such as asking the bundler
        // for its version.
        let nothing = Folders::new(bench, "nothing")?;
        let empty_start = faults_of_a_start(bench, &nothing)?;
        nothing.remove();
        let for_one = (first_start - empty_start) / count as f64;
        let bundles = ((restart - empty_start) / for_one).round().max(0.0);
        report.add("restart, nothing changed", Count, bundles, &[]);
    } else {
        report.add(&format!("{count} folders, bundled from nothing"), Milliseconds, bundled, &[]);
        let row = format!("{count} folders, processor time of a restart");
        report.add(&row, Milliseconds, looked, &[]);
    }
    Ok(bundled)
}

/// Waits until it has looked at everything; the processor time that took.
fn wait_until_quiet(server: &Server) -> Result<f64, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = -1.0;
    let mut quiet_since = Instant::now();
    while Instant::now() < deadline {
        let used = Tree::of(server.pid()).processor_milliseconds();
        if used - last > 1.0 {
            (last, quiet_since) = (used, Instant::now());
        } else if quiet_since.elapsed() > LOOK_AROUND {
            return Ok(used);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err("the registry does not come to rest".to_owned())
}

fn faults_of_a_start(bench: &Bench, folders: &Folders) -> Result<f64, String> {
    let registry = doze(bench, "registry", folders, &[])?;
    wait_until_quiet(&registry)?;
    childrens_faults(&registry)
}

/// The page faults of all children that ended and were waited for. Each
/// bundler is a child with about as many as any other, and the kernel counts
/// them whatever doze says about itself.
fn childrens_faults(server: &Server) -> Result<f64, String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid()))
        .map_err(|error| format!("cannot read a process's counters: {error}"))?;
    // The name, in parentheses, may hold spaces; `cminflt` is the ninth after it.
    let counters = stat.rsplit_once(')').map_or("", |(_, counters)| counters);
    let faults = counters.split_whitespace().nth(8).and_then(|figure| figure.parse().ok());
    faults.ok_or("no cminflt".to_owned())
}

fn wait_for_bundles(registry: &Path, count: usize) -> Result<(), String> {
    let published = || {
        let entries = fs::read_dir(registry).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".js")).count()
    };
    let deadline = Instant::now() + PATIENCE;
    while published() < count {
        if Instant::now() > deadline {
            return Err(format!("{} of {count} folders were bundled", published()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
