//! What is published, and how it fares.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::instances::Instance;
use super::path::{Asked, FunctionPath};
use super::reply::{ApiError, ErrorBody};
use crate::execution::Handle;
use crate::execution::status::{FunctionStatus, Standing};
use crate::function::published::{Release, Runtime};
use crate::function::{FunctionName, Manifest, Problem, Published, RevisionId};

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// A function.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Function {
    /// Its name, `hello` or `ada/hello`.
    #[schema(value_type = String)]
    name: FunctionName,
    /// Whether the newest source runs.
    state: PublishedState,
    /// The content hash of what runs; null where nothing does.
    revision: Option<String>,
    /// The revision that was taken back. It stays so until the source changes.
    rolled_back_from: Option<String>,
    /// Where the gateway serves it.
    path: String,
    /// The entry file in the function's folder.
    entry: Option<String>,
    /// What runs it.
    #[schema(value_type = Option<String>)]
    runtime: Option<Runtime>,
    /// Everything that is wrong with the newest source.
    #[schema(value_type = Vec<ProblemView>)]
    problems: Vec<Problem>,
    /// When the newest source was last looked at.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
    /// When what runs was built.
    #[schema(value_type = Option<String>, format = DateTime)]
    built_at: Option<Timestamp>,
    /// `registry.json` with defaults applied.
    #[schema(value_type = Option<Object>)]
    manifest: Option<Manifest>,
    /// Its processes.
    instances: Vec<Instance>,
    /// Processes that boot for it, and are not among its instances yet.
    booting: usize,
    /// What was counted since the server began.
    counters: Counters,
}

/// What was counted since the server began.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Counters {
    /// Requests, however they ended, but for those that the gateway refused with
    /// 4xx before anything was done for them.
    requests: u64,
    /// Answers with 5xx, the platform's and the function's own.
    errors: u64,
    /// Answers that took too long.
    timeouts: u64,
    /// Answers by a process that was started for the request.
    cold_starts: u64,
    /// Answers by a spare.
    spare_starts: u64,
    /// Instances that ended by themselves.
    crashes: u64,
    /// Requests that are being served or wait.
    in_flight: u64,
    /// When the last answer was given.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_request_at: Option<Timestamp>,
    /// From a request's head to its response's; null before the first one.
    latency_seconds: Option<Latency>,
}

/// How long answers take, from fixed buckets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Latency {
    /// What half of them do not exceed.
    p50: f64,
    /// What 95 of 100 do not exceed.
    p95: f64,
    /// What 99 of 100 do not exceed.
    p99: f64,
}

impl Counters {
    fn of(status: &FunctionStatus) -> Self {
        let counts = &status.counts;
        let quantile = |share| counts.latency.quantile(share);
        let latency =
            || Some(Latency { p50: quantile(0.5)?, p95: quantile(0.95)?, p99: quantile(0.99)? });
        Self {
            requests: counts.requests(),
            errors: counts.errors,
            timeouts: counts.timeouts,
            cold_starts: counts.cold_starts,
            spare_starts: counts.spare_starts,
            crashes: counts.crashes,
            in_flight: status.in_flight(),
            last_request_at: counts.last_request,
            latency_seconds: latency(),
        }
    }
}

/// Whether the newest source runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PublishedState {
    /// It does.
    Live,
    /// It has problems, and an older revision runs on.
    Stale,
    /// No source ever built: nothing runs.
    Broken,
}

/// One thing that is wrong with a source.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "it describes the fields of a type that knows no HTTP")]
pub(super) struct ProblemView {
    /// The file, relative to the function's folder.
    file: Option<String>,
    /// Line, counted from 1.
    line: Option<u32>,
    /// Column in characters, counted from 1.
    column: Option<u32>,
    /// What was expected, what was found, and what to do.
    text: String,
}

/// How far a published revision got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Requests get it.
    Served,
    /// Requests get another one, until an instance of this one has started.
    Coming,
    /// It did not start, and another one serves on.
    Failed,
}

