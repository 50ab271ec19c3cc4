//! The first request: with a spare, without one, and beside what else starts
//! something for a request.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::doze::{Folders, code_of_size, doze};
use crate::report::Unit::Milliseconds;
use crate::report::{Report, median, p99};
use crate::server::Server;
use crate::{Bench, http, milliseconds, reference};

/// An instance without requests is stopped at once: every request is a first.
const MANIFEST: &str = r#"{"idleSeconds": 0}"#;
const ONESHOT: &str = r#"{"mode": "oneshot"}"#;
/// Long enough for the instance to be gone and new spares to be ready, so that
/// the next measurement, which may be of something else, has the processors.
const REST: Duration = Duration::from_millis(250);
/// How often a busy machine may not have been ready for a request.
const TRIES: usize = 20;
/// After this, what php-fpm and Passenger started has ended.
const PHP_REST: Duration = Duration::from_millis(2_500);
const PASSENGER_REST: Duration = Duration::from_millis(3_500);
const PHP_POOLS: usize = 10;

/// What is called for the first time, with the end of its row's name.
const FUNCTIONS: [(&str, &str); 4] =
    [("tiny", ""), ("kb100", ", 100 KB"), ("mb1", ", 1 MB"), ("npm", ", npm-heavy")];

pub(crate) fn round(bench: &Bench, report: &mut Report, _round: usize) -> Result<(), String> {
    let names = ["with-spare", "without", "open"];
    let settings: [&[&str]; 3] = [&[], &["--spares", "0"], &["--spares", "0", "--sandbox", "off"]];
    let mut folders = Vec::new();
    let mut servers = Vec::new();
    for (name, flags) in names.into_iter().zip(settings) {
        folders.push(drop_functions(bench, name)?);
        servers.push(doze(bench, "up", &folders[folders.len() - 1], flags)?);
    }
    let heavy = bench.heavy.is_some();
    let functions: Vec<_> =
        FUNCTIONS.into_iter().filter(|(name, _)| heavy || *name != "npm").collect();
    for server in &mut servers {
        for (name, _) in &functions {
            server.wait_for(&format!("/{name}"))?;
        }
        server.wait_for("/oneshot")?;
    }
    let [with_spare, without, open] = &servers[..] else { return Err("three servers".to_owned()) };
    let mut scripts = vec![bench.reference.join("hello.js")];
    for (name, _) in &functions[1..] {
        let bundle = bench.work.join(format!("{name}.mjs"));
        std::fs::copy(folders[0].bundle(name), &bundle).map_err(|error| error.to_string())?;
        scripts.push(reference::serving(bench, name, &bundle)?);
    }
    for script in &scripts {
        // Deno keeps what it derives from a script; the first run makes that.
        deno_run(bench, script)?;
    }

    let mut others = Others::start(bench)?;
    let mut spare = vec![Vec::new(); functions.len()];
    let mut cold = vec![Vec::new(); functions.len()];
    let mut deno = vec![Vec::new(); functions.len()];
    let (mut bare, mut oneshot) = (Vec::new(), Vec::new());
    for _ in 0..bench.pace.cold_requests {
        for (index, (name, _)) in functions.iter().enumerate() {
            spare[index].push(first_request(with_spare, name, "spare")?);
            cold[index].push(first_request(without, name, "cold")?);
            deno[index].push(deno_run(bench, &scripts[index])?);
        }
        // Twice, for the p99.
        spare[0].push(first_request(with_spare, "tiny", "spare")?);
        bare.push(first_request(open, "tiny", "cold")?);
        oneshot.push(first_request(with_spare, "oneshot", "spare")?);
        others.measure(bench)?;
    }

    let deno: Vec<f64> = deno.iter().map(|times| median(times)).collect();
    let plain = ("deno run", Some(deno[0]));
    for (index, (_, size)) in functions.iter().enumerate() {
        let row = format!("cold, from a spare{size}, p50");
        let plain = ("deno run", Some(deno[index]));
        if index == 0 {
            let [php, node, workerd, passenger] = others.medians();
            let beside = [
                ("php-fpm ondemand", php),
                plain,
                ("node", node),
                ("workerd", workerd),
                ("Passenger", passenger),
            ];
            report.add(&row, Milliseconds, median(&spare[0]), &beside);
            let beside = [("its p50", Some(median(&spare[0])))];
            report.add("cold, from a spare, p99", Milliseconds, p99(&spare[0]), &beside);
        } else {
            report.add(&row, Milliseconds, median(&spare[index]), &[plain]);
        }
    }
    report.add("cold, from a spare, oneshot, p50", Milliseconds, median(&oneshot), &[plain]);
    for (index, (_, size)) in functions.iter().enumerate() {
        let row = format!("cold, no spare{size}, p50");
        let plain = ("deno run", Some(deno[index]));
        let open = ("sandbox off", (index == 0).then(|| median(&bare)));
        report.add(&row, Milliseconds, median(&cold[index]), &[plain, open]);
    }
    if !heavy {
        report.leave_out("npm-heavy functions", "their packages are not installed");
    }
    drop(servers);
    folders.into_iter().for_each(Folders::remove);
    Ok(())
}

