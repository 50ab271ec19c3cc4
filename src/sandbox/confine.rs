//! What a process does to itself between its clone and its program: one layer
//! after the other.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{dup2_stdin, execve};

use super::fork_server::Run;
use super::steps::{StepError, filter, landlock, life, rights, tree};
use super::{Confinement, Layer, Layers, guard};

/// Exit code of a process that could not be confined; its reason is on stderr.
pub const EXIT_NOT_CONFINED: u8 = 126;

/// What a process is called until it becomes its program.
const NAME: &CStr = c"doze-prepared";

/// What could not be done on the way to the confined program.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// One step could not be taken, so the program does not run at all.
    #[error("failed to apply {step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// What the kernel said.
        source: StepError,
    },
    /// The server was gone before the link to its life was made.
    #[error("the server that started this process has ended")]
    Orphaned,
    /// The program itself could not be executed.
    #[error("failed to execute `{}`: {source}", program.display())]
    Execute {
        /// Its path.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What failed in a rehearsal, by the layer's name.
pub(super) type Failures = BTreeMap<String, String>;

/// Confines this process, waits for the word, and becomes the program. Returns
/// what went wrong, or nothing where the word never comes.
pub(super) fn run(run: &Run, start: &OwnedFd, guard: Option<&OwnedFd>) -> Result<(), ConfineError> {
    // So that nobody takes it for the fork server, whose arguments it shows.
    must("its name", nix::sys::prctl::set_name(NAME))?;
    let text = |text: &OsStr| must("its command line", CString::new(text.as_bytes()));
    let program = text(run.program.as_os_str())?;
    let mut args = vec![program.clone()];
    for arg in &run.args {
        args.push(text(arg)?);
    }
    let mut env = Vec::new();
    for (name, value) in &run.env {
        env.push(text(&[name.as_os_str(), value].join(OsStr::new("=")))?);
    }
    must("its folder", std::env::set_current_dir(&run.cwd))?;
    let null = must("its standard input", File::open("/dev/null"))?;
    must("its standard input", dup2_stdin(null))?;

    let mut steps = Steps { plan: &run.confinement, guard, failures: None };
    steps.take(&program)?;
    if must("the wait for its start", nix::unistd::read(start, &mut [0]))? == 0 {
        return Ok(());
    }
    // `execve` is given `program` itself, whose address the filter knows.
    let Err(error) = execve(&program, &args, &env);
    Err(ConfineError::Execute { program: run.program.clone(), source: error.into() })
}

/// Takes every step, whatever failed before, and tells on stdout what did.
pub(super) fn rehearse(plan: &Confinement, guard: Option<&OwnedFd>) -> Result<(), ConfineError> {
    let mut steps = Steps { plan, guard, failures: Some(Failures::new()) };
    steps.take(c"/")?;
    let text = serde_json::to_string(&steps.failures.unwrap_or_default()).unwrap_or_default();
    // Whoever rehearses and does not listen needs no answer.
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(())
}

struct Steps<'a> {
    plan: &'a Confinement,
    /// To the server, which looks at addresses.
    guard: Option<&'a OwnedFd>,
    /// In a rehearsal.
    failures: Option<Failures>,
}

impl Steps<'_> {
    fn take(&mut self, program: &CStr) -> Result<(), ConfineError> {
        let plan = self.plan;

        // Death with the server comes first: every later step may then fail
        // or hang without leaving anything behind. The check after it closes
        // the gap in which the server could already have died.
        tied_to_the_server()?;
        must("a session of its own", life::own_session())?;

        // Control groups are files that later steps put out of reach. From
        // here on everything that is used up counts.
        for (layers, group) in &plan.cgroups {
            self.layers(*layers, || life::enter_group(group))?;
        }

        // Limits and the score need `/proc` and, for the score, no rights.
        self.layer(Layer::Limits, || life::limit(plan))?;
        self.layer(Layer::Ipc, tree::rename_host)?;

        // The tree needs rights that the following steps take away.
        self.layer(Layer::Mounts, || tree::enter(plan))?;

        // What can be had again is bounded before what is had is dropped,
        // since bounding needs a right; and the user changes in between,
        // because that needs another and takes them all.
        self.layer(Layer::Capabilities, || rights::bound_capabilities(plan))?;
        self.layer(Layer::OwnUser, || rights::become_user(plan))?;
        self.layer(Layer::Capabilities, || rights::drop_capabilities(plan))?;
        // A change of user unties.
        tied_to_the_server()?;

        // From here on no set-uid program gives anything back. The two layers
        // that follow demand it.
        self.layer(Layer::NoNewPrivileges, || Ok(nix::sys::prctl::set_no_new_privs()?))?;

        // Files late: until here this process still had to reach its own.
        let path = Path::new(OsStr::from_bytes(program.to_bytes()));
        let landlock = [Layer::LandlockFiles, Layer::LandlockPorts, Layer::LandlockScopes];
        self.layers(landlock.into_iter().collect(), || landlock::restrict(plan, path))?;

        // From here on the server answers for every address; after the steps
        // that it could not take part in, before the one that refuses this.
        let channel = self.guard;
        self.layer(Layer::Addresses, || {
            nix::sys::prctl::set_no_new_privs()?;
            let channel = channel.ok_or("nobody guards its addresses")?;
            Ok(guard::ask(channel.try_clone()?)?)
        })?;

        // Last, because it refuses what all the others did.
        self.layer(Layer::Seccomp, || filter::apply(plan, program))
    }

    /// Takes a layer's step if it is in force.
    fn layer(
        &mut self,
        layer: Layer,
        step: impl FnOnce() -> Result<(), StepError>,
    ) -> Result<(), ConfineError> {
        self.layers(layer.into(), step)
    }

    /// Takes a step of several layers if any of them is in force.
    fn layers(
        &mut self,
        layers: Layers,
        step: impl FnOnce() -> Result<(), StepError>,
    ) -> Result<(), ConfineError> {
        let in_force = layers.iter().filter(|layer| self.plan.has(*layer));
        let Some(first) = in_force.clone().next() else { return Ok(()) };
        match (step(), &mut self.failures) {
            (Ok(()), _) => Ok(()),
            (Err(error), Some(failures)) => {
                for layer in in_force {
                    failures.entry(layer.name().to_owned()).or_insert_with(|| error.to_string());
                }
                Ok(())
            }
            (Err(source), None) => Err(ConfineError::Step { step: first.name(), source }),
        }
    }
}

fn tied_to_the_server() -> Result<(), ConfineError> {
    must("death with the server", life::die_with_the_server())?;
    if must("death with the server", life::is_orphan())? {
        return Err(ConfineError::Orphaned);
    }
    Ok(())
}

pub(super) fn must<T, E>(step: &'static str, result: Result<T, E>) -> Result<T, ConfineError>
where
    E: Into<StepError>,
{
    result.map_err(|source| ConfineError::Step { step, source: source.into() })
}
