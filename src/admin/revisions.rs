//! What ran before.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::path::FunctionPath;
use super::reply::{ApiError, ErrorBody};
use crate::execution::Handle;
use crate::execution::status::RevisionStatus;

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A kept revision of a function.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Revision {
    /// The content hash.
    #[serde(rename = "revision")]
    id: String,
    /// When it was built.
    #[schema(value_type = String, format = DateTime)]
    built_at: Timestamp,
    /// Whether it is what runs.
    live: bool,
    /// Whether it was taken back.
    rolled_back_from: bool,
    /// Bytes of its code.
    bytes: u64,
}

impl From<RevisionStatus> for Revision {
    fn from(status: RevisionStatus) -> Self {
        let RevisionStatus { revision, built_at, live, rolled_back_from, bytes } = status;
        Self { id: revision.as_str().to_owned(), built_at, live, rolled_back_from, bytes }
    }
}

/// What is kept of a function.
#[derive(Debug, Serialize, ToSchema)]
struct Revisions {
    /// Built last first.
    revisions: Vec<Revision>,
}

/// List revisions
#[utoipa::path(get, path = "/api/functions/{name}/revisions", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 200, description = "What is kept", body = Revisions),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
    ))]
async fn list(
    State(execution): State<Handle>,
    FunctionPath(name): FunctionPath,
) -> Result<Json<Revisions>, ApiError> {
    let kept = execution.revisions(&name).ok_or_else(|| ApiError::no_such_function(&name))?;
    Ok(Json(Revisions { revisions: kept.into_iter().map(Revision::from).collect() }))
}
