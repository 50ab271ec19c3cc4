//! What one process is confined by, as plain data that travels to the fork
//! server.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Layer, Layers};

/// Which layers are in force for one process, and what each of them needs to
/// know. A session of its own and death with the server are not layers: they
/// hold for every process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confinement {
    /// The layers in force.
    pub layers: Layers,
    /// What it may reach of the file system, and how.
    pub files: FileRules,
    /// What it may reach of the network.
    pub network: Network,
    /// Whether it may run other programs.
    pub programs: bool,
    /// What it may use up.
    pub limits: ResourceLimits,
    /// The user and group that it runs as, with [`Layer::OwnUser`].
    pub user: u32,
    /// Whether that user may read its [`FileRules::read`] whoever owns them.
    pub reads_any_owner: bool,
    /// Where it enters its control groups, `tasks` or `cgroup.procs` files, and
    /// the layers that each makes.
    pub cgroups: Vec<(Layers, PathBuf)>,
    /// The compiled filter, with [`Layer::Seccomp`].
    pub system_calls: String,
    /// Whether the kernel logs the calls that the filter refuses.
    pub log_refusals: bool,
    /// An empty folder to build its tree on, with [`Layer::Mounts`].
    pub root: PathBuf,
}

impl Confinement {
    /// Whether a layer is in force.
    pub fn has(&self, layer: Layer) -> bool {
        self.layers.has(layer)
    }
}

/// The only files that a process reaches, each path with all below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRules {
    /// May be read.
    pub read: Vec<PathBuf>,
    /// May be read, made, written and removed.
    pub write: Vec<PathBuf>,
    /// May have sockets made in it, and nothing else.
    pub sockets: Vec<PathBuf>,
    /// Like `write`, for what nobody else needs to see: with
    /// [`Layer::Mounts`] the process gets copies in memory, which hold
    /// [`ResourceLimits::scratch`] together and end with it.
    pub scratch: Vec<PathBuf>,
}

/// What a process may reach of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Nothing.
    #[default]
    None,
    /// It may connect; to which addresses is the guard's to say.
    Outgoing {
        /// The only TCP ports; `None` where any will do.
        ports: Option<Vec<u16>>,
    },
}

/// `setrlimit` values, soft and hard alike. Address space is not among them:
/// V8 reserves far more than it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Open descriptors.
    pub open_files: u64,
    /// Largest file that it can write, in bytes.
    pub file_size: u64,
    /// Memory that it may write to, in bytes (`RLIMIT_DATA`). It counts what is
    /// mapped, which some programs do far beyond what they use.
    pub data: Option<u64>,
    /// Processes and threads. Counted per user, so it is applied only where
    /// the process has a user of its own, in the machine or in a namespace.
    pub tasks: u64,
    /// All that it can write to its scratch folders, in bytes.
    pub scratch: u64,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self { open_files: 4096, file_size: 1 << 30, data: None, tasks: 256, scratch: 16 << 20 }
    }
}
