//! One confined process: how it is started, held and ended.
//!
//! The server never sets up a confinement itself. It runs its own program a
//! second time (`doze confine`), which applies each layer to itself and then
//! becomes the real program. So the steps read as a straight list, nothing has
//! to be safe between `fork` and `exec` of a large multi-threaded process, and
//! a confined process has passed through every layer before its first
//! instruction.
//!
//! - [`confinement`]: which layers, as plain data
//! - [`confine`]: the second program, one layer after the other
//! - [`spawner`]: the one thread that starts processes
//! - [`process`]: a handle whose promise is "killed and waited for"
//!
//! This module knows nothing about functions, Deno or HTTP.

pub mod confinement;
pub mod confine;
pub mod spawner;
pub mod process;

pub use confinement::{Confinement, FileRules, ResourceLimits};
pub use process::Process;
pub use spawner::{CommandSpec, Spawner};

/// The layers that every function's process is confined by, as `/_/ready`
/// reports them.
pub const LAYERS: [&str; 6] = [
    "deno permissions",
    "empty environment",
    "death with the server",
    "own session",
    "resource limits",
    "no new privileges",
];
