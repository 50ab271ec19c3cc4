//! The operator's secrets: set, listed by name, removed. No answer holds a value.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::reply::{ApiError, ErrorBody, Payload};
use crate::execution::Handle;
use crate::execution::secrets::{SecretInfo, SecretValue, SecretsError};
use crate::function::FunctionName;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// Every secret that is set.
#[derive(Debug, Serialize, ToSchema)]
struct Secrets {
    /// Sorted by name.
    secrets: Vec<Secret>,
}

/// A secret, without its value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Secret {
    /// The name by which functions ask for it.
    name: String,
    /// When it was last set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The functions that ask for it.
    #[schema(value_type = Vec<String>)]
    used_by: Vec<FunctionName>,
}

impl From<(SecretInfo, Vec<FunctionName>)> for Secret {
    fn from((SecretInfo { name, updated_at }, used_by): (SecretInfo, Vec<FunctionName>)) -> Self {
        Self { name, updated_at, used_by }
    }
}

/// What a secret is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewValue {
    /// At most 64 KiB, without a zero byte.
    #[schema(value_type = String, max_length = 65_536, pattern = r"^[^\x00]*$")]
    value: SecretValue,
}

/// List secrets
#[utoipa::path(get, path = "/api/secrets", tag = "secrets",
    responses(
        (status = 200, description = "Their names, never a value", body = Secrets),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 500, description = "They cannot be read", body = ErrorBody),
    ))]
async fn list(State(execution): State<Handle>) -> Result<Json<Secrets>, ApiError> {
    let secrets = execution.secrets()?.into_iter().map(Secret::from).collect();
    Ok(Json(Secrets { secrets }))
}

/// Set a secret
///
/// Instances of functions that use it are replaced without a failed request.
#[utoipa::path(put, path = "/api/secrets/{name}", tag = "secrets",
    params(("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
        description = "Letters, digits and `_`")),
    request_body = NewValue,
    responses(
        (status = 204, description = "Set"),
        (status = 400, description = "Not a name, or not a value", body = ErrorBody),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 500, description = "It cannot be kept", body = ErrorBody),
    ))]
async fn set(
    State(execution): State<Handle>,
    name: Result<Path<String>, PathRejection>,
    Payload(NewValue { value }): Payload<NewValue>,
) -> Result<StatusCode, ApiError> {
    let name = valid(name)?;
    block_in_place(|| execution.set_secret(&name, &value))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a secret
///
/// Instances of functions that use it end; without it, they do not start.
#[utoipa::path(delete, path = "/api/secrets/{name}", tag = "secrets",
    params(("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
        description = "Letters, digits and `_`")),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 404, description = "No such secret", body = ErrorBody),
        (status = 500, description = "It cannot be forgotten", body = ErrorBody),
    ))]
async fn remove(
    State(execution): State<Handle>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let name = valid(name)?;
    block_in_place(|| execution.remove_secret(&name))?;
    Ok(StatusCode::NO_CONTENT)
}

fn valid(name: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    match name {
        Ok(Path(name)) => Ok(name),
        Err(rejection) => Err(invalid_name(rejection.body_text())),
    }
}

fn invalid_name(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_name", message)
}

impl From<Arc<SecretsError>> for ApiError {
    fn from(error: Arc<SecretsError>) -> Self {
        match &*error {
            SecretsError::Name(_) => invalid_name(error.to_string()),
            SecretsError::Value => Self::bad_request(error.to_string()),
            SecretsError::NotSet(_) => Self::not_found("secret_not_found", error.to_string()),
            _ => Self::internal(&*error),
        }
    }
}
