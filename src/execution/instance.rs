//! One process serving one revision, as its pool and the proxy see it.

use std::fmt;
use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

use super::code_cache::CodeCache;
use super::keeper::Order;
use super::link::Link;
use super::profile::Profile;
use super::secrets::SecretsError;
use super::status::{Born, InstanceStatus};
use crate::function::manifest::Mode;
use crate::function::published::{self, Release};
use crate::function::{FunctionName, RevisionId};

/// Names a process for as long as the server runs. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(u64);

impl InstanceId {
    /// The next one.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl FromStr for InstanceId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.strip_prefix('i').unwrap_or_default().parse().map(Self)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i{}", self.0)
    }
}

/// One revision of one function, ready to be run.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The function.
    pub name: FunctionName,
    /// What is to run.
    pub release: Release,
    /// Where the revision's files are.
    pub folder: PathBuf,
    /// What its processes are fixed to when they boot.
    pub profile: Profile,
    /// What V8 makes of its code.
    pub code_cache: Arc<CodeCache>,
    /// Goes with the last who needs it, where it is no published revision.
    pub temporary: Option<Arc<Temporary>>,
}

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Temporary(pub PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove a folder");
        }
    }
}

impl Deployment {
    /// The deployment of a published release.
    pub fn new(name: FunctionName, release: Release, registry: &std::path::Path) -> Self {
        let folder = published::revision_folder(registry, &name, &release.revision);
        let profile = Profile::of(&release, folder.join(published::FILES));
        let code_cache = Arc::default();
        Self { name, release, folder, profile, code_cache, temporary: None }
    }

    /// Whether it is given that secret.
    pub fn uses_secret(&self, name: &str) -> bool {
        self.release.manifest.secrets.iter().any(|secret| secret == name)
    }

    /// Instances that it may have.
    pub fn max_instances(&self) -> usize {
        self.release.manifest.max_instances.get() as usize
    }

    /// Requests that one of its instances serves at once.
    pub fn concurrency(&self) -> usize {
        match self.release.manifest.mode {
            Mode::Serve => self.release.manifest.concurrency.get() as usize,
            Mode::Oneshot => 1,
        }
    }

    /// The revision.
    pub fn revision(&self) -> &RevisionId {
        &self.release.revision
    }
}

/// A booted, confined process that serves nothing yet.
#[derive(Debug)]
pub struct Spare {
    /// Which process.
    pub id: InstanceId,
    /// How to reach it.
    pub link: Arc<Link>,
    /// Its keeper.
    pub orders: mpsc::UnboundedSender<Order>,
    /// The process itself.
    pub born: Born,
}

impl Spare {
    /// What can be told of it.
    pub fn status(&self) -> InstanceStatus {
        InstanceStatus {
            id: self.id,
            deployment: None,
            state: "spare",
            born: self.born,
            address: self.link.path.clone(),
            idle_since: None,
            in_flight: 0,
        }
    }
}

/// One process serving one revision.
#[derive(Debug)]
pub struct Instance {
    /// Which process.
    pub id: InstanceId,
    /// How to reach it.
    pub link: Arc<Link>,
    /// What it serves.
    pub deployment: Arc<Deployment>,
    /// Its keeper.
    pub orders: mpsc::UnboundedSender<Order>,
    /// How far it got.
    pub progress: watch::Sender<Progress>,
    /// The process itself.
    pub born: Born,
}

/// How far an instance got, for requests that it holds.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Its code has not run yet.
    Starting,
    /// Its code has run.
    Started,
    /// Its code did not start.
    Failed(StartError),
    /// It had started, and its process is gone.
    Ended,
}

/// Why a process did not become an instance.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The server's process limit is reached and nothing idle can make room.
    #[error("every process that this server may run is busy")]
    NoRoom,
    /// The server could not start or reach the process.
    #[error("start the process: {0}")]
    Launch(Arc<dyn std::error::Error + Send + Sync>),
    /// The process ended before it was ready.
    #[error("the process ended while it was starting ({status}){output}")]
    Exited {
        /// How it ended.
        status: String,
        /// What it wrote last, on a line of its own.
        output: String,
    },
    /// It did not become ready in time.
    #[error("the process was not ready within {0} seconds")]
    TimedOut(u64),
    /// The function's code threw, or exports nothing that can be called.
    #[error("{message}")]
    Code {
        /// What it threw.
        message: String,
        /// Where, in the author's lines.
        stack: String,
    },
    /// The operator's secrets cannot be read.
    #[error("{0}")]
    Secrets(Arc<SecretsError>),
    /// The function asks for a secret that the operator does not hold.
    #[error("the secret `{0}` is not set")]
    NoSecret(String),
    /// The function asks for more than this server's operator allows.
    #[error("`--allow-{0}` is not allowed by this server; start it with `--allow-permissions {0}`")]
    NotAllowed(crate::function::permissions::Kind),
}

impl StartError {
    /// A failure of the server itself.
    pub fn launch(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Launch(Arc::new(error))
    }

    /// Where it went wrong, for those who wrote it.
    pub fn stack(&self) -> Option<&str> {
        match self {
            Self::Code { stack, .. } if !stack.is_empty() => Some(stack),
            _ => None,
        }
    }
}

impl Instance {
    /// Tells its keeper what to do. A keeper that has ended needs no telling.
    pub fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Whether it is not known yet whether its code starts.
    pub fn is_starting(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Starting)
    }

    /// Waits until its process is known to be gone, or never to have started.
    pub async fn gone(&self) -> Progress {
        let mut progress = self.progress.subscribe();
        let gone = |p: &Progress| matches!(p, Progress::Failed(_) | Progress::Ended);
        match progress.wait_for(gone).await {
            Ok(progress) => progress.clone(),
            Err(_) => Progress::Ended,
        }
    }

    /// Waits until it is known whether its code started.
    pub async fn decided(&self) -> Progress {
        let mut progress = self.progress.subscribe();
        match progress.wait_for(|p| !matches!(p, Progress::Starting)).await {
            Ok(progress) => progress.clone(),
            Err(_) => Progress::Ended,
        }
    }
}
