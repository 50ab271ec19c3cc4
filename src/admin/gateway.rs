//! Where what was published is waited for: the gateway of this program, or that
//! of the execution service beside it.

use std::time::Duration;

use super::functions::Function;
use super::relay::Remote;
use super::reply::ApiError;
use crate::execution::{self, Reach};
use crate::function::{FunctionName, RevisionId};

/// How often the gateway is asked.
const OFTEN: Duration = Duration::from_millis(5);
const OFTEN_REMOTE: Duration = Duration::from_millis(50);

/// A gateway.
#[derive(Debug, Clone)]
pub(super) enum Gateway {
    Here(execution::Handle),
    There(Remote),
}

impl Gateway {
    /// Waits, for as long as it takes, until requests get that revision.
    pub(super) async fn serves(
        &self,
        name: &FunctionName,
        revision: &RevisionId,
    ) -> Result<(), ApiError> {
        loop {
            match self.reach(name, revision).await? {
                Reach::Served => return Ok(()),
                Reach::Coming | Reach::Missing => tokio::time::sleep(self.pause()).await,
                Reach::Failed => return Err(ApiError::start_failed(name, revision)),
            }
        }
    }

    /// Waits, for as long as it takes, until there is no such function.
    pub(super) async fn is_rid_of(&self, name: &FunctionName) -> Result<(), ApiError> {
        let any = RevisionId::of([]);
        while self.reach(name, &any).await? != Reach::Missing {
            tokio::time::sleep(self.pause()).await;
        }
        Ok(())
    }

    /// A function as it knows it.
    pub(super) async fn function(&self, name: &FunctionName) -> Result<Option<Function>, ApiError> {
        match self {
            Self::Here(execution) => Ok(execution.function(name).map(Function::from)),
            Self::There(remote) => {
                remote.function(name).await.map_err(|error| published(name, error))
            }
        }
    }

    async fn reach(&self, name: &FunctionName, revision: &RevisionId) -> Result<Reach, ApiError> {
        match self {
            Self::Here(execution) => Ok(execution.reach(name, revision)),
            Self::There(remote) => {
                remote.reach(name, revision).await.map_err(|error| published(name, error))
            }
        }
    }

    fn pause(&self) -> Duration {
        match self {
            Self::Here(_) => OFTEN,
            Self::There(_) => OFTEN_REMOTE,
        }
    }
}

/// The same error, after something was done.
fn published(name: &FunctionName, error: ApiError) -> ApiError {
    error.after(&format!("the change of `{name}` is published"))
}
