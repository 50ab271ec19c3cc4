//! The processes that run, and the end of one.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::path::InstancePath;
use super::reply::{ApiError, ErrorBody};
use crate::execution::Handle;
use crate::execution::status::InstanceStatus;

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retire))
}

/// A process.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    /// Names it for as long as the server runs.
    #[schema(examples("i12"))]
    id: String,
    /// What it serves; null for a spare.
    function: Option<String>,
    /// The revision that it serves.
    pub(super) revision: Option<String>,
    /// `starting`, `busy`, `idle`, `draining` or `spare`.
    #[schema(value_type = String)]
    state: Cow<'static, str>,
    /// The process's number.
    pid: Option<u32>,
    /// Where the gateway reaches it.
    #[schema(examples("unix:/tmp/doze-1/i12/http.sock"))]
    address: String,
    /// When it was started. A spare keeps that when it becomes an instance.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// Since when it serves nothing; null while it serves.
    #[schema(value_type = Option<String>, format = DateTime)]
    idle_since: Option<Timestamp>,
    /// Requests that it serves.
    in_flight: u32,
    /// Bytes that are in memory; null where the kernel does not say.
    memory_bytes: Option<u64>,
    /// Processor time so far; null where the kernel does not say.
    cpu_seconds: Option<f64>,
}

impl From<InstanceStatus> for Instance {
    fn from(status: InstanceStatus) -> Self {
        let usage = status.usage();
        let deployment = status.deployment.as_deref();
        Self {
            id: status.id.to_string(),
            function: deployment.map(|deployment| deployment.name.as_str().to_owned()),
            revision: deployment.map(|deployment| deployment.revision().as_str().to_owned()),
            state: status.state.into(),
            pid: status.born.pid,
            address: format!("unix:{}", status.address.display()),
            started_at: status.born.at,
            idle_since: status.idle_since,
            in_flight: status.in_flight,
            memory_bytes: usage.map(|usage| usage.memory_bytes),
            cpu_seconds: usage.map(|usage| usage.cpu.as_secs_f64()),
        }
    }
}

impl Instance {
    /// Whether requests get to it.
    pub(super) fn is_serving(&self) -> bool {
        matches!(&*self.state, "idle" | "busy")
    }

    /// The same, or will.
    pub(super) fn may_serve(&self) -> bool {
        self.is_serving() || self.state == "starting"
    }
}

/// Every process.
#[derive(Debug, Serialize, ToSchema)]
struct Instances {
    /// Oldest first, spares included.
    instances: Vec<Instance>,
}

/// List processes
#[utoipa::path(get, path = "/api/instances", tag = "instances",
    responses(
        (status = 200, description = "Every process", body = Instances),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
    ))]
async fn list(State(execution): State<Handle>) -> Json<Instances> {
    let instances = execution.instances().into_iter().map(Instance::from).collect();
    Json(Instances { instances })
}

/// Retire a process
///
/// It gets no new requests, finishes those that it has, and ends.
#[utoipa::path(delete, path = "/api/instances/{id}", tag = "instances",
    params(("id" = String, Path, description = "The process", example = "i12")),
    responses(
        (status = 202, description = "It is ending"),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such process", body = ErrorBody),
    ))]
async fn retire(
    State(execution): State<Handle>,
    InstancePath(id): InstancePath,
) -> Result<StatusCode, ApiError> {
    if execution.retire(id) {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiError::no_such_instance(&id.to_string()))
    }
}
