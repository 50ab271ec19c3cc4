//! The layers of isolation by name, and a set of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! layers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One thing that stands between a process and the rest of the machine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Layer {
            $($(#[$doc])* $variant,)*
        }

        impl Layer {
            /// Every layer, in the order in which reports name them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name by which reports and settings know it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

layers! {
    /// What the program that runs functions refuses by itself.
    Permissions = "deno-permissions",
    /// Nothing of the server's environment is passed on.
    Environment = "empty-environment",
    /// No program gives back what was taken.
    NoNewPrivileges = "no-new-privileges",
    /// No capability, now or later.
    Capabilities = "no-capabilities",
    /// `setrlimit`.
    Limits = "resource-limits",
    /// A user id that no other process has.
    OwnUser = "own-user",
    /// A user namespace, in which the server's own id is all there is.
    UserNamespace = "user-namespace",
    /// A tree of its own, with what it needs and nothing else.
    Mounts = "mount-namespace",
    /// It sees and signals no process but its own.
    Processes = "pid-namespace",
    /// A network without a way out, for those that need none.
    Network = "network-namespace",
    /// System V and POSIX queues, and the host's name.
    Ipc = "ipc-namespace",
    /// Landlock: the only files that it reaches.
    LandlockFiles = "landlock-files",
    /// Landlock: the TCP ports that it may bind and connect.
    LandlockPorts = "landlock-ports",
    /// Landlock: no signal and no abstract Unix socket outside itself.
    LandlockScopes = "landlock-scopes",
    /// The system calls that it may make.
    Seccomp = "seccomp",
    /// The addresses that it may connect to, looked at one by one.
    Addresses = "address-guard",
    /// A limit on its memory, all of it.
    Memory = "cgroup-memory",
    /// A limit on its processes and threads.
    Tasks = "cgroup-pids",
    /// A limit on its share of the processors.
    Cpu = "cgroup-cpu",
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|layer| layer.name() == text);
        found.copied().ok_or_else(|| format!("`{text}` is not a layer"))
    }
}

/// Some of the layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers(u32);

impl Layers {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Every one.
    pub fn all() -> Self {
        Layer::ALL.iter().copied().collect()
    }

    /// Whether it is among them.
    pub fn has(self, layer: Layer) -> bool {
        self.0 & Self::bit(layer) != 0
    }

    /// The same with one more.
    #[must_use]
    pub fn with(self, layer: Layer) -> Self {
        Self(self.0 | Self::bit(layer))
    }

    /// The same without those.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Each of them, in the order of reports.
    pub fn iter(self) -> impl Iterator<Item = Layer> + Clone {
        Layer::ALL.iter().copied().filter(move |layer| self.has(*layer))
    }

    fn bit(layer: Layer) -> u32 {
        1 << layer as u8
    }
}

impl FromIterator<Layer> for Layers {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        layers.into_iter().fold(Self::NONE, Self::with)
    }
}

impl From<Layer> for Layers {
    fn from(layer: Layer) -> Self {
        Self::NONE.with(layer)
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Layer::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Names between commas.
impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::parse::<Layer>).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_reads_back_from_its_name() {
        for layer in Layer::ALL {
            assert_eq!(layer.name().parse(), Ok(*layer));
        }
        let two: Layers = "seccomp, landlock-files".parse().unwrap();
        assert_eq!(two.to_string(), "landlock-files,seccomp");
        assert!(Layers::all().without(two).iter().all(|layer| !two.has(layer)));
        assert!("seccomp,moat".parse::<Layers>().is_err());
    }
}