fn drop_functions(bench: &Bench, name: &str) -> Result<Folders, String> {
    let folders = Folders::new(bench, name)?;
    folders.add_hello("tiny", MANIFEST)?;
    folders.add_hello("oneshot", ONESHOT)?;
    folders.add("kb100", MANIFEST, &code_of_size(100 << 10))?;
    folders.add("mb1", MANIFEST, &code_of_size(1 << 20))?;
    if let Some(heavy) = &bench.heavy {
        folders.copy("npm", heavy, MANIFEST)?;
    }
    Ok(folders)
}

/// From the connection to the whole response, in milliseconds.
fn first_request(server: &Server, name: &str, expected: &str) -> Result<f64, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        thread::sleep(REST);
        let (elapsed, response) = timed(server.address, &format!("/{name}"))?;
        match response.field("x-doze-start") {
            Some(start) if start == expected && response.status == 200 => return Ok(elapsed),
            start => last = format!("{} as {start:?}", response.status),
        }
    }
    Err(format!("a first request to {name} was served with {last}, not as {expected}"))
}

fn timed(address: SocketAddr, path: &str) -> Result<(f64, http::Response), String> {
    let begun = Instant::now();
    let response = http::get(address, path).map_err(|error| error.to_string())?;
    Ok((milliseconds(begun), response))
}

/// From the start of the process to the whole response, in milliseconds.
fn deno_run(bench: &Bench, script: &Path) -> Result<f64, String> {
    timed_start(|| reference::deno(bench, script))
}

/// After the same rest as every first request: what has just run is in the
/// processors' caches.
fn timed_start(start: impl FnOnce() -> Result<Server, String>) -> Result<f64, String> {
    thread::sleep(REST);
    let begun = Instant::now();
    let server = start()?;
    http::get(server.address, "/").map_err(|error| error.to_string())?;
    Ok(milliseconds(begun))
}

/// What else starts something for a request, where it is installed.
struct Others {
    php: Option<(Server, Server)>,
    passenger: Option<Server>,
    /// When each pool of php-fpm was asked last, and which process answered.
    pools: Vec<Asked>,
    application: Asked,
    times: [Vec<f64>; 4],
}

struct Asked {
    at: Instant,
    pid: Option<String>,
}

impl Asked {
    fn now() -> Self {
        Self { at: Instant::now(), pid: None }
    }

    /// Asks, if what was asked last has had the time to end, and keeps the time
    /// if a new process answered.
    fn again(
        &mut self,
        rest: Duration,
        address: SocketAddr,
        path: &str,
        times: &mut Vec<f64>,
    ) -> Result<(), String> {
        if self.at.elapsed() < rest {
            return Ok(());
        }
        let (elapsed, response) = timed(address, path)?;
        let pid = response.field("x-pid").map(str::to_owned);
        if pid.is_some() && pid != self.pid && response.status == 200 {
            times.push(elapsed);
        }
        *self = Self { at: Instant::now(), pid };
        Ok(())
    }
}

impl Others {
    fn start(bench: &Bench) -> Result<Self, String> {
        let tools = &bench.tools;
        let php = match (&tools.php, &tools.nginx) {
            (Some(php), Some(nginx)) => Some(reference::php(bench, php, nginx, PHP_POOLS)?),
            _ => None,
        };
        let passenger = match (&tools.passenger, &tools.node) {
            (Some(passenger), Some(node)) => Some(reference::passenger(bench, passenger, node)?),
            _ => None,
        };
        let pools = (0..PHP_POOLS).map(|_| Asked::now()).collect();
        let times = [const { Vec::new() }; 4];
        Ok(Self { php, passenger, pools, application: Asked::now(), times })
    }

    fn measure(&mut self, bench: &Bench) -> Result<(), String> {
        let [php, node, workerd, passenger] = &mut self.times;
        if let Some((_, nginx)) = &self.php {
            for (pool, asked) in self.pools.iter_mut().enumerate() {
                asked.again(PHP_REST, nginx.address, &format!("/{pool}"), php)?;
            }
        }
        if let Some(server) = &self.passenger {
            self.application.again(PASSENGER_REST, server.address, "/", passenger)?;
        }
        if let Some(program) = &bench.tools.node {
            node.push(timed_start(|| reference::node(bench, program))?);
        }
        if let Some(program) = &bench.tools.workerd {
            workerd.push(timed_start(|| reference::workerd(bench, program))?);
        }
        Ok(())
    }

    /// Of php-fpm, node, workerd and Passenger.
    fn medians(&self) -> [Option<f64>; 4] {
        self.times.each_ref().map(|times| (!times.is_empty()).then(|| median(times)))
    }
}
