//! What the registry is told by its operator.

use std::path::PathBuf;
use std::time::Duration;

use crate::function::permissions::OperatorAllows;

/// Everything the registry needs to know.
#[derive(Debug, Clone)]
pub struct RegistryConfig {
    /// Where functions are dropped. May come and go.
    pub registry_in: PathBuf,
    /// Where they are published. Made if it is missing.
    pub registry: PathBuf,
    /// The folder of the runtime shim, whose `lib/mod.ts` is the module `doze`.
    pub runtime: PathBuf,
    /// The bundler's own binary.
    pub esbuild: PathBuf,
    /// What authors may ask for beyond the harmless permissions.
    pub operator: OperatorAllows,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// How long a folder must have been quiet before it is built.
    pub settle: Duration,
    /// How long a folder may keep changing before that is a problem.
    pub unrest: Duration,
    /// How often everything is looked at, whatever the events say.
    pub safety_scan: Duration,
    /// Builds that run at the same time.
    pub builds_at_once: usize,
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// The kernel's file events; polling where it has none to give.
    Native,
    /// Looking at everything at an interval, for volumes without events.
    Poll(Duration),
}

impl RegistryConfig {
    /// How long a folder must have been quiet, unless told otherwise.
    pub const SETTLE: Duration = Duration::from_millis(250);
    /// How long a folder may keep changing, unless told otherwise: longer than
    /// most copies take.
    pub const UNREST: Duration = Duration::from_secs(30);
    /// How often everything is looked at, unless told otherwise.
    pub const SAFETY_SCAN: Duration = Duration::from_secs(30);
    /// How often everything is looked at where there are no events, unless
    /// told otherwise.
    pub const POLL: Duration = Duration::from_secs(1);

    /// A configuration with the defaults for everything that has one.
    pub fn new(registry_in: PathBuf, registry: PathBuf, runtime: PathBuf) -> Self {
        let esbuild = runtime.join("node_modules/@esbuild/linux-x64/bin/esbuild");
        Self {
            registry_in,
            registry,
            runtime,
            esbuild,
            operator: OperatorAllows::default(),
            watch: WatchMode::Native,
            settle: Self::SETTLE,
            unrest: Self::UNREST,
            safety_scan: Self::SAFETY_SCAN,
            builds_at_once: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}
