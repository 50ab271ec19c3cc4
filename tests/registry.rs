//! The registry as a service, with the real bundler and real files.

#![expect(clippy::unwrap_used, reason = "in a test it is the check that fails")]

#[path = "registry/bed.rs"]
mod bed;

#[path = "registry/confinement.rs"]
mod confinement;
#[path = "registry/hostile.rs"]
mod hostile;
#[path = "registry/life.rs"]
mod life;
#[path = "registry/problems.rs"]
mod problems;
#[path = "registry/restart.rs"]
mod restart;
#[path = "registry/watching.rs"]
mod watching;
