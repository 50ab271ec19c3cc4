//! Files, ports and scopes by Landlock, which needs no rights at all.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};

use super::StepError;
use crate::sandbox::{Confinement, Layer, Layers, Network, system};

/// What of files is refused where no rule allows it, as far as the kernel
/// knows it.
const FILES: ABI = ABI::V5;
/// Where a resolver answers that has more to say than fits a datagram.
const DNS_PORT: u16 = 53;

/// Applies those of the three layers that the plan has, in one ruleset.
pub(in crate::sandbox) fn restrict(plan: &Confinement, program: &Path) -> Result<(), StepError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    if plan.has(Layer::LandlockFiles) {
        ruleset = ruleset.handle_access(AccessFs::from_all(FILES))?;
    }
    if plan.has(Layer::LandlockPorts) {
        ruleset = ruleset.handle_access(AccessNet::BindTcp)?;
        if connects_by_port(plan) {
            ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
        }
    }
    if plan.has(Layer::LandlockScopes) {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket | Scope::Signal)?;
    }
    let mut rules = ruleset.create()?;
    if plan.has(Layer::LandlockFiles) {
        for (paths, access) in file_rules(plan, program) {
            rules = rules.add_rules(path_beneath_rules(paths, access))?;
        }
    }
    if plan.has(Layer::LandlockPorts)
        && let Network::Outgoing { ports: Some(ports) } = &plan.network
    {
        for port in ports.iter().chain([&DNS_PORT]) {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    rules.restrict_self()?;
    Ok(())
}

/// What this kernel's Landlock can do. Asks for each thing alone, so that an
/// older kernel is told exactly from one without any.
pub(in crate::sandbox) fn offered() -> Layers {
    let hard = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let files = hard().handle_access(AccessFs::from_all(ABI::V1));
    let ports = hard().handle_access(AccessNet::BindTcp);
    let scopes = hard().scope(Scope::AbstractUnixSocket | Scope::Signal);
    [(Layer::LandlockFiles, files), (Layer::LandlockPorts, ports), (Layer::LandlockScopes, scopes)]
        .into_iter()
        .filter(|(_, ruleset)| ruleset.is_ok())
        .map(|(layer, _)| layer)
        .collect()
}

/// Whether TCP ports can be told apart: none at all, or those named.
fn connects_by_port(plan: &Confinement) -> bool {
    !matches!(plan.network, Network::Outgoing { ports: None })
}

fn file_rules(plan: &Confinement, program: &Path) -> Vec<(Vec<PathBuf>, BitFlags<AccessFs>)> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = read | AccessFs::Execute;
    let write = AccessFs::from_all(FILES) & !AccessFs::Execute;
    let devices = AccessFs::ReadFile | AccessFs::WriteFile;
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let mut linkers = paths(&system::LINKERS);
    linkers.push(program.to_owned());
    vec![
        (system::read(plan), read),
        (paths(&system::FACTS), read),
        (system::devices(plan), devices),
        // To be executed is a right of its own: the program, and what the
        // kernel runs to load it.
        (linkers, run),
        (system::programs(plan).map(PathBuf::from).collect(), run),
        (plan.files.read.clone(), if plan.programs { run } else { read }),
        (
            [&*plan.files.write, &plan.files.scratch].concat(),
            if plan.programs { write | run } else { write },
        ),
        (plan.files.sockets.clone(), AccessFs::MakeSock | AccessFs::RemoveFile),
    ]
}
