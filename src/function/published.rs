//! What the registry publishes about one function: the only thing that the
//! two services know of each other.
//!
//! ```text
//! registry/
//!   hello.js    -> .live/hello/bundle.js          for people and scripts
//!   hello.json  -> .live/hello/function.json
//!   .live/hello -> ../.revisions/hello/<revision>  the one pointer that is swapped
//!   .revisions/hello/<revision>/
//!     bundle.js  bundle.js.map  files/…            never modified
//!     function.json                                replaced by rename
//! ```
//!
//! Swapping one symbolic link publishes code and manifest in one step, and a
//! reader who has resolved the link once cannot see two revisions mixed.
//! `ada/hello` is `ada~hello` below `.live` and `.revisions`, so both are flat.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FunctionName, Manifest, Problem, RevisionId};

/// Bytes of code from which on V8's cache saves more than it costs.
pub const LARGE_CODE: usize = 16 << 10;
/// The folder in `registry` that holds one link per function.
pub const LIVE: &str = ".live";
/// The folder in `registry` that holds every kept revision.
pub const REVISIONS: &str = ".revisions";
/// The name of this record, in a revision's folder.
pub const RECORD: &str = "function.json";
/// The runnable code, in a revision's folder.
pub const BUNDLE: &str = "bundle.js";
/// Its source map.
pub const SOURCE_MAP: &str = "bundle.js.map";
/// The files that the function may read or serve, in a revision's folder.
pub const FILES: &str = "files";

/// The record of one function, `function.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// The function's name.
    pub name: FunctionName,
    /// Whether the newest source is what runs.
    #[serde(flatten)]
    pub state: PublishedState,
    /// Everything that is wrong with the newest source.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// When the newest source was last looked at.
    pub checked_at: Timestamp,
    /// What the newest source looked like, so that an unchanged folder is not
    /// built again. Means something to the registry only.
    #[serde(default)]
    pub fingerprint: String,
    /// The revision that the operator took back. It does not go live again by
    /// itself while this is what the folder builds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_from: Option<RevisionId>,
}

/// Whether there is something to run, and whether it is the newest source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum PublishedState {
    /// The newest source runs.
    Live(Release),
    /// The newest source has problems; an older revision still runs.
    Stale(Release),
    /// No source ever built: there is nothing to run.
    Broken,
}

/// One runnable revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The content hash.
    pub revision: RevisionId,
    /// What the bundle is made for.
    pub runtime: Runtime,
    /// How the entry file exports its handler.
    pub format: Format,
    /// Whether its processes should have loaded `node:vm` ahead: it imports
    /// built-ins of the runtime, or is [large](LARGE_CODE).
    #[serde(default)]
    pub uses_vm: bool,
    /// The entry file in the source folder.
    pub entry: String,
    /// What the author declared, with defaults applied.
    pub manifest: Manifest,
    /// When this revision was built.
    pub built_at: Timestamp,
}

/// What runs a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// A Deno process.
    Deno,
}

/// How the entry file exports its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `export`
    Esm,
    /// `module.exports`, whose function is called in Node's style.
    Cjs,
}

impl Published {
    /// The revision that can run, if one can.
    pub fn revision(&self) -> Option<&RevisionId> {
        self.release().map(|release| &release.revision)
    }

    /// What can run, if anything can.
    pub fn release(&self) -> Option<&Release> {
        match &self.state {
            PublishedState::Live(release) | PublishedState::Stale(release) => Some(release),
            PublishedState::Broken => None,
        }
    }

    /// `live`, `stale` or `broken`.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            PublishedState::Live(_) => "live",
            PublishedState::Stale(_) => "stale",
            PublishedState::Broken => "broken",
        }
    }
}

/// Where a revision's folder is below `registry`.
pub fn revision_folder(registry: &Path, name: &FunctionName, revision: &RevisionId) -> PathBuf {
    registry.join(REVISIONS).join(name.to_file_name()).join(revision.as_str())
}
