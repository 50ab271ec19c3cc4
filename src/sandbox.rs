//! One confined process: what confines it here, how it is started, held and
//! ended.
//!
//! When the server starts it finds out, by trying, which layers this machine
//! offers ([`Sandbox::find`]). From then on every process gets a [`Cage`]: what
//! it needs, and every layer that there is around it.
//!
//! The server never sets up a confinement itself. It runs its own program a
//! second time (`doze fork-server`), small and with one thread. Each process is
//! a clone of that: it applies one layer after the other to itself and then
//! becomes the real program. So the steps read as a straight list, nothing has
//! to be safe between `fork` and `exec` of a large multi-threaded process, and
//! a confined process has passed through every layer before its first
//! instruction.
//!
//! - [`layers`]: the layers by name
//! - [`confinement`]: what one process is confined by, as plain data
//! - [`fork_server`]: the second program, which clones itself
//! - [`confine`]: what a clone does to itself, one step after the other; what
//!   the steps are is below `steps`
//! - [`report`]: which layers this machine offers, and why not the others
//! - [`cage`]: what a process needs, and the confinement that follows
//! - [`spawner`]: the one thread that starts processes
//! - [`process`]: a handle whose promise is "killed and waited for"
//!
//! This module knows nothing about functions, Deno or HTTP.

pub mod layers;
pub mod confinement;
pub mod fork_server;
mod descriptors;
pub mod confine;
mod steps;
mod system;
mod bpf;
mod system_calls;
mod addresses;
mod guard;
mod attributes;
pub mod schedule;
pub mod report;
mod rehearsal;
pub mod cage;
mod users;
mod cgroups;
mod holdings;
pub mod spawner;
mod undertakers;
pub mod process;

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::unistd::Uid;

pub use addresses::Exceptions;
pub use cage::{Cage, Needs};
pub use cgroups::GroupLimits;
pub use confinement::{Confinement, FileRules, Network, ResourceLimits};
pub use holdings::Holdings;
pub use layers::{Layer, Layers};
pub use process::{Priority, Process};
pub use report::{Demand, Insufficient, Mode, Report};
pub use spawner::{CommandSpec, Spawner};

use cgroups::Cgroups;
use fork_server::ForkServer;
use rehearsal::Rehearsal;
use system_calls::Program;
use users::Users;

/// What this machine offers, found out once.
#[derive(Debug)]
pub struct Sandbox {
    report: Report,
    users: Option<Users>,
    cgroups: Option<Cgroups>,
    filters: BTreeMap<Program, String>,
    root: PathBuf,
    exceptions: Exceptions,
    log_refusals: bool,
}

/// Folders that every system has, that nothing bound lies below, and that a
/// process can therefore build its tree on.
const ROOTS: [&str; 3] = ["/sys", "/mnt", "/media"];
/// What holds however little the machine offers.
const ALWAYS: [Layer; 2] = [Layer::Permissions, Layer::Environment];

impl Sandbox {
    /// Finds out which of the demanded layers this machine offers.
    pub fn find(demand: &Demand) -> Result<Self, Insufficient> {
        let mut sandbox = Self {
            report: Report::of(demand, Uid::effective().is_root()),
            users: None,
            cgroups: None,
            filters: BTreeMap::new(),
            exceptions: demand.exceptions.clone(),
            log_refusals: demand.log_refusals,
            root: ROOTS
                .map(PathBuf::from)
                .into_iter()
                .find(|root| root.is_dir())
                .unwrap_or_default(),
        };
        sandbox.report.offer(ALWAYS.into_iter().collect());
        if demand.mode != Mode::Off {
            sandbox.look(demand);
        }
        sandbox.report.check(demand)?;
        if !sandbox.layers().has(Layer::UserNamespace) && demand.mode != Mode::Off {
            // Nobody of the same user reads our memory. Who makes user
            // namespaces must not say this, since the ids of one are written
            // through `/proc`; there the other namespaces hide us.
            let _ = nix::sys::prctl::set_dumpable(false);
        }
        Ok(sandbox)
    }

