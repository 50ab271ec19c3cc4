//! The JSON Schema of `registry.json`, for editors. It tells nothing of this
//! server, so nobody is asked for a token.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::function::manifest;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(registry))
}

/// The JSON Schema of registry.json
#[utoipa::path(get, path = "/schema/registry.json", tag = "schema", security(()),
    responses((status = 200, description = "JSON Schema 2020-12", content_type = "application/schema+json")))]
async fn registry() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/schema+json")], manifest::schema_text())
}
