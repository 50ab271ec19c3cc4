//! Finds out by trying. Whether a kernel, a container or a security module
//! lets us do a thing is written nowhere that could be read instead.

use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use rustix::process::{PidfdFlags, pidfd_open};

use super::cage::Cage;
use super::confine::Failures;
use super::fork_server::{ForkServer, Order};
use super::guard::{self, Channel, Policy};
use super::{Layer, Layers, Report};

/// Which namespaces there are.
pub(super) struct Rehearsal {
    pub(super) offered: Layers,
    pub(super) refused: Vec<(Layer, String)>,
}

const NAMESPACES: [Layer; 4] = [Layer::Mounts, Layer::Processes, Layer::Network, Layer::Ipc];

impl Rehearsal {
    /// Tries all namespaces at once, and each alone if that fails.
    pub(super) fn namespaces(fork_server: &mut ForkServer, report: &Report) -> Self {
        let mut try_namespaces = |layers| run(fork_server, &Order::Born(layers), None).map(drop);
        let mut wanted: Layers =
            NAMESPACES.into_iter().filter(|layer| report.is_wanted(*layer)).collect();
        let base = if report.is_wanted(Layer::UserNamespace) {
            Layers::from(Layer::UserNamespace)
        } else {
            Layers::NONE
        };
        wanted = wanted.iter().chain(base.iter()).collect();
        if wanted == Layers::NONE || try_namespaces(wanted).is_ok() {
            return Self { offered: wanted, refused: Vec::new() };
        }
        let mut offered = base;
        let mut refused = Vec::new();
        if let Err(error) = try_namespaces(base) {
            // Without it, nobody but root gets any other.
            offered = Layers::NONE;
            refused.push((Layer::UserNamespace, error.to_string()));
        }
        for layer in wanted.without(base).iter() {
            match try_namespaces(offered.with(layer)) {
                Ok(()) => offered = offered.with(layer),
                Err(error) => refused.push((layer, error.to_string())),
            }
        }
        if offered == Layer::UserNamespace.into() {
            offered = Layers::NONE;
        }
        Self { offered, refused }
    }

    /// Applies a whole confinement to a process that does nothing else, and
    /// returns what failed by the layer's name.
    pub(super) fn whole(fork_server: &mut ForkServer, cage: Cage) -> io::Result<Failures> {
        let Cage { confinement, holdings, policy, .. } = cage;
        let said = run(fork_server, &Order::Rehearse(confinement), policy)?;
        // Only now is nothing left of it.
        drop(holdings);
        serde_json::from_str(&said).map_err(io::Error::other)
    }
}

/// Has an order obeyed to its end; what was written to stdout.
fn run(fork_server: &mut ForkServer, order: &Order, policy: Option<Policy>) -> io::Result<String> {
    let (mut stdout, out) = io::pipe()?;
    let (mut stderr, err) = io::pipe()?;
    let (channel, theirs) = Channel::pair()?;
    let pid = fork_server.make(order, &[out.as_fd(), err.as_fd(), theirs.as_fd()])?;
    drop((out, err, theirs));
    if let Some(policy) = policy {
        let id = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(Errno::ESRCH)?;
        let pidfd = pidfd_open(id, PidfdFlags::empty())?;
        guard::watch(pid.as_raw(), pidfd, channel, policy)?;
    }
    let mut said = (String::new(), String::new());
    stdout.read_to_string(&mut said.0)?;
    stderr.read_to_string(&mut said.1)?;
    match waitpid(pid, None)? {
        WaitStatus::Exited(_, 0) => Ok(said.0),
        _ => Err(io::Error::other(said.1.trim().to_owned())),
    }
}
