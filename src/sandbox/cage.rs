//! What a process needs, and the confinement that follows from it here.

use std::io;

use super::cgroups::{Cgroups, GroupLimits};
use super::guard::Policy;
use super::holdings::Holdings;
use super::users::{User, Users};
use super::{Confinement, FileRules, Layer, Network, ResourceLimits, Sandbox};

/// What a process needs of the machine. Everything else is kept from it, as far
/// as the layers reach.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// The files that it reaches.
    pub files: FileRules,
    /// What it reaches of the network.
    pub network: Network,
    /// Whether it serves on a Unix socket.
    pub serves: bool,
    /// Whether it runs other programs.
    pub programs: bool,
    /// Whether it must read its files whoever owns them.
    pub reads_any_owner: bool,
    /// Limits on each of its processes.
    pub limits: ResourceLimits,
    /// Limits on all of them together.
    pub group: GroupLimits,
}

/// A confinement that one process is about to get, with what it will hold.
#[derive(Debug)]
pub struct Cage {
    pub(super) confinement: Confinement,
    pub(super) holdings: Holdings,
    /// What the guard lets it do, where there is one.
    pub(super) policy: Option<Policy>,
    /// Hosts that the program should refuse by itself.
    denied_hosts: Vec<String>,
}

impl Cage {
    /// What the process will hold.
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// The hosts that are denied to it, as far as they can be written without
    /// looking at addresses one by one.
    pub fn denied_hosts(&self) -> &[String] {
        &self.denied_hosts
    }

    /// Whether a layer is in force for it.
    pub fn has(&self, layer: Layer) -> bool {
        self.confinement.has(layer)
    }
}

impl Sandbox {
    /// What one process will hold.
    pub fn hold(&self) -> io::Result<Holdings> {
        Ok(Holdings {
            user: self.users.as_ref().map(Users::next).transpose()?,
            group: self.cgroups.as_ref().map(Cgroups::make).transpose()?,
        })
    }

    /// A cage for one process.
    pub fn cage(&self, needs: Needs, holdings: Holdings) -> io::Result<Cage> {
        let mut layers = self.layers();
        // Either there is no network, or there are addresses to look at.
        let (spared, denied_hosts) = match needs.network {
            Network::None => (Layer::Addresses, Vec::new()),
            Network::Outgoing { .. } => (Layer::Network, self.exceptions.denied_hosts()),
        };
        layers = layers.without(spared.into());
        let cgroups = match &holdings.group {
            Some(group) => {
                group.limit(needs.group)?;
                group.entrances()
            }
            None => Vec::new(),
        };
        // Only where something else says which files these are.
        let bounded = layers.has(Layer::Mounts) || layers.has(Layer::LandlockFiles);
        let policy = layers.has(Layer::Addresses).then(|| Policy {
            exceptions: self.exceptions.clone(),
            sockets: needs.files.sockets.clone(),
        });
        let confinement = Confinement {
            layers,
            system_calls: self.filter(&needs),
            user: holdings.user.as_ref().map(User::id).unwrap_or_default(),
            reads_any_owner: needs.reads_any_owner && bounded,
            files: needs.files,
            network: needs.network,
            programs: needs.programs,
            limits: needs.limits,
            cgroups,
            log_refusals: self.log_refusals,
            root: self.root.clone(),
        };
        Ok(Cage { confinement, holdings, policy, denied_hosts })
    }
}
