//! Where what was published is waited for: the gateway of this program, or that
//! of the execution service beside it.

use std::time::Duration;

use super::functions::{Function, Reach};
use super::relay::Remote;
use super::reply::ApiError;
use crate::execution;
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
            let function = self.function(name).await?;
            match function.map(|function| function.reach(revision)) {
                Some(Reach::Served) => return Ok(()),
                Some(Reach::Failed) => return Err(ApiError::start_failed(name, revision)),
                Some(Reach::Coming) | None => tokio::time::sleep(self.pause()).await,
            }
        }
    }

    /// Waits, for as long as it takes, until there is no such function.
    pub(super) async fn is_rid_of(&self, name: &FunctionName) -> Result<(), ApiError> {
        while self.function(name).await?.is_some() {
            tokio::time::sleep(self.pause()).await;
        }
        Ok(())
    }

    /// A function as it knows it.
    pub(super) async fn function(&self, name: &FunctionName) -> Result<Option<Function>, ApiError> {
        match self {
            Self::Here(execution) => Ok(execution.function(name).map(Function::from)),
            Self::There(remote) => {
                let after = format!("the change of `{name}` is published");
                remote.function(name).await.map_err(|error| error.after(&after))
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
