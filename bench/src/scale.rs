//! Many published functions that nobody calls.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::doze::{Folders, doze};
use crate::instances::idle_percent;
use crate::processes::{Tree, resident_megabytes};
use crate::report::Unit::{Count, Megabytes, Microseconds, Milliseconds, Percent};
use crate::report::{Report, median};
use crate::{Bench, http, milliseconds};

const FUNCTIONS: usize = 10_000;
/// Fewer, to see how cost grows.
const FEWER: [usize; 4] = [100, 300, 1_000, 3_000];
/// Time to finish what goes on after the start, such as booting spares.
const SETTLE: Duration = Duration::from_secs(1);
const LOOKUPS: usize = 2_000;

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    if round == 1 {
        eprintln!("bench: publishing {FUNCTIONS} functions");
        publish(bench, "scale", FUNCTIONS)?;
        for count in FEWER {
            let folders = publish(bench, "fewer", count)?;
            start(bench, report, &folders, count)?;
            folders.remove();
        }
    }
    start(bench, report, &Folders::at(bench, "scale"), FUNCTIONS)
}

fn start(
    bench: &Bench,
    report: &mut Report,
    folders: &Folders,
    count: usize,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut server = doze(bench, "execution", folders, &[])?;
    server.wait_for("/_/ready")?;
    let ready = milliseconds(begun);
    server.wait_for(&format!("/copy-{}", count - 1))?;
    thread::sleep(SETTLE);
    let memory = resident_megabytes(server.pid())?;
    let lookup = lookup(&server, &format!("/copy-{}", count - 1))?;
    let x = "published functions";
    report.point("start → ready", x, count as f64, Milliseconds, ready);
    report.point("resident memory", x, count as f64, Megabytes, memory);
    report.point("warm request, p50", x, count as f64, Microseconds, lookup);
    if count < FUNCTIONS {
        return Ok(());
    }
    report.add("10,000 functions, start → ready", Milliseconds, ready, &[]);
    report.add("10,000 functions, resident memory", Megabytes, memory, &[]);
    report.add("10,000 functions, a warm request, p50", Microseconds, lookup, &[]);

    // The catalog sees the link swapped and looks again.
    thread::sleep(SETTLE);
    let before = Tree::of(server.pid()).processor_milliseconds();
    let other = "other";
    let begun = Instant::now();
    copy_published(&folders.registry, other, "copy-7")
        .map_err(|error| format!("cannot publish another revision: {error}"))?;
    server.wait_until("/copy-7", |response| response.body.starts_with(b"Another"))?;
    report.add("10,000 functions, one changed → served", Milliseconds, milliseconds(begun), &[]);
    thread::sleep(SETTLE);
    let work = Tree::of(server.pid()).processor_milliseconds() - before;
    report.add("10,000 functions, one changed, processor time", Milliseconds, work, &[]);
    copy_published(&folders.registry, "hello", "copy-7")
        .map_err(|error| format!("cannot publish the first revision: {error}"))?;

    // A server that nobody has called; no instance is left.
    drop(server);
    let mut server = doze(bench, "execution", folders, &[])?;
    server.wait_for("/_/ready")?;
    thread::sleep(2 * SETTLE);
    let idle = idle_percent(&server, bench.pace.idle_seconds);
    report.add("10,000 functions, idle processor time", Percent, idle, &[]);
    let tree = Tree::of(server.pid());
    // One spare for the one profile.
    let more = tree.denos().len() as f64 - 1.0;
    report.add("10,000 functions, Deno processes but spares", Count, more, &[]);
    report.add("10,000 functions, processes in all", Count, tree.len() as f64, &[]);
    Ok(())
}

/// The time of a warm request to one of many, in microseconds.
fn lookup(server: &crate::server::Server, path: &str) -> Result<f64, String> {
    let mut times = Vec::new();
    let mut asked = || -> io::Result<()> {
        let mut connection = http::Connection::open(server.address)?;
        for _ in 0..LOOKUPS {
            let begun = Instant::now();
            connection.get(path)?;
            times.push(milliseconds(begun) * 1e3);
        }
        Ok(())
    };
    asked().map_err(|error| error.to_string())?;
    Ok(median(&times))
}

/// Publishes two functions by doze, and copies one of them so many times.
pub(crate) fn publish(bench: &Bench, name: &str, count: usize) -> Result<Folders, String> {
    let folders = Folders::new(bench, name)?;
    folders.add_hello("hello", "{}")?;
    folders.add("other", "{}", "export default () => \"Another world\";\n")?;
    let mut server = doze(bench, "up", &folders, &["--spares", "0"])?;
    server.wait_for("/hello")?;
    server.wait_for("/other")?;
    drop(server);
    for number in 0..count {
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
    if !folder.exists() {
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
    }
    let (live, new) = (registry.join(".live").join(to), registry.join(".live/.new"));
    symlink(Path::new("../.revisions").join(to).join(digits), &new)?;
    let first = !live.exists();
    fs::rename(&new, live)?;
    if first {
        symlink(format!(".live/{to}/bundle.js"), registry.join(format!("{to}.js")))?;
        symlink(format!(".live/{to}/function.json"), registry.join(format!("{to}.json")))?;
    }
    Ok(())
}
