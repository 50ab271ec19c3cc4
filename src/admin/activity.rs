//! The last hour of a function, for a graph.

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
use crate::execution::activity::MinuteCounts;

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The last hour of a function.
#[derive(Debug, Serialize, ToSchema)]
struct Activity {
    /// Sixty minutes, oldest first; the last one is not over yet.
    minutes: Vec<Minute>,
}

/// One minute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Minute {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    #[serde(rename = "minute")]
    begun: Timestamp,
    /// Requests, however they ended.
    requests: u64,
    /// Answers with 5xx, the platform's and the function's own.
    errors: u64,
    /// Answers by a spare or by a process that was started for the request.
    cold_starts: u64,
    /// Seconds that half of the answers did not exceed; null without any.
    p50: Option<f64>,
    /// Seconds that 95 of 100 answers did not exceed.
    p95: Option<f64>,
}

impl From<MinuteCounts> for Minute {
    fn from(counts: MinuteCounts) -> Self {
        Self {
            begun: counts.minute,
            requests: counts.requests,
            errors: counts.errors,
            cold_starts: counts.cold_starts,
            p50: counts.latency.quantile(0.5),
            p95: counts.latency.quantile(0.95),
        }
    }
}

/// Show the last hour
#[utoipa::path(get, path = "/api/functions/{name}/activity", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 200, description = "Minute by minute", body = Activity),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
    ))]
async fn show(
    State(execution): State<Handle>,
    FunctionPath(name): FunctionPath,
) -> Result<Json<Activity>, ApiError> {
    let minutes = execution.activity(&name).ok_or_else(|| ApiError::no_such_function(&name))?;
    Ok(Json(Activity { minutes: minutes.into_iter().map(Minute::from).collect() }))
}
