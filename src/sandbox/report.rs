//! Which layers are in force, why the others are not, and what can be done
//! about it.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use super::{Exceptions, Layer, Layers};

/// How much isolation is demanded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every layer that the machine offers.
    #[default]
    Auto,
    /// The same, and no start without [`MINIMUM`].
    Strict,
    /// Only what holds anyway. For debugging.
    Off,
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "strict" => Ok(Self::Strict),
            "off" => Ok(Self::Off),
            _ => Err(()),
        }
    }
}

/// What strict demands. Not among them: what another one of them covers, what
/// only root or only others can have, and limits that are better set for the
/// whole server where the kernel gives us no control group.
pub const MINIMUM: [Layer; 13] = [
    Layer::Permissions,
    Layer::Environment,
    Layer::NoNewPrivileges,
    Layer::Capabilities,
    Layer::Limits,
    Layer::Mounts,
    Layer::Processes,
    Layer::Network,
    Layer::Ipc,
    Layer::LandlockFiles,
    Layer::LandlockScopes,
    Layer::Seccomp,
    Layer::Addresses,
];

/// What is asked of the machine.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    /// How much.
    pub mode: Mode,
    /// Layers to leave out, so that a test can prove the others.
    pub without: Layers,
    /// Where networked processes may go although it would be denied.
    pub exceptions: Exceptions,
    /// Whether the kernel logs the system calls that are refused.
    pub log_refusals: bool,
    /// The program that has the verb `fork-server`.
    pub this_program: PathBuf,
    /// What processes will have to read, whoever they run as.
    pub reads: Vec<PathBuf>,
}

/// A layer that is not in force.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// Its name.
    pub layer: &'static str,
    /// What the machine said.
    pub why: String,
    /// What the operator can do; empty where nothing is amiss.
    pub advice: &'static str,
}

/// Which layers are in force, and why not the others.
#[derive(Debug)]
pub struct Report {
    wanted: Layers,
    in_force: Layers,
    missing: Vec<Missing>,
}

/// The named minimum is not there, and the operator wants no less.
#[derive(Debug, thiserror::Error)]
#[error("have the isolation that `strict` demands; not in force:\n{0}")]
pub struct Insufficient(String);

impl Report {
    pub(super) fn of(demand: &Demand, root: bool) -> Self {
        let mut report =
            Self { wanted: Layers::all(), in_force: Layers::NONE, missing: Vec::new() };
        if demand.mode == Mode::Off {
            for layer in Layer::ALL {
                report.note(*layer, "the sandbox is off", "");
            }
            report.wanted = Layers::NONE;
        }
        for layer in demand.without.iter() {
            report.note(layer, "left out by `DOZE_SANDBOX_WITHOUT`", "");
        }
        report.wanted = report.wanted.without(demand.without);
        // One of the two ways to be nobody.
        let (other, why) = if root {
            (Layer::UserNamespace, "not needed: the server is root, so processes get real users")
        } else {
            (Layer::OwnUser, "only root can give processes other users")
        };
        if report.wanted.has(other) {
            report.note(other, why, "");
        }
        report.wanted = report.wanted.without(other.into());
        report
    }

    /// The layers that are wanted here at all.
    pub(super) fn wanted(&self) -> Layers {
        self.wanted
    }

    pub(super) fn is_wanted(&self, layer: Layer) -> bool {
        self.wanted.has(layer)
    }

    /// These can be had; those of them that are wanted are in force now.
    pub(super) fn offer(&mut self, layers: Layers) {
        self.in_force =
            self.in_force.iter().chain(layers.iter().filter(|l| self.wanted.has(*l))).collect();
        let in_force = self.in_force;
        self.missing
            .retain(|missing| missing.layer.parse().is_ok_and(|layer| !in_force.has(layer)));
    }

    /// This one cannot be had.
    pub(super) fn refuse(&mut self, layer: Layer, why: impl Display) {
        self.in_force = self.in_force.without(layer.into());
        if self.wanted.has(layer) {
            self.note(layer, why, advice(layer));
        }
    }

    fn note(&mut self, layer: Layer, why: impl Display, advice: &'static str) {
        let layer = layer.name();
        if !self.missing.iter().any(|missing| missing.layer == layer) {
            self.missing.push(Missing { layer, why: why.to_string(), advice });
        }
    }

    /// The layers in force.
    pub fn in_force(&self) -> Layers {
        self.in_force
    }

    /// The others.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Whether all is there that is demanded.
    pub(super) fn check(&self, demand: &Demand) -> Result<(), Insufficient> {
        if demand.mode != Mode::Strict {
            return Ok(());
        }
        let lacking: Vec<_> = MINIMUM
            .into_iter()
            .filter(|layer| !self.in_force.has(*layer))
            .map(|layer| {
                let missing = self.missing.iter().find(|missing| missing.layer == layer.name());
                missing.map_or_else(|| format!("  {layer}"), |missing| format!("  {missing}"))
            })
            .collect();
        if lacking.is_empty() { Ok(()) } else { Err(Insufficient(lacking.join("\n"))) }
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18} {}", self.layer, self.why)?;
        if !self.advice.is_empty() {
            write!(f, " ({})", self.advice)?;
        }
        Ok(())
    }
}

/// One line per layer.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, layer) in Layer::ALL.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let missing = self.missing.iter().find(|missing| missing.layer == layer.name());
            match missing {
                Some(missing) => write!(f, "  -  {missing}")?,
                None if self.in_force.has(*layer) => write!(f, "  ok {layer}")?,
                None => write!(f, "  -  {layer}")?,
            }
        }
        Ok(())
    }
}

/// What an operator can do about a layer that cannot be had.
fn advice(layer: Layer) -> &'static str {
    match layer {
        Layer::UserNamespace | Layer::Mounts | Layer::Processes | Layer::Network | Layer::Ipc => {
            "allow unprivileged user namespaces; in Docker `seccomp=unconfined` and \
             `systempaths=unconfined`"
        }
        Layer::Addresses => "in Docker `seccomp=unconfined`, or `cap_add: [SYS_PTRACE]`",
        Layer::OwnUser => {
            "let every user read the runtime and the registry's folder, and leave root \
             CAP_SETUID, CAP_SETGID, CAP_CHOWN and CAP_DAC_OVERRIDE"
        }
        Layer::LandlockFiles | Layer::LandlockPorts | Layer::LandlockScopes => {
            "a newer kernel, started with `lsm=landlock,…`"
        }
        Layer::Memory | Layer::Tasks | Layer::Cpu => {
            "delegate a control group: `Delegate=yes` in the systemd unit; in a container set \
             the limits on the container"
        }
        _ => "",
    }
}
