//! `make bench`: what doze costs, beside what one would use instead.
//!
//! Every measurement is taken once per round and the rounds are interleaved,
//! so that a machine that slows down slows both sides down. A row shows the
//! median of the rounds with the lowest and the highest. Nothing here fails
//! because something was slow: figures are for reading.
//!
//! - [`report`]: figures, goals, the table
//! - [`server`]: a server that is started, found ready, and stopped
//! - [`http`]: one request over one connection, timed
//! - [`cold`], [`warm`], [`neighbours`], [`publish`], [`scale`]: the measurements
//! - [`machine`]: where and with what it was measured

mod cold;
mod http;
mod machine;
mod neighbours;
mod publish;
mod report;
mod scale;
mod server;
mod warm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use report::Report;

/// What is measured with, as absolute paths.
struct Bench {
    doze: PathBuf,
    deno: PathBuf,
    runtime: PathBuf,
    reference: PathBuf,
    /// A folder of this run's own, removed at its end.
    work: PathBuf,
    pace: Pace,
    /// The one part to measure; all of them where it is not said.
    only: Option<String>,
}

/// How long to measure.
struct Pace {
    rounds: usize,
    cold_requests: usize,
    drops: usize,
    warm_seconds: u64,
    attack_seconds: f64,
}

const QUICK: Pace =
    Pace { rounds: 3, cold_requests: 20, drops: 3, warm_seconds: 2, attack_seconds: 0.8 };
const THOROUGH: Pace =
    Pace { rounds: 7, cold_requests: 50, drops: 5, warm_seconds: 5, attack_seconds: 3.0 };

const USAGE: &str = "usage: doze-bench --doze FILE --project FOLDER [--quick] [--only cold|warm|neighbours|publish|scale] [--save FILE]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut args = env::args().skip(1);
    let (mut doze, mut project, mut save, mut pace) = (None, None, None, THOROUGH);
    let mut only = None;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--doze" => doze = args.next(),
            "--project" => project = args.next(),
            "--save" => save = args.next(),
            "--only" => only = args.next(),
            "--quick" => pace = QUICK,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let absolute = |path: &Path| {
        path.canonicalize().map_err(|error| format!("cannot find {}: {error}", path.display()))
    };
    let project = absolute(Path::new(&project.ok_or(USAGE)?))?;
    let runtime = absolute(&project.join("runtime-shim"))?;
    let bench = Bench {
        doze: absolute(Path::new(&doze.ok_or(USAGE)?))?,
        deno: absolute(&runtime.join("node_modules/@deno/linux-x64-glibc/deno"))?,
        reference: absolute(&project.join("bench/reference"))?,
        runtime,
        work: env::temp_dir().join(format!("doze-bench-{}", std::process::id())),
        pace,
        only,
    };
    fs::create_dir_all(&bench.work).map_err(|error| format!("cannot make a folder: {error}"))?;
    let measured = measure(&bench);
    // The folder holds logs, which say why something failed.
    match &measured {
        Ok(_) => _ = fs::remove_dir_all(&bench.work),
        Err(_) => eprintln!("bench: the logs are in {}", bench.work.display()),
    }
    let report = measured?;
    let table = report.table();
    println!("\n{table}");
    if let Some(file) = save {
        let page = machine::page(&bench, &table);
        fs::write(&file, page).map_err(|error| format!("cannot write {file}: {error}"))?;
        eprintln!("bench: saved in {file}");
    }
    Ok(())
}

fn measure(bench: &Bench) -> Result<Report, String> {
    let mut report = Report::default();
    let measured = |part| bench.only.as_ref().is_none_or(|only| only == part);
    let many = if measured("scale") { Some(scale::publish_many(bench)?) } else { None };
    for round in 1..=bench.pace.rounds {
        eprintln!("bench: round {round} of {}", bench.pace.rounds);
        if measured("cold") {
            cold::round(bench, &mut report)?;
        }
        if measured("warm") {
            warm::round(bench, &mut report)?;
        }
        if measured("neighbours") {
            neighbours::round(bench, &mut report)?;
        }
        if measured("publish") {
            publish::round(bench, &mut report, round)?;
        }
        if let Some(many) = &many {
            scale::round(bench, &mut report, many)?;
        }
    }
    Ok(report)
}
