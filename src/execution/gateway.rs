//! Accepts requests and answers every one of them.
//!
//! A request goes one way down and one way back: `gateway → router →
//! pool::lease → proxy::forward`, and its lease goes back when the response's
//! body ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE};
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use serde_json::json;

use super::access_log::Entry;
use super::activity::Outcome;
use super::headers::{Passage, RequestId};
use super::inbound::Inbound;
use super::lease::LeaseError;
use super::pool::{Pool, Serves};
use super::preflight;
use super::proxy;
use super::reply::{Code, Failure, REQUEST_ID, ReplyBody, START, json_response};
use super::request_body::RequestBodyError;
use super::router::{Route, Router};
use super::static_files;
use super::tokens::Tokens;
use crate::function::manifest::Auth;
use crate::http1::body::Framing;
use crate::sandbox::report::Missing;
use crate::sandbox::{Layer, Report};
use crate::telemetry::traces;

/// Limits on what a client may send.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: u64,
    /// Bytes of a request's head.
    pub head: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 32 << 20, head: 64 << 10 }
    }
}

/// What every connection needs to answer requests.
#[derive(Debug)]
pub struct Gateway {
    /// Which function a request is for.
    pub router: Router,
    /// What a client may send.
    pub limits: Limits,
    /// Who may call functions that are not for everybody.
    pub tokens: Arc<Tokens>,
    /// Whether the registry has been read once.
    pub ready: AtomicBool,
    /// The isolation layers, as `/_/ready` reports them.
    pub isolation: Isolation,
    access_log: bool,
}

/// The isolation layers of every process.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// Those in force, by name.
    pub in_force: Vec<&'static str>,
    /// The others, and why.
    pub missing: Vec<Missing>,
}

impl Gateway {
    /// A gateway that knows no function yet.
    pub fn new(limits: Limits, tokens: Tokens, access_log: bool, report: &Report) -> Arc<Self> {
        let in_force = report.in_force().iter().map(Layer::name).collect();
        let isolation = Isolation { in_force, missing: report.missing().to_owned() };
        let (router, ready) = (Router::default(), AtomicBool::new(false));
        let tokens = Arc::new(tokens);
        Arc::new(Self { router, limits, tokens, ready, isolation, access_log })
    }

    /// Answers one request, whatever happens.
    pub async fn handle<B>(&self, request: &mut Inbound<B>) -> Response<ReplyBody<B>>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
    {
        let id = RequestId::of(&request.parts.headers);
        let span = tracing::debug_span!(
            target: traces::TARGET, "request", id = id.as_str(), otel.kind = "server"
        );
        traces::continue_from(&span, &request.parts.headers);
        let response = traces::within(&span, || self.handle_as(request, id)).await;
        traces::finish(&span, response.status(), || response.headers().get(START));
        response
    }

    async fn handle_as<B>(&self, request: &mut Inbound<B>, id: RequestId) -> Response<ReplyBody<B>>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
    {
        let begun = tracing::enabled!(tracing::Level::DEBUG).then(Instant::now);
        let entry = self.access_log.then(|| {
            Entry::new(&request.parts.method, &request.parts.uri, id.as_str(), &self.router)
        });
        let mut response = match self.answer(request, &id).await {
            Ok(response) => response,
            Err(failure) => failure.into_response(id.as_str()),
        };
        response.headers_mut().insert(REQUEST_ID, id.into());
        response.headers_mut().entry(DATE).or_insert_with(now);
        tracing::debug!(
            method = %request.parts.method, path = request.parts.uri.path(), status = response.status().as_u16(),
            start = response.headers().get(START).and_then(|start| start.to_str().ok()),
            micros = begun.map(|begun| begun.elapsed().as_micros()), "request"
        );
        match entry {
            Some(entry) => entry.count(response),
            None => response,
        }
    }