impl From<FunctionStatus> for Function {
    fn from(status: FunctionStatus) -> Self {
        let counters = Counters::of(&status);
        let FunctionStatus { name, standing, deployment, instances, booting, .. } = status;
        let release = deployment.map(|deployment| deployment.release.clone());
        let instances = instances.into_iter().map(Instance::from).collect();
        Self { instances, booting, counters, ..Self::of(name, &standing, release) }
    }
}

impl Function {
    /// What has just been published, and how that fares as far as the gateway
    /// knows it.
    pub(super) fn of_published(published: Published, known: Option<Self>) -> Self {
        let standing = Standing::from(&published);
        let release = published.release().cloned();
        let function = Self::of(published.name, &standing, release);
        match known {
            Some(Self { instances, booting, counters, .. }) => {
                Self { instances, booting, counters, ..function }
            }
            None => function,
        }
    }

    /// How far that revision got.
    pub(super) fn reach(&self, revision: &RevisionId) -> Reach {
        let is = |found: Option<&String>| found.is_some_and(|id| id == revision.as_str());
        if !is(self.revision.as_ref()) {
            return Reach::Coming;
        }
        let is_new = |instance: &&Instance| is(instance.revision.as_ref());
        let (new, old): (Vec<_>, Vec<_>) = self.instances.iter().partition(is_new);
        if !old.iter().any(|instance| instance.is_serving()) {
            Reach::Served
        } else if self.booting > 0 || new.iter().any(|instance| instance.may_serve()) {
            Reach::Coming
        } else {
            Reach::Failed
        }
    }

    /// What nothing runs of.
    fn of(name: FunctionName, standing: &Standing, release: Option<Release>) -> Self {
        let state = match standing.state {
            "live" => PublishedState::Live,
            "stale" => PublishedState::Stale,
            _ => PublishedState::Broken,
        };
        Self {
            path: format!("/{name}"),
            name,
            state,
            revision: release.as_ref().map(|release| release.revision.as_str().to_owned()),
            rolled_back_from: standing.rolled_back_from.as_ref().map(|id| id.as_str().to_owned()),
            entry: release.as_ref().map(|release| release.entry.clone()),
            runtime: release.as_ref().map(|release| release.runtime),
            problems: standing.problems.to_vec(),
            checked_at: standing.checked_at,
            built_at: release.as_ref().map(|release| release.built_at),
            manifest: release.map(|release| release.manifest),
            instances: Vec::new(),
            booting: 0,
            counters: Counters::default(),
        }
    }
}

/// Every function.
#[derive(Debug, Serialize, ToSchema)]
struct Functions {
    /// By name.
    functions: Vec<Function>,
}

/// Which functions are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// A part of the name.
    q: Option<String>,
    /// Only those in this state.
    #[param(inline)]
    state: Option<PublishedState>,
}

/// List functions
#[utoipa::path(get, path = "/api/functions", tag = "functions", params(Which),
    responses(
        (status = 200, description = "Those that fit, by name", body = Functions),
        (status = 400, description = "No such state", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
    ))]
async fn list(State(execution): State<Handle>, Asked(which): Asked<Which>) -> Json<Functions> {
    let part = which.q.unwrap_or_default();
    let all = execution.functions().into_iter();
    let named = all.filter(|function| function.name.as_str().contains(&part));
    let functions = named
        .map(Function::from)
        .filter(|function| which.state.is_none_or(|state| function.state == state))
        .collect();
    Json(Functions { functions })
}

/// Show a function
#[utoipa::path(get, path = "/api/functions/{name}", tag = "functions",
    params(FunctionPath),
    responses(
        (status = 200, description = "The function", body = Function),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
    ))]
async fn show(
    State(execution): State<Handle>,
    FunctionPath(name): FunctionPath,
) -> Result<Json<Function>, ApiError> {
    let status = execution.function(&name).ok_or_else(|| ApiError::no_such_function(&name))?;
    Ok(Json(status.into()))
}
