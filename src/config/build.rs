//! What it takes to build a function: a part of a server's configuration, and
//! the whole of what `doze check` needs.

use std::path::PathBuf;

use super::args::BuildArgs;
use super::errors::{ConfigErrors, Errors};
use super::machine::{absolute, esbuild};
use crate::function::permissions::OperatorAllows;
use crate::registry::RegistryConfig;
use crate::sandbox::{Demand, Exceptions, Layers, Mode};

/// What a build depends on, read.
pub(super) struct Build {
    pub(super) runtime: PathBuf,
    pub(super) sandbox: Mode,
    pub(super) sandbox_without: Layers,
    pub(super) operator: OperatorAllows,
}

impl BuildArgs {
    pub(super) fn read(&self, errors: &mut Errors) -> Option<Build> {
        let modes = "`auto` or `strict` or `off`";
        let sandbox = errors.parse("sandbox", &self.sandbox, modes);
        let layers = "names of layers as `/_/ready` has them";
        let without = errors.parse("sandbox-without", &self.sandbox_without, layers);
        let kinds = "some of `run` and `ffi`";
        let operator = errors.parse("allow-permissions", &self.allow_permissions, kinds);
        Some(Build {
            runtime: self.runtime.clone(),
            sandbox: sandbox?,
            sandbox_without: without?,
            operator: operator?,
        })
    }
}

/// What is needed to build a function without a server.
#[derive(Debug, Clone)]
pub struct BuildConfig {
    /// What builds. It publishes nothing, and its folders are nobody's.
    pub registry: RegistryConfig,
    sandbox: Mode,
    sandbox_without: Layers,
}

impl BuildConfig {
    /// Reads what was given, and reports every mistake in it.
    pub fn new(args: &BuildArgs) -> Result<Self, ConfigErrors> {
        let mut errors = Errors::default();
        let Some(build) = args.read(&mut errors) else { return Err(errors.into()) };
        let nowhere = PathBuf::new;
        Ok(Self {
            registry: RegistryConfig {
                esbuild: esbuild(&build.runtime),
                operator: build.operator,
                ..RegistryConfig::new(nowhere(), nowhere(), absolute(&build.runtime))
            },
            sandbox: build.sandbox,
            sandbox_without: build.sandbox_without,
        })
    }

    /// What it asks of the machine.
    pub fn demand(&self) -> std::io::Result<Demand> {
        Ok(Demand {
            mode: self.sandbox,
            without: self.sandbox_without,
            exceptions: Exceptions::default(),
            log_refusals: false,
            this_program: std::env::current_exe()?,
            reads: Vec::new(),
        })
    }
}
