//! A function's `registry.json`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::changing::Changing;
use super::path::FunctionPath;
use super::reply::{ApiError, ErrorBody, Whole, media_type};

pub(super) fn routes(changing: Changing) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(show, change)).with_state(changing)
}

/// A changed manifest, and what runs with it.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// `registry.json` as it is written now.
    #[schema(value_type = Object)]
    manifest: Map<String, Value>,
    /// What runs; null where nothing can.
    revision: Option<String>,
}

/// Show a manifest as it is written
#[utoipa::path(get, path = "/api/functions/{name}/manifest", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 200, description = "`registry.json`; `{}` where there is none", body = Object),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 422, description = "The file is not a JSON object", body = ErrorBody),
    ))]
async fn show(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(changing.registry.manifest(name).await?))
}

/// Change a manifest
///
/// A merge patch (RFC 7396) of `registry.json`: fields that are null are
/// removed, others are set.
#[utoipa::path(patch, path = "/api/functions/{name}/manifest", tag = "functions",
    params(FunctionPath),
    request_body(content((Object = "application/merge-patch+json"), (Object = "application/json"))),
    responses(
        (status = 200, description = "Written, published and served", body = Changed),
        (status = 400, description = "Not a name, or not JSON", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 409, description = "The file cannot be replaced", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not a merge patch", body = ErrorBody),
        (status = 422, description = "The manifest would have problems, or the function has others",
            body = ErrorBody),
        (status = 502, description = "Published, and its process does not start", body = ErrorBody),
    ))]
async fn change(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Json<Changed>, ApiError> {
    let expected = ["application/merge-patch+json", "application/json"];
    if !expected.contains(&&*media_type(&headers)) {
        return Err(ApiError::unsupported_media_type(&expected));
    }
    let patch: Value = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("not a merge patch: {error}")))?;
    if !patch.is_object() {
        return Err(ApiError::bad_request("a merge patch of a manifest is an object"));
    }
    let changed = changing.registry.change_manifest(name.clone(), patch).await?;
    let now = changing.live(&name, changed.now).await?;
    let revision = now.revision().map(ToString::to_string);
    Ok(Json(Changed { manifest: changed.manifest, revision }))
}
