//! What it costs a function that its log is read while it is called.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Bench;
use crate::doze::{Folders, doze};
use crate::load::{Body, Load, wrk};
use crate::report::Unit::PerSecond;
use crate::report::{Report, median};
use crate::server::Server;

/// Says something for every request; most of that is more than a log keeps.
const TALKS: &str =
    "export default () => { console.log(\"a request\"); return \"Hello, world\"; };\n";

/// Seconds of each kind in a round.
const TURNS: usize = 5;

/// For a follower to be there, which is a program of its own.
const SETTLE: Duration = Duration::from_millis(200);

pub(crate) fn round(bench: &Bench, report: &mut Report, round: usize) -> Result<(), String> {
    let Some(program) = &bench.tools.wrk else {
        report.leave_out("followed logs", "they need wrk");
        return Ok(());
    };
    let folders = Folders::new(bench, "followed")?;
    folders.add_hello("hello", "{}")?;
    folders.add("talks", "{}", TALKS)?;
    let mut server = doze(bench, "up", &folders, &[])?;
    for (name, path) in [("a function that prints", "talks"), ("one that prints nothing", "hello")]
    {
        server.wait_for(&format!("/{path}"))?;
        let load = Load { connections: 32, seconds: 1.0, body: Body::None, field: None };
        let run = || -> Result<f64, String> {
            Ok(wrk(bench, program, server.address, &format!("/{path}"), load)?.per_second)
        };
        let followed = || {
            let _follower = Follower::start(bench, &folders, &server, path)?;
            thread::sleep(SETTLE);
            run()
        };
        run()?;
        // What is looked for is less than what differs from second to second.
        let (mut ours, mut alone) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            // Each goes first in every other turn.
            if (round + turn).is_multiple_of(2) {
                alone.push(run()?);
                ours.push(followed()?);
            } else {
                ours.push(followed()?);
                alone.push(run()?);
            }
        }
        let beside = [("nobody follows", Some(median(&alone)))];
        report.add(&format!("followed log of {name}"), PerSecond, median(&ours), &beside);
    }
    drop(server);
    folders.remove();
    Ok(())
}

/// `doze logs --follow`, until it is dropped.
struct Follower(Child);

impl Follower {
    fn start(
        bench: &Bench,
        folders: &Folders,
        server: &Server,
        function: &str,
    ) -> Result<Self, String> {
        let admin = server.admin.ok_or("a server without an admin API has no logs")?;
        let mut command = Command::new(&bench.doze);
        command.args(["logs", function, "--follow", "--server", &format!("http://{admin}")]);
        command.arg("--admin-token-file").arg(folders.data.join("admin-token"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().map_err(|error| format!("cannot follow a log: {error}"))?;
        Ok(Self(process))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
