//! Which layers a process gets, as plain data that travels to `doze confine`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Every layer that is in force for one process, besides those that keep the
/// server itself in order: a session of its own and death with the server. The
/// default has those that need nothing from the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confinement {
    /// Which files it reaches (Landlock); `None` leaves files to other layers.
    pub files: Option<FileRules>,
    /// What it may use up; `None` leaves it the server's own limits.
    pub limits: Option<ResourceLimits>,
    /// Whether no program that it runs gives it more than it has.
    pub no_new_privileges: bool,
}

impl Default for Confinement {
    fn default() -> Self {
        Self { files: None, limits: Some(ResourceLimits::default()), no_new_privileges: true }
    }
}

impl Confinement {
    /// No layer at all.
    pub fn none() -> Self {
        Self { files: None, limits: None, no_new_privileges: false }
    }
}

/// The only files that a process reaches, each path with all below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRules {
    /// May be read and executed.
    pub read: Vec<PathBuf>,
    /// May be read, made, written and removed.
    pub write: Vec<PathBuf>,
}

/// `setrlimit` values, soft and hard alike. Address space is not among them:
/// V8 reserves far more than it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Open descriptors.
    pub open_files: u64,
    /// Largest file that it can write, in bytes.
    pub file_size: u64,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self { open_files: 4096, file_size: 1 << 30 }
    }
}
