//! What a new process does to itself, one file per kind of layer.

pub(super) mod filter;
pub(super) mod landlock;
pub(super) mod life;
pub(super) mod rights;
mod scratch;
pub(super) mod tree;

/// Why a step could not be taken.
pub(super) type StepError = Box<dyn std::error::Error + Send + Sync>;
