//! What every call that changes a function works with.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::time::timeout;

use super::functions::Function;
use super::gateway::Gateway;
use super::reply::ApiError;
use crate::function::{FunctionName, Published, RevisionId};
use crate::registry::{Handle, OrderError};

/// How long the gateway is waited for: longer than an instance may take to
/// start.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long one revision is waited for before it is asked whether that is still
/// the one.
const TURN: Duration = Duration::from_secs(1);

/// The registry, and the gateway that what it publishes is waited for at.
#[derive(Debug, Clone)]
pub(super) struct Changing {
    pub(super) registry: Handle,
    pub(super) gateway: Gateway,
}

impl Changing {
    /// Waits until the gateway serves what was published, which is an error if
    /// it has problems.
    pub(super) async fn live(
        &self,
        name: &FunctionName,
        published: Published,
    ) -> Result<Published, ApiError> {
        if !published.problems.is_empty() {
            return Err(ApiError::problems(published.problems));
        }
        self.served(name, &published).await?;
        Ok(published)
    }

    /// Waits until the gateway serves what can run, if anything can.
    pub(super) async fn served(
        &self,
        name: &FunctionName,
        published: &Published,
    ) -> Result<(), ApiError> {
        let mut revision = published.revision().cloned();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let Some(awaited) = &revision else { return Ok(()) };
            match timeout(TURN, self.gateway.serves(name, awaited)).await {
                Ok(result) => return result,
                // Another one may have been published meanwhile.
                Err(_) => {
                    let now = self.registry.published(name.clone()).await?;
                    revision = now.and_then(|now| now.revision().cloned());
                }
            }
        }
        Err(ApiError::not_served(name))
    }

    /// A function as it is published now, and how it fares.
    pub(super) async fn shown(&self, published: Published) -> Result<Function, ApiError> {
        let known = self.gateway.function(&published.name).await?;
        Ok(Function::of_published(published, known))
    }

    /// Waits until the gateway serves a function no more.
    pub(super) async fn gone(&self, name: &FunctionName) -> Result<(), ApiError> {
        match timeout(PATIENCE, self.gateway.is_rid_of(name)).await {
            Ok(result) => result,
            // It may have been published again.
            Err(_) if self.registry.published(name.clone()).await?.is_some() => Ok(()),
            Err(_) => Err(ApiError::not_served(name)),
        }
    }
}

impl ApiError {
    /// The gateway did not follow the registry.
    fn not_served(name: &FunctionName) -> Self {
        let message = format!(
            "the change of `{name}` is published, and the gateway has not followed it for {} \
             seconds",
            PATIENCE.as_secs()
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, "not_served", message)
    }

    /// A new revision does not start.
    pub(super) fn start_failed(name: &FunctionName, revision: &RevisionId) -> Self {
        let message = format!(
            "{revision} of `{name}` is published, but its process does not start; its log says \
             why, and the revision before it serves on until that is idle"
        );
        Self::new(StatusCode::BAD_GATEWAY, "start_failed", message)
    }
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        let message = error.to_string();
        match error {
            OrderError::Problems(problems) => Self::problems(problems),
            OrderError::NotFound(_) => Self::not_found("function_not_found", message),
            OrderError::NoRevision(_) => Self::not_found("revision_not_found", message),
            OrderError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", message),
            OrderError::ReadOnly(_) => Self::new(
                StatusCode::CONFLICT,
                "read_only",
                format!(
                    "the server may not write to registry_in ({message}); run it as the folder's \
                     owner (in a container without `:ro` as well), or change the folder by hand"
                ),
            ),
            OrderError::Failed(_) => Self::internal(&error),
            OrderError::Ended => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", message)
            }
        }
    }
}
