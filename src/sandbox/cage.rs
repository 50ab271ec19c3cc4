//! What a process needs, and the confinement that follows from it here.

use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use super::cgroups::GroupLimits;
use super::guard::Policy;
use super::holdings::Holdings;
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
    /// Makes what the process is to own reachable to it and to nobody else: it
    /// may run as another user than the server.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match &self.holdings.user {
            Some(user) => lchown(path, Some(user.id()), Some(user.id())),
            None => Ok(()),
        }
    }

    /// The same for a folder and all that is in it.
    pub fn give_all(&self, folder: &Path) -> io::Result<()> {
        if self.holdings.user.is_none() {
            return Ok(());
        }
        self.give(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.give_all(&entry.path())?;
            } else {
                self.give(&entry.path())?;
            }
        }
        Ok(())
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
    /// A cage for one process.
    pub fn cage(&self, needs: Needs) -> io::Result<Cage> {
        let mut layers = self.layers();
        let mut holdings = Holdings::default();
        // Either there is no network, or there are addresses to look at.
        let (spared, denied_hosts) = match needs.network {
            Network::None => (Layer::Addresses, Vec::new()),
            Network::Outgoing { .. } => (Layer::Network, self.exceptions.denied_hosts()),
        };
        layers = layers.without(spared.into());
        if let Some(users) = &self.users {
            holdings.user = Some(users.next()?);
        }
        if let Some(cgroups) = &self.cgroups {
            holdings.group = Some(cgroups.make(needs.group)?);
        }
        let cgroups: Vec<PathBuf> =
            holdings.group.as_ref().map(super::cgroups::Group::entrances).unwrap_or_default();
        // Only where something else says which files these are.
        let bounded = layers.has(Layer::Mounts) || layers.has(Layer::LandlockFiles);
        let policy = layers.has(Layer::Addresses).then(|| Policy {
            exceptions: self.exceptions.clone(),
            sockets: needs.files.sockets.clone(),
        });
        let confinement = Confinement {
            layers,
            system_calls: self.filter(&needs),
            user: holdings.user.as_ref().map(super::users::User::id).unwrap_or_default(),
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
