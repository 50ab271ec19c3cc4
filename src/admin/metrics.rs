//! `/metrics`, for Prometheus and what reads the same.

use axum::extract::State;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::reply::{ApiError, ErrorBody};
use crate::execution::{Handle, metrics};

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Tell the metrics
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses(
        (status = 200, description = "Every metric, as OpenMetrics text", body = String,
            content_type = "application/openmetrics-text"),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
    ))]
async fn show(
    State(execution): State<Handle>,
) -> Result<([(HeaderName, HeaderValue); 1], String), ApiError> {
    let page = metrics::page(&execution).map_err(|error| ApiError::internal(&error))?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))], page))
}