    async fn answer<B>(
        &self,
        request: &mut Inbound<B>,
        id: &RequestId,
    ) -> Result<Response<ReplyBody<B>>, Failure>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
    {
        let uri = request.parts.uri.clone();
        traces::describe(&request.parts.method, uri.path());
        let routing = tracing::trace_span!(target: traces::TARGET, "route");
        match routing.in_scope(|| self.router.route(uri.path())) {
            Route::Function { pool, path, bare } => {
                traces::name_function(pool.name.as_str());
                let watch = pool.watch();
                let result = self.invoke(&pool, request, path, bare, id).await;
                match &result {
                    // Nobody is there to be answered.
                    Err(failure) if failure.code == Code::ClientGone => drop(watch),
                    result => match outcome(result) {
                        Some(outcome) => watch.answered(outcome),
                        None => watch.refused(),
                    },
                }
                result
            }
            Route::Reserved(path) => self.own(path),
            Route::Nothing => Err(not_found(uri.path())),
        }
    }

    async fn invoke<B>(
        &self,
        pool: &Arc<Pool>,
        request: &mut Inbound<B>,
        path: &str,
        bare: bool,
        id: &RequestId,
    ) -> Result<Response<ReplyBody<B>>, Failure>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
    {
        let deployment = match pool.serves() {
            Serves::Deployment(deployment) => deployment,
            Serves::Broken => return Err(LeaseError::Broken.into()),
            Serves::Removed => return Err(LeaseError::NotFound.into()),
            Serves::ShuttingDown => return Err(LeaseError::ShuttingDown.into()),
        };
        let Inbound { parts, framing, .. } = request;
        let manifest = &deployment.release.manifest;
        let allowed = &manifest.methods;
        if manifest.auth == Auth::Token && preflight::is_one(&parts.method, &parts.headers) {
            return Ok(preflight::answer(&parts.headers, allowed));
        }
        if !allowed.is_empty() && !allowed.iter().any(|method| parts.method == method.as_str()) {
            return Err(Failure::method_not_allowed(allowed));
        }
        if manifest.auth == Auth::Token {
            if !self.tokens.admit(pool.name.as_str(), &parts.headers) {
                return Err(Failure::new(Code::Unauthorized, "this function needs a bearer token"));
            }
            // It is between the caller and this server: a function that saw it
            // could call itself, or be changed so that it collects them.
            parts.headers.remove(AUTHORIZATION);
        }
        if matches!(*framing, Framing::Length(length) if length > self.limits.body) {
            return Err(RequestBodyError::TooLarge(self.limits.body).into());
        }
        let (method, headers) = (&parts.method, &parts.headers);
        // In a place of its own, and only for those who have files.
        let file = || static_files::serve(&deployment, method, headers, path, &parts.uri, bare);
        if manifest.static_folder.is_some()
            && let Some(mut file) = Box::pin(file()).await
        {
            file.headers_mut().insert(START, HeaderValue::from_static("warm"));
            return Ok(file);
        }
        let name = pool.name.as_str();
        let passage = Passage { request_id: id, name, path };
        proxy::forward(pool, request, passage, manifest.timeout_seconds).await
    }

    /// What the server says of itself.
    fn own<B>(&self, path: &str) -> Result<Response<ReplyBody<B>>, Failure> {
        match path {
            "health" => Ok(json_response(StatusCode::OK, &json!({"status": "ok"}))),
            "ready" => {
                let ready = self.ready.load(Ordering::Acquire);
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                let body = json!({
                    "ready": ready,
                    "functions": self.router.all().len(),
                    "isolation": self.isolation.in_force,
                    "isolationMissing": self.isolation.missing,
                });
                Ok(json_response(status, &body))
            }
            _ => Err(not_found(&format!("/_/{path}"))),
        }
    }
}

/// What counts of an answer; `None` for a request that was refused.
fn outcome<B>(result: &Result<Response<ReplyBody<B>>, Failure>) -> Option<Outcome> {
    match result {
        Ok(response) => Some(Outcome {
            error: response.status().is_server_error(),
            timeout: false,
            origin: response.body().origin(),
        }),
        Err(failure) => failure.code.status().is_server_error().then(|| Outcome {
            error: true,
            timeout: failure.code == Code::InvocationTimeout,
            origin: None,
        }),
    }
}

fn now() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn not_found(path: &str) -> Failure {
    Failure::new(Code::FunctionNotFound, format!("no function is published at `{path}`"))
}
