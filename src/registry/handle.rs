//! What the operator can order the running registry to do.
//!
//! The admin API sees the service through this and nothing else. Orders are
//! carried out on the service's own thread, between two looks, and by the same
//! steps as everything else: an order changes a folder, or says that it is
//! complete as it lies there, and is answered when nothing is left to be done
//! about the function.

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::draft::Draft;
use crate::function::published::{Published, Release};
use crate::function::{FunctionName, Problem, RevisionId};

/// The operator's side of a running registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

/// The service's side.
#[derive(Debug)]
pub struct Commands(mpsc::UnboundedReceiver<Command>);

/// Where the answer to an order goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, OrderError>>;

/// One order.
#[derive(Debug)]
pub(super) enum Command {
    Draft(Answer<Draft>),
    Deploy(FunctionName, Draft, Answer<Deployed>),
    Published(FunctionName, Answer<Option<Published>>),
    Refresh(FunctionName, Answer<Published>),
    Remove(FunctionName, Answer<()>),
    RollBack(FunctionName, Option<RevisionId>, Answer<Published>),
    Manifest(FunctionName, Answer<Map<String, Value>>),
    ChangeManifest(FunctionName, Value, Answer<Changed>),
    Bundle(&'static str, String, Answer<Bundled>),
}

/// What a deployment came to.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// What was published before; `None` for a new function.
    pub before: Option<Published>,
    /// What is published now.
    pub now: Published,
}

/// What a change of a manifest came to.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The manifest as it is written now.
    pub manifest: Map<String, Value>,
    /// What is published now.
    pub now: Published,
}

/// A source that was built and not published.
#[derive(Debug, Clone)]
pub struct Bundled {
    /// What would run.
    pub release: Release,
    /// Its code.
    pub code: Vec<u8>,
    /// The code's source map.
    pub map: Vec<u8>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrderError {
    /// Its author has to mend these; nothing was changed.
    #[error("the function has {} problem(s)", .0.len())]
    Problems(Vec<Problem>),
    /// There is no such function.
    #[error("there is no function `{0}`")]
    NotFound(FunctionName),
    /// There is nothing to go back to.
    #[error("{0}")]
    NoRevision(String),
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The server may not write to `registry_in`.
    #[error("{0}")]
    ReadOnly(String),
    /// The machine was in the way.
    #[error("{0}")]
    Failed(String),
    /// The registry has ended, or is about to.
    #[error("the registry is shutting down")]
    Ended,
}

/// The two sides of a registry's orders.
pub fn handle() -> (Handle, Commands) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Handle { commands: sender }, Commands(receiver))
}

impl Handle {
    /// An empty folder to lay a function out in.
    pub async fn draft(&self) -> Result<Draft, OrderError> {
        self.order(Command::Draft).await
    }

    /// Checks and builds a draft, and puts it in the place of the function's
    /// folder if nothing is wrong with it. Done when it is published.
    pub async fn deploy(&self, name: FunctionName, draft: Draft) -> Result<Deployed, OrderError> {
        self.order(|answer| Command::Deploy(name, draft, answer)).await
    }

    /// What is published about a function, if anything is.
    pub async fn published(&self, name: FunctionName) -> Result<Option<Published>, OrderError> {
        self.order(|answer| Command::Published(name, answer)).await
    }

    /// Builds a function's folder as it lies there now. Done when it is
    /// published, or its problems are.
    pub async fn refresh(&self, name: FunctionName) -> Result<Published, OrderError> {
        self.order(|answer| Command::Refresh(name, answer)).await
    }

    /// Removes a function and its folder. Done when it is published no more.
    pub async fn remove(&self, name: FunctionName) -> Result<(), OrderError> {
        self.order(|answer| Command::Remove(name, answer)).await
    }

    /// Makes a kept revision live again: this one, or the one that was built
    /// before the live one.
    pub async fn roll_back(
        &self,
        name: FunctionName,
        revision: Option<RevisionId>,
    ) -> Result<Published, OrderError> {
        self.order(|answer| Command::RollBack(name, revision, answer)).await
    }

    /// A function's manifest as it is written; empty where there is none.
    pub async fn manifest(&self, name: FunctionName) -> Result<Map<String, Value>, OrderError> {
        self.order(|answer| Command::Manifest(name, answer)).await
    }

    /// Changes a function's manifest by a merge patch (RFC 7396), if nothing is
    /// wrong with what that makes. Done when it is published.
    pub async fn change_manifest(
        &self,
        name: FunctionName,
        patch: Value,
    ) -> Result<Changed, OrderError> {
        self.order(|answer| Command::ChangeManifest(name, patch, answer)).await
    }

    /// Builds one source file, without publishing anything.
    pub async fn bundle(&self, file: &'static str, source: String) -> Result<Bundled, OrderError> {
        self.order(|answer| Command::Bundle(file, source, answer)).await
    }

    async fn order<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, OrderError> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).map_err(|_| OrderError::Ended)?;
        // An answer that is dropped says that nobody is left to give one.
        answered.await.unwrap_or(Err(OrderError::Ended))
    }
}

impl Commands {
    /// The next order. May be cancelled. Never completes once nobody can give
    /// one any more.
    pub(super) async fn next(&mut self) -> Command {
        match self.0.recv().await {
            Some(command) => command,
            None => std::future::pending().await,
        }
    }
}
