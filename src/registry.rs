//! The registry: a function's folder in, a published revision out.
//!
//! ```text
//! watch   "look again", never which file
//!   inbox   what lies in `registry_in`: sources, and what cannot be one
//!     plan    what differs from what is published (pure)
//!       check   every problem of a source at once
//!         bundle  one esbuild process per build, then one revision's files
//!           store   made live by swapping one link
//! ```
//!
//! Everything is level-triggered. An event only says where to look; what is
//! done follows from what the folder looks like now and what is published now.
//! So a lost, doubled or reordered event changes nothing but the time until
//! the next look.
//!
//! The service owns one thread. Looking at folders and copying files block it,
//! and nothing else: it serves no requests, and builds run in processes of
//! their own meanwhile.
//!
//! What holds here:
//! - nothing in `registry_in` is changed or removed but by the operator's order
//!   ([`handle`], `draft`);
//! - a published bundle is never modified;
//! - files in `registry` that the registry did not make are left alone;
//! - while `registry_in` is missing or unreadable, nothing is removed;
//! - nothing here knows who reads `registry`.

mod config;
mod handle;
mod service;

mod watch;

mod inbox;
mod draft;

mod plan;
mod schedule;

mod check;

mod bundle;

mod store;

mod fingerprint;
mod folder;

use std::future::Future;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

pub use bundle::{BuildError, BundlerError};
pub use config::{RegistryConfig, WatchMode};
pub use draft::{Draft, Owner};
pub use handle::{Bundled, Changed, Commands, Deployed, Handle, OrderError, handle};
pub use inbox::{ENTRY_FILES, InboxError};
pub use store::StoreError;

use crate::function::Problem;
use crate::function::published::Release;
use crate::sandbox::Spawner;

/// Why the registry cannot run. All of it is the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// What is published would be taken for sources, or the reverse.
    #[error("`{}` and `{}` must not lie inside one another", registry_in.display(), registry.display())]
    Nested {
        /// Where functions are dropped.
        registry_in: PathBuf,
        /// Where they are published.
        registry: PathBuf,
    },
    /// The folder to publish into cannot be used.
    #[error("use the registry folder")]
    Store(#[from] StoreError),
    /// There is no bundler to build with.
    #[error("prepare the bundler")]
    Bundler(#[from] BundlerError),
    /// The service's own thread, its runtime or its working folder is missing.
    #[error("start the registry's thread")]
    Thread(#[source] std::io::Error),
    /// A bug: the thread is gone without an answer.
    #[error("the registry's thread ended unexpectedly")]
    Ended,
}

/// Publishes what lies in `registry_in`, and follows it until `shutdown`
/// completes. Returns once no build is running any more.
///
/// Dropping the future asks the service to end as well, but does not wait.
pub async fn run(
    config: RegistryConfig,
    spawner: Spawner,
    commands: Commands,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RegistryError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (answer, mut ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("doze-registry".to_owned())
        .spawn(move || {
            // Whoever waited may be gone; then nobody is left to be told.
            let _ = answer.send(service::run(&config, spawner, commands, stopped));
        })
        .map_err(RegistryError::Thread)?;
    tokio::select! {
        result = &mut ended => return result.unwrap_or(Err(RegistryError::Ended)),
        () = shutdown => drop(stop),
    }
    ended.await.unwrap_or(Err(RegistryError::Ended))
}

/// Builds and validates one folder without publishing anything.
///
/// The name is only for messages. Everything that is made is gone on return.
pub async fn check_folder(
    config: &RegistryConfig,
    spawner: &Spawner,
    folder: &Path,
) -> Result<Release, CheckFolderError> {
    service::check_folder(config, spawner, folder).await
}

/// Why a folder would not be published as a live function.
#[derive(Debug, thiserror::Error)]
pub enum CheckFolderError {
    /// Everything that its author has to mend.
    #[error("the function has {} problem(s)", .0.len())]
    Problems(Vec<Problem>),
    /// The folder could not be built for a reason that is not its own.
    #[error("build the folder")]
    Build(#[from] BuildError),
    /// There is no bundler to build with.
    #[error("prepare the bundler")]
    Bundler(#[from] BundlerError),
    /// No folder to work in.
    #[error("make a temporary folder")]
    Temporary(#[source] std::io::Error),
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
