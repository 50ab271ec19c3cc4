//! What can be done about a function that is there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::changing::Changing;
use super::functions::Function;
use super::path::FunctionPath;
use super::reply::{ApiError, ErrorBody, Whole};
use crate::function::RevisionId;

pub(super) fn routes(changing: Changing) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(remove))
        .routes(routes!(refresh))
        .routes(routes!(roll_back))
        .with_state(changing)
}

/// Remove a function and its folder
#[utoipa::path(delete, path = "/api/functions/{name}", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 204, description = "Gone, also at the gateway"),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 409, description = "What is there cannot be removed", body = ErrorBody),
    ))]
async fn remove(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
) -> Result<StatusCode, ApiError> {
    changing.registry.remove(name.clone()).await?;
    changing.gone(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Build a function's folder now
///
/// The problems that this finds are in the answer. What was rolled back goes
/// live again.
#[utoipa::path(post, path = "/api/functions/{name}/refresh", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 200, description = "Built, with or without problems", body = Function),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 502, description = "Published, and its process does not start", body = ErrorBody),
    ))]
async fn refresh(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
) -> Result<Json<Function>, ApiError> {
    let published = changing.registry.refresh(name.clone()).await?;
    changing.served(&name, &published).await?;
    changing.shown(published).await.map(Json)
}

/// Where to go back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// A kept revision; the one that was built before the live one where this
    /// is missing.
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{16}$")]
    revision: Option<RevisionId>,
}

/// Go back to an older revision
///
/// It stays live until the folder builds to another revision than the one that
/// was rolled back, or is refreshed.
#[utoipa::path(post, path = "/api/functions/{name}/rollback", tag = "functions",
    params(FunctionPath),
    request_body = Option<Rollback>,
    responses(
        (status = 200, description = "Live again", body = Function),
        (status = 400, description = "Not a name, or not a revision", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function or revision", body = ErrorBody),
        (status = 409, description = "That revision is live already", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 502, description = "Published, and its process does not start", body = ErrorBody),
    ))]
async fn roll_back(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
    Whole(body): Whole,
) -> Result<Json<Function>, ApiError> {
    let Rollback { revision } = match &*body {
        [] => Rollback::default(),
        json => serde_json::from_slice::<Option<_>>(json)
            .map_err(|error| ApiError::bad_request(format!("not a rollback: {error}")))?
            .unwrap_or_default(),
    };
    let published = changing.registry.roll_back(name.clone(), revision).await?;
    changing.served(&name, &published).await?;
    changing.shown(published).await.map(Json)
}
