//! doze: drop a folder, it answers HTTP; leave it alone, it is gone.
//!
//! Two services that meet only in the published files:
//!
//! - [`registry`] watches `registry_in`, bundles each folder and publishes it
//! - [`execution`] runs what is published, a confined process per function,
//!   started by the first request and ended when idle
//!
//! [`admin`] is the way to see and steer both.
//!
//! Read [`function`] first, the words that everything is told in; then
//! whichever service you came for. [`sandbox`] confines one process, [`http1`]
//! reads and writes messages; neither knows about functions.

pub mod function;
pub mod registry;
pub mod execution;
pub mod admin;
pub mod sandbox;
pub mod http1;

pub mod cli;
pub mod config;
pub mod private_file;
pub mod shutdown;
pub mod telemetry;
