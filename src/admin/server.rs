//! The server itself.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::reply::ErrorBody;
use crate::execution::Handle;
use crate::execution::status::ServerStatus;
use crate::sandbox::report::Missing;

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(show))
}

/// The server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Server {
    /// Which doze it is.
    version: &'static str,
    /// For how long it runs.
    uptime_seconds: u64,
    /// What answers functions' callers.
    gateway: GatewayView,
    /// What confines every process.
    isolation: Isolation,
    /// What the operator decided.
    settings: Settings,
    /// Processes that run or are being started, spares included.
    processes: usize,
    /// Bytes that the server itself has in memory, its processes not counted.
    memory_bytes: Option<u64>,
    /// Processor time of the server itself so far.
    cpu_seconds: Option<f64>,
}

/// What answers functions' callers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gateway)]
struct GatewayView {
    /// Where it listens.
    #[schema(examples("127.0.0.1:8000"))]
    address: String,
}

/// What confines every process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Isolation {
    /// The layers in force.
    in_force: Vec<&'static str>,
    /// The others.
    #[schema(value_type = Vec<MissingView>)]
    missing: Vec<Missing>,
}

/// A layer that is not in force.
#[derive(ToSchema)]
#[schema(as = MissingLayer)]
#[expect(dead_code, reason = "it describes the fields of a type that knows no HTTP")]
struct MissingView {
    /// Its name.
    layer: String,
    /// What the machine said.
    why: String,
    /// What the operator can do; empty where nothing is amiss.
    advice: String,
}

/// What the operator decided.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// How long an unused instance is kept, where its manifest does not say.
    idle_seconds: f64,
    /// Processes that may run at once.
    max_processes: usize,
    /// Spares kept for each set of permissions in use.
    spares: usize,
    /// Permissions that functions may ask for beyond the rest: `run`, `ffi`.
    allow_permissions: String,
}

impl From<ServerStatus> for Server {
    fn from(status: ServerStatus) -> Self {
        let settings = status.settings;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: status.uptime.as_secs(),
            gateway: GatewayView { address: status.gateway.to_string() },
            isolation: Isolation { in_force: status.in_force, missing: status.missing },
            settings: Settings {
                idle_seconds: settings.idle.as_secs_f64(),
                max_processes: settings.max_processes,
                spares: settings.spares,
                allow_permissions: settings.operator.to_string(),
            },
            processes: status.processes,
            memory_bytes: status.usage.map(|usage| usage.memory_bytes),
            cpu_seconds: status.usage.map(|usage| usage.cpu.as_secs_f64()),
        }
    }
}

/// Show the server
#[utoipa::path(get, path = "/api/server", tag = "server",
    responses(
        (status = 200, description = "The server", body = Server),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
    ))]
async fn show(State(execution): State<Handle>) -> Json<Server> {
    Json(execution.server().into())
}
