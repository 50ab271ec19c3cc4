//! The vocabulary: what a function is called, what its author declared, and
//! which revision of it is live.
//!
//! Everything here is plain data. Nothing in this module opens a file, reads a
//! clock or knows about tokio; both services speak in these words, and the
//! published files are their only meeting point.

pub mod name;
pub mod permissions;
pub mod manifest;
pub mod problem;
pub mod revision;
pub mod published;

pub use manifest::Manifest;
pub use name::FunctionName;
pub use permissions::Permissions;
pub use problem::Problem;
pub use published::Published;
pub use revision::RevisionId;
