//! `make bench`: what doze costs, beside what one would use instead.
//!
//! Every measurement is taken once per round and the rounds are interleaved,
//! so that a machine that slows down slows both sides down. A row shows the
//! median of the rounds with the lowest and the highest. Nothing here fails
//! because something was slow: figures are for reading.
//!
//! - [`goals`]: what each row is meant to reach
//! - [`cold`], [`bursts`], [`warm`], [`streams`], [`instances`], [`neighbours`],
//!   [`publish`], [`scale`], [`soak`]: the measurements, a group each
//! - [`doze`], [`reference`], [`server`]: what is started, found ready, stopped
//! - [`http`], [`load`], [`bare`]: requests, and the least that a proxy can do
//! - [`processes`]: what the kernel counts
//! - [`report`], [`plot`], [`page`]: the table, the pictures, the saved page

mod bare;
mod bursts;
mod cold;
mod doze;
mod followed;
mod goals;
mod http;
mod instances;
mod load;
mod neighbours;
mod page;
mod plot;
mod processes;
mod publish;
mod reference;
mod report;
mod scale;
mod server;
mod soak;
mod streams;
mod warm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use reference::Tools;
use report::Report;

/// What is measured with, as absolute paths.
struct Bench {
    doze: PathBuf,
    deno: PathBuf,
    runtime: PathBuf,
    reference: PathBuf,
    /// A function with many packages, if they are installed.
    heavy: Option<PathBuf>,
    tools: Tools,
    /// A folder of this run's own, removed at its end.
    work: PathBuf,
    /// What the servers take for the system's folder for temporary files.
    temporary: PathBuf,
    pace: Pace,
}

/// How long to measure.
struct Pace {
    rounds: usize,
    cold_requests: usize,
    drops: usize,
    warm_seconds: f64,
    /// Whether to load servers that no goal speaks of.
    others: bool,
    attack_seconds: f64,
    idle_seconds: f64,
    /// Numbers of warm instances.
    instances: &'static [usize],
    /// Functions called in turn.
    in_turn: usize,
    /// Numbers of folders bundled from nothing.
    folders: &'static [usize],
    soak_requests: u64,
    soak_starts: usize,
}

const QUICK: Pace = Pace {
    rounds: 2,
    cold_requests: 5,
    drops: 3,
    warm_seconds: 1.0,
    others: false,
    attack_seconds: 0.6,
    idle_seconds: 3.0,
    instances: &[10, 30],
    in_turn: 120,
    folders: &[100, 1_000],
    soak_requests: 200_000,
    soak_starts: 400,
};
const THOROUGH: Pace = Pace {
    rounds: 5,
    cold_requests: 30,
    drops: 5,
    warm_seconds: 4.0,
    others: true,
    attack_seconds: 3.0,
    idle_seconds: 10.0,
    instances: &[10, 30, 100, 200],
    in_turn: 1_000,
    folders: &[100, 1_000, 3_000, 10_000],
    soak_requests: 1_000_000,
    soak_starts: 10_000,
};

/// Rows that belong together.
struct Group {
    name: &'static str,
    title: &'static str,
    round: fn(&Bench, &mut Report, usize) -> Result<(), String>,
    /// Only where it is asked for.
    apart: bool,
}

const GROUPS: [Group; 10] = [
    Group { name: "cold", title: "First request", round: cold::round, apart: false },
    Group { name: "bursts", title: "First requests at once", round: bursts::round, apart: false },
    Group { name: "warm", title: "Warm requests", round: warm::round, apart: false },
    Group { name: "followed", title: "Followed logs", round: followed::round, apart: false },
    Group { name: "streams", title: "Streams", round: streams::round, apart: false },
    Group { name: "instances", title: "Instances", round: instances::round, apart: false },
    Group { name: "neighbours", title: "Neighbours", round: neighbours::round, apart: false },
    Group { name: "publish", title: "Publishing", round: publish::round, apart: false },
    Group { name: "scale", title: "Many functions", round: scale::round, apart: false },
    Group { name: "soak", title: "Soak", round: soak::round, apart: true },
];

const USAGE: &str = "usage: doze-bench --doze FILE --project FOLDER [--quick] [--save FILE] \
                     [--only GROUP]...";

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
    let mut only = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--doze" => doze = args.next(),
            "--project" => project = args.next(),
            "--save" => save = args.next(),
            "--only" => only.push(args.next().ok_or(USAGE)?),
            "--quick" => pace = QUICK,
            _ => return Err(USAGE.to_owned()),
        }
    }
    if let Some(group) = only.iter().find(|name| GROUPS.iter().all(|group| group.name != **name)) {
        let names: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
        return Err(format!("there is no group `{group}`; there are {}", names.join(", ")));
    }
    let wanted = |group: &&Group| match &only[..] {
        [] => !group.apart,
        names => names.iter().any(|name| name == group.name),
    };
    let groups: Vec<&Group> = GROUPS.iter().filter(wanted).collect();
    let bench = Bench::new(doze.ok_or(USAGE)?, project.ok_or(USAGE)?, pace)?;
    let measured = measure(&bench, &groups);
    // The folder holds logs, which say why something failed.
    match &measured {
        Ok(_) => _ = fs::remove_dir_all(&bench.work),
        Err(_) => eprintln!("bench: the logs are in {}", bench.work.display()),
    }
    let report = measured?;
    println!("\n{}\n{}", report.table(None), report.omissions());
    println!("Median of the rounds, with the lowest and the highest in brackets.");
    if let Some(file) = save {
        page::save(&bench, &GROUPS, &groups, &report, Path::new(&file))?;
        eprintln!("bench: saved in {file}");
    }
    Ok(())
}

impl Bench {
    fn new(doze: String, project: String, pace: Pace) -> Result<Self, String> {
        let absolute = |path: &Path| {
            path.canonicalize().map_err(|error| format!("cannot find {}: {error}", path.display()))
        };
        let project = absolute(Path::new(&project))?;
        let runtime = absolute(&project.join("runtime-shim"))?;
        let reference = absolute(&project.join("bench/reference"))?;
        let heavy = project.join("bench/functions/npm-heavy");
        let work = env::temp_dir().join(format!("doze-bench-{}", std::process::id()));
        let temporary = work.join("tmp");
        let told = |error| format!("cannot make a folder: {error}");
        fs::create_dir_all(&temporary).map_err(told)?;
        Ok(Self {
            doze: absolute(Path::new(&doze))?,
            deno: absolute(&runtime.join("node_modules/@deno/linux-x64-glibc/deno"))?,
            heavy: heavy.join("node_modules").is_dir().then_some(heavy),
            tools: Tools::find(&reference),
            runtime,
            reference,
            work,
            temporary,
            pace,
        })
    }
}

fn measure(bench: &Bench, groups: &[&Group]) -> Result<Report, String> {
    let mut report = Report::default();
    for (name, program) in bench.tools.named() {
        if program.is_none() {
            report.leave_out(&format!("rows beside {name}"), "it is not installed");
        }
    }
    for round in 1..=bench.pace.rounds {
        for group in groups {
            // A soak is one long round.
            if group.apart && round > 1 {
                continue;
            }
            eprintln!("bench: round {round} of {}, {}", bench.pace.rounds, group.name);
            report.begin(group.name);
            (group.round)(bench, &mut report, round)
                .map_err(|error| format!("{}: {error}", group.name))?;
        }
    }
    Ok(report)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
