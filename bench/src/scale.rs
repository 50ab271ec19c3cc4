//! Many published functions that nobody calls.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::Bench;
use crate::cold::milliseconds;
use crate::report::Goal::AtMost;
use crate::report::{Measurement, Report, Unit};
use crate::server::{self, Folders};

const READY: Measurement = Measurement {
    name: "10,000 functions, start → ready",
    unit: Unit::Milliseconds,
    goals: &[AtMost(1000.0)],
    reference: "",
};
const MEMORY: Measurement = Measurement {
    name: "10,000 functions, resident memory",
    unit: Unit::Megabytes,
    goals: &[AtMost(100.0)],
    reference: "",
};

const FUNCTIONS: usize = 10_000;
/// Time to finish what goes on after the start, such as booting spares.
const SETTLE: Duration = Duration::from_secs(1);

/// Publishes one function by doze and copies what it published.
pub(crate) fn publish_many(bench: &Bench) -> Result<Folders, String> {
    eprintln!("bench: publishing {FUNCTIONS} functions");
    let folders = Folders::new(bench, "scale")?;
    folders.add_hello("hello", "{}")?;
    let mut doze = server::doze(bench, "up", &folders, &["--spares", "0"])?;
    doze.wait_for("/hello")?;
    drop(doze);
    for number in 0..FUNCTIONS {
        copy_published(&folders.registry, "hello", &format!("copy-{number}"))
            .map_err(|error| format!("cannot copy what doze published: {error}"))?;
    }
    Ok(folders)
}

/// Does what publishing does, for code that is published under another name:
/// a revision's folder, the link that makes it live, the links for people.
fn copy_published(registry: &Path, from: &str, to: &str) -> io::Result<()> {
    let revision = fs::canonicalize(registry.join(".live").join(from))?;
    let digits = revision.file_name().unwrap_or_default();
    let folder = registry.join(".revisions").join(to).join(digits);
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&revision)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != "function.json" {
            fs::hard_link(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let record = fs::read_to_string(revision.join("function.json"))?;
    let record = record.replacen(&format!("\"{from}\""), &format!("\"{to}\""), 1);
    fs::write(folder.join("function.json"), record)?;
    symlink(Path::new("../.revisions").join(to).join(digits), registry.join(".live").join(to))?;
    symlink(format!(".live/{to}/bundle.js"), registry.join(format!("{to}.js")))?;
    symlink(format!(".live/{to}/function.json"), registry.join(format!("{to}.json")))
}

pub(crate) fn round(bench: &Bench, report: &mut Report, many: &Folders) -> Result<(), String> {
    let begun = Instant::now();
    let mut doze = server::doze(bench, "execution", many, &[])?;
    doze.wait_for("/_/ready")?;
    report.add(&READY, milliseconds(begun), None);
    doze.wait_for(&format!("/copy-{}", FUNCTIONS - 1))?;
    thread::sleep(SETTLE);
    report.add(&MEMORY, resident_megabytes(doze.pid())?, None);
    Ok(())
}

fn resident_megabytes(pid: u32) -> Result<f64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|error| format!("cannot read a process's memory: {error}"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|figure| figure.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map(|kilobytes: f64| kilobytes / 1024.0).ok_or("no VmRSS".to_owned())
}