    /// The layers in force.
    pub fn layers(&self) -> Layers {
        self.report.in_force()
    }

    /// Which layers are in force, and why not the others.
    pub fn report(&self) -> &Report {
        &self.report
    }

    fn look(&mut self, demand: &Demand) {
        let report = &mut self.report;
        report.offer(
            [Layer::NoNewPrivileges, Layer::Capabilities, Layer::Limits, Layer::Addresses]
                .into_iter()
                .collect(),
        );

        let landlock = [Layer::LandlockFiles, Layer::LandlockPorts, Layer::LandlockScopes];
        let offered = steps::landlock::offered();
        for layer in landlock {
            if offered.has(layer) {
                report.offer(layer.into());
            } else {
                report.refuse(layer, "this kernel's Landlock does not have it");
            }
        }

        match Program::all().map(|program| Ok((program, system_calls::compile(program)?))).collect()
        {
            Ok(filters) => {
                self.filters = filters;
                report.offer(Layer::Seccomp.into());
            }
            Err(error) => {
                let error: system_calls::FilterError = error;
                report.refuse(Layer::Seccomp, error);
            }
        }

        if report.is_wanted(Layer::OwnUser) {
            match Users::take() {
                Ok(users) => {
                    self.users = Some(users);
                    report.offer(Layer::OwnUser.into());
                }
                Err(error) => report.refuse(Layer::OwnUser, error),
            }
        }

        let (cgroups, missing) = Cgroups::prepare(report.wanted());
        for (layer, why) in missing {
            report.refuse(layer, why);
        }
        if let Some(cgroups) = &cgroups {
            report.offer(cgroups.layers());
        }
        self.cgroups = cgroups;

        rehearse(self, demand);

        let in_force = self.report.in_force();
        if !in_force.has(Layer::OwnUser) {
            self.users = None;
        }
        self.cgroups = self.cgroups.take().and_then(|cgroups| cgroups.keep(in_force));
    }

    /// Nothing that needs the second program can be had.
    fn do_without_all(&mut self, error: &std::io::Error) {
        for layer in self.report.in_force().without(ALWAYS.into_iter().collect()).iter() {
            self.report.refuse(layer, error);
        }
    }

    /// The filter that fits, or nothing where there is none.
    fn filter(&self, needs: &Needs) -> String {
        let program = Program {
            serves: needs.serves,
            connects: needs.network != Network::None,
            runs_programs: needs.programs,
        };
        self.filters.get(&program).cloned().unwrap_or_default()
    }
}

/// Tries all of it on a process that does nothing else, and takes away what
/// failed.
fn rehearse(sandbox: &mut Sandbox, demand: &Demand) {
    let mut fork_server = match ForkServer::start(&demand.this_program) {
        Ok(fork_server) => fork_server,
        Err(error) => return sandbox.do_without_all(&error),
    };
    let namespaces = Rehearsal::namespaces(&mut fork_server, &sandbox.report);
    for (layer, why) in namespaces.refused {
        sandbox.report.refuse(layer, why);
    }
    sandbox.report.offer(namespaces.offered);
    let needs = Needs {
        files: FileRules { read: demand.reads.clone(), ..FileRules::default() },
        serves: true,
        // The guard is tried as well; the network namespace has been.
        network: Network::Outgoing { ports: None },
        ..Needs::default()
    };
    let failures = match sandbox.hold().and_then(|holdings| sandbox.cage(needs, holdings)) {
        Ok(cage) => Rehearsal::whole(&mut fork_server, cage),
        Err(error) => Err(error),
    };
    match failures {
        Ok(failures) => {
            for (layer, why) in failures {
                if let Ok(layer) = layer.parse() {
                    sandbox.report.refuse(layer, why);
                }
            }
        }
        Err(error) => sandbox.do_without_all(&error),
    }
}
