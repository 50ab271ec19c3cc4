//! The second program: applies each layer to itself, then becomes the program
//! that is to be confined.
//!
//! `doze confine PARENT PLAN PROGRAM ARGS…` is an internal verb. PLAN is a
//! [`Confinement`] as JSON.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    path_beneath_rules,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, getppid, setsid};

use super::Confinement;

/// The hidden verb.
pub const VERB: &str = "confine";

/// Exit code of a process that could not be confined; its reason is on stderr.
pub const EXIT_NOT_CONFINED: u8 = 126;

/// What could not be done on the way to the confined program.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The internal command line is not what the spawner writes.
    #[error("`doze confine` is internal; it is started by the server only")]
    Usage,
    /// One layer could not be applied, so the program does not run at all.
    #[error("apply {layer}")]
    Layer {
        /// Which layer.
        layer: &'static str,
        /// What the kernel said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server was gone before the link to its life was made.
    #[error("the server that started this process has ended")]
    Orphaned,
    /// The program itself could not be executed.
    #[error("execute `{}`", program.display())]
    Execute {
        /// Its path.
        program: OsString,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// Confines this process and becomes the program. Returns only what went wrong.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ConfineError {
    match steps(args.into_iter()) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn steps(
    mut args: impl Iterator<Item = OsString>,
) -> Result<std::convert::Infallible, ConfineError> {
    let parent = args.next().and_then(|text| parse::<i32>(&text)).ok_or(ConfineError::Usage)?;
    let plan = args.next().ok_or(ConfineError::Usage)?;
    let plan: Confinement =
        serde_json::from_slice(plan.as_bytes()).map_err(|_| ConfineError::Usage)?;
    let program = args.next().ok_or(ConfineError::Usage)?;

    // Death with the server comes first: every later step may then fail or
    // hang without leaving anything behind. The check after it closes the gap
    // in which the server could already have died.
    layer("death with the server", prctl::set_pdeathsig(Signal::SIGKILL))?;
    if getppid() != Pid::from_raw(parent) {
        return Err(ConfineError::Orphaned);
    }

    // A session and process group of its own, so that one signal reaches
    // everything it starts, and a terminal's Ctrl-C only the server.
    layer("own session", setsid())?;

    // The server's runtime blocks and ignores signals of its own choosing, and
    // both survive an exec.
    layer("signal mask", sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None))?;

    // Limits before no-new-privileges, since they can only be lowered.
    if let Some(limits) = &plan.limits {
        for (name, resource, value) in [
            ("limit on core dumps", Resource::RLIMIT_CORE, 0),
            ("limit on open files", Resource::RLIMIT_NOFILE, limits.open_files),
            ("limit on file size", Resource::RLIMIT_FSIZE, limits.file_size),
        ] {
            layer(name, setrlimit(resource, value, value))?;
        }
    }

    // From here on no set-uid program gives anything back. Landlock demands it.
    if plan.no_new_privileges {
        layer("no new privileges", prctl::set_no_new_privs())?;
    }

    // Files last: until here this process still had to reach its own files.
    if let Some(rules) = &plan.files {
        layer("Landlock", restrict_files(rules))?;
    }

    let source = Command::new(&program).args(args).exec();
    Err(ConfineError::Execute { program, source })
}

/// What every dynamically linked program needs before its first own file.
const SYSTEM_READ: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/proc/self"];
const SYSTEM_DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

fn restrict_files(rules: &super::FileRules) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V5;
    let read = AccessFs::from_read(abi);
    let all = AccessFs::from_all(abi);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM_READ, read))?
        .add_rules(path_beneath_rules(SYSTEM_DEVICES, device))?
        .add_rules(path_beneath_rules(&rules.read, read))?
        .add_rules(path_beneath_rules(&rules.write, all))?
        .restrict_self()?;
    Ok(())
}

fn layer<T, E>(layer: &'static str, result: Result<T, E>) -> Result<T, ConfineError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    result.map_err(|source| ConfineError::Layer { layer, source: source.into() })
}

fn parse<T: std::str::FromStr>(text: &OsStr) -> Option<T> {
    text.to_str()?.parse().ok()
}
