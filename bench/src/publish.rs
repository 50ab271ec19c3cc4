//! From a folder to something that answers.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::Bench;
use crate::cold::milliseconds;
use crate::report::Goal::AtMost;
use crate::report::{Measurement, Report, Unit, median};
use crate::server::{self, Folders, Server};

const DROP: Measurement = Measurement {
    name: "folder dropped → answers",
    unit: Unit::Milliseconds,
    goals: &[AtMost(600.0)],
    reference: "",
};
const MANY: Measurement = Measurement {
    name: "300 new folders bundled",
    unit: Unit::Milliseconds,
    goals: &[AtMost(3000.0)],
    reference: "",
};
const RESTART: Measurement = Measurement {
    name: "restart, nothing changed",
    unit: Unit::Bundles,
    goals: &[AtMost(0.0)],
    reference: "",
};

const FOLDERS: usize = 300;
const PATIENCE: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_millis(200);
/// Ample for a restarted registry to have looked at everything and begun to
/// bundle what it thinks is new.
const LOOK_AROUND: Duration = Duration::from_secs(2);

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    drop_to_answer(bench, report)?;
    bundle_many(bench, report, round)
}

fn drop_to_answer(bench: &Bench, report: &mut Report) -> Result<(), String> {
    let folders = Folders::new(bench, "drop")?;
    folders.add_hello("first", "{}")?;
    let mut doze = server::doze(bench, "up", &folders, &[])?;
    doze.wait_for("/first")?;
    let mut took = Vec::new();
    for number in 0..bench.pace.drops {
        let name = format!("dropped-{number}");
        let begun = Instant::now();
        folders.add_hello(&name, "{}")?;
        doze.wait_for(&format!("/{name}"))?;
        took.push(milliseconds(begun));
    }
    report.add(&DROP, median(&took), None);
    drop(doze);
    folders.remove();
    Ok(())
}

fn bundle_many(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    let folders = Folders::new(bench, "many")?;
    for number in 0..FOLDERS {
        // New code in every round, so that nothing is known from before.
        folders.add_hello(&format!("round-{round}-{number}"), "{}")?;
    }
    let begun = Instant::now();
    let first = server::doze(bench, "registry", &folders, &[])?;
    wait_for_bundles(&folders.registry)?;
    report.add(&MANY, milliseconds(begun), None);
    // The last bundler has published; give it time to end.
    thread::sleep(SETTLE);
    let first_start = childrens_faults(&first)?;
    drop(first);
    let restart = faults_of_a_start(bench, &folders)?;
    folders.remove();

    // What a start costs without any function, such as asking the bundler for
    // its version.
    let nothing = Folders::new(bench, "nothing")?;
    let empty_start = faults_of_a_start(bench, &nothing)?;
    nothing.remove();
    let for_one = (first_start - empty_start) / FOLDERS as f64;
    report.add(&RESTART, ((restart - empty_start) / for_one).round().max(0.0), None);
    Ok(())
}

fn faults_of_a_start(bench: &Bench, folders: &Folders) -> Result<f64, String> {
    let registry = server::doze(bench, "registry", folders, &[])?;
    thread::sleep(LOOK_AROUND);
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

fn wait_for_bundles(registry: &Path) -> Result<(), String> {
    let published = || {
        let entries = fs::read_dir(registry).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".js")).count()
    };
    let deadline = Instant::now() + PATIENCE;
    while published() < FOLDERS {
        if Instant::now() > deadline {
            return Err(format!("{} of {FOLDERS} folders were bundled", published()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
