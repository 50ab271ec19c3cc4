//! A long time: what the server holds must be the same at its end.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::doze::{Folders, doze};
use crate::load::{Body, Load, wrk};
use crate::processes::{Tree, descriptors, resident_megabytes};
use crate::report::Report;
use crate::report::Unit::{Count, Megabytes};
use crate::server::Server;
use crate::{Bench, http};

/// Looks between the start and the end.
const STEPS: usize = 10;
/// Functions that are stopped after each request, each called by a client.
const STOPPED: [&str; 2] = ["stopped-1", "stopped-2"];
/// For what was started last to be gone, and the spare to be back.
const REST: Duration = Duration::from_secs(3);
const STEP_SECONDS: f64 = 1.0;

/// What a server holds, by name.
type Held = [(&'static str, f64); 7];

pub(crate) fn round(bench: &Bench, report: &mut Report, _round: usize) -> Result<(), String> {
    let Some(program) = &bench.tools.wrk else {
        report.leave_out("the soak", "it needs wrk");
        return Ok(());
    };
    let folders = Folders::new(bench, "soak")?;
    // It ends while the server rests, and its connections with it.
    folders.add_hello("hello", r#"{"idleSeconds": 1}"#)?;
    for name in STOPPED {
        folders.add_hello(name, r#"{"idleSeconds": 0}"#)?;
    }
    let mut server = doze(bench, "up", &folders, &[])?;
    for name in STOPPED.into_iter().chain(["hello"]) {
        server.wait_for(&format!("/{name}"))?;
    }
    let (requests, starts) = (bench.pace.soak_requests, bench.pace.soak_starts);
    let work = |share: f64| -> Result<(), String> {
        serve(bench, program, server.address, (requests as f64 * share) as u64)?;
        start_and_kill(server.address, (starts as f64 * share) as usize)?;
        thread::sleep(REST);
        Ok(())
    };
    // What is allocated once has been by then.
    work(1.0 / STEPS as f64)?;
    let mut looks = vec![held(bench, &server)?];
    for step in 1..=STEPS {
        work(1.0 / STEPS as f64)?;
        looks.push(held(bench, &server)?);
        eprintln!("bench: soak, {step} of {STEPS}");
    }
    let (start, middle, end) = (looks[0], looks[STEPS / 2], looks[STEPS]);
    for (index, (name, last)) in end.into_iter().enumerate() {
        let unit = if name == "memory of doze" { Megabytes } else { Count };
        let beside =
            [("at the start", Some(start[index].1)), ("in the middle", Some(middle[index].1))];
        report.add(&format!("soak, {name}"), unit, last, &beside);
        for (step, look) in looks.iter().enumerate() {
            let done = requests as f64 * (step + 1) as f64 / STEPS as f64;
            report.point(name, "requests", done, unit, look[index].1);
        }
    }
    drop(server);
    folders.remove();
    Ok(())
}

fn serve(bench: &Bench, program: &Path, address: SocketAddr, count: u64) -> Result<(), String> {
    let load = Load { connections: 32, seconds: STEP_SECONDS, body: Body::None, field: None };
    let mut served = 0;
    while served < count {
        served += wrk(bench, program, address, "/hello", load)?.requests;
    }
    Ok(())
}

fn start_and_kill(address: SocketAddr, count: usize) -> Result<(), String> {
    let call = |name: &str| -> Result<(), String> {
        let mut started = 0;
        while started < count / STOPPED.len() {
            let response = http::get(address, &format!("/{name}"));
            let response = response.map_err(|error| error.to_string())?;
            match (response.status, response.field("x-doze-start")) {
                (200, Some("warm")) => {}
                (200, _) => started += 1,
                (status, _) => return Err(format!("/{name} was answered with {status}")),
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let calling = STOPPED.map(|name| scope.spawn(move || call(name)));
        calling.into_iter().try_for_each(|one| one.join().map_err(|_| "a client panicked")?)
    })
}

fn held(bench: &Bench, server: &Server) -> Result<Held, String> {
    let tree = Tree::of(server.pid());
    let (descriptors, sockets) = descriptors(server.pid());
    Ok([
        ("memory of doze", resident_megabytes(server.pid())?),
        ("descriptors", descriptors as f64),
        ("sockets", sockets as f64),
        ("processes", tree.len() as f64),
        ("zombies", tree.zombies() as f64),
        ("temporary files", files_below(&bench.temporary) as f64),
        ("control groups", groups() as f64),
    ])
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => 1 + files_below(&entry.path()),
        _ => 1,
    };
    entries.map(count).sum()
}

/// Of the whole machine.
fn groups() -> usize {
    let folders = |folder: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).collect()
    };
    fn count(folder: &Path, folders: &dyn Fn(&Path) -> Vec<std::fs::DirEntry>) -> usize {
        folders(folder).iter().map(|entry| 1 + count(&entry.path(), folders)).sum()
    }
    count(Path::new("/sys/fs/cgroup"), &folders)
}
