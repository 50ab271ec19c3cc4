//! Sends a request to an instance and brings its response back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use tokio::time::timeout;
use tracing::Instrument;

use super::exchange::{Exchange, ExchangeError, InstanceBody, RESPONSE_HEAD};
use super::headers::{self, Passage};
use super::inbound::Inbound;
use super::instance::{Instance, Progress, StartError};
use super::keeper::{Order, START_TIMEOUT};
use super::lease::{Lease, LeaseError};
use super::limit::Limit;
use super::pool::Pool;
use super::reply::{Code, ERROR, Failure, ReplyBody, START};
use super::request_body::RequestBodyError;
use crate::http1::head::{BadHead, ResponseHead, upgrade};
use crate::telemetry::traces;

/// Leases tried for one request whose instances turn out to be gone.
const MAX_ATTEMPTS: usize = 3;
/// How long a broken connection waits for the word on what became of its process.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why one instance gave no response.
enum Trouble {
    /// It closed the connection.
    Broken {
        /// Perhaps after it had seen the request.
        seen: bool,
    },
    /// The caller gets this.
    Failure(Failure),
}

/// Sends the request to an instance of the function, and brings its response
/// back. The response's body carries the lease.
pub async fn forward<B>(
    pool: &Arc<Pool>,
    request: &mut Inbound<B>,
    passage: Passage<'_>,
    limit: Duration,
) -> Result<Response<ReplyBody<B>>, Failure>
where
    B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
{
    let bodiless = request.body.is_none();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let waiting = tracing::trace_span!(target: traces::TARGET, "lease");
        let lease = traces::within(&waiting, || pool.lease(limit)).await?;
        let instance = Arc::clone(&lease.instance);
        let unseen = match instance.link.connect().await {
            // A process that cannot be reached has not seen the request.
            Err(_) => true,
            Ok(connection) => {
                let forwarding = tracing::trace_span!(target: traces::TARGET, "forward");
                let head =
                    forwarding.in_scope(|| headers::to_instance(request, passage, &instance.link));
                let Inbound { parts, body, framing, .. } = &mut *request;
                let mut exchange = Exchange::new(connection, head, body.take(), *framing);
                let id = passage.request_id.as_str();
                let answered = traces::within(&forwarding, || {
                    respond(&mut exchange, &parts.method, &instance, limit, id)
                });
                match answered.await {
                    Ok(head) => return accept(head, exchange, lease),
                    Err(Trouble::Failure(failure)) => return Err(failure),
                    Err(Trouble::Broken { seen }) => bodiless && !seen,
                }
            }
        };
        // Its end is waited for, or the same process would be leased again.
        drop(lease);
        let failure = Box::pin(what_became_of(&instance)).await;
        if !unseen || failure.code == Code::StartFailed || attempts == MAX_ATTEMPTS {
            return Err(failure);
        }
    }
}

const CRASHED: &str = "the function's process ended before it answered";

/// Waits for the response's head. The function's time begins when its code has
/// run; until then the start has a limit of its own.
async fn respond<B>(
    exchange: &mut Exchange<B>,
    method: &Method,
    instance: &Instance,
    limit: Duration,
    request_id: &str,
) -> Result<ResponseHead, Trouble>
where
    B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
{
    let started = if instance.is_starting() {
        let started = async {
            tokio::select! {
                biased;
                result = exchange.response(method) => Some(result),
                _ = timeout(START_TIMEOUT + VERDICT_TIMEOUT, instance.decided()) => None,
            }
        };
        // In a place of its own, so that warm requests do not carry its room.
        let span = tracing::trace_span!(target: traces::TARGET, "start");
        Box::pin(started).instrument(span).await
    } else {
        None
    };
    let result = match started {
        Some(result) => result,
        None => match exchange.response_within(limit, method).await {
            Some(result) => result,
            None => {
                instance.order(Order::Check { request: request_id.to_owned() });
                let message = format!("no answer within {} seconds", limit.as_secs_f32());
                let failure = Failure::new(Code::InvocationTimeout, message);
                return Err(Trouble::Failure(failure));
            }
        },
    };
    result.map_err(|error| match error {
        ExchangeError::Broken { seen } => Trouble::Broken { seen },
        ExchangeError::RequestBody(error) => Trouble::Failure(error.into()),
        ExchangeError::NotAResponse(error) => {
            if error == BadHead::TooLarge {
                let limit = Limit::new("limit of a response's header", RESPONSE_HEAD);
                instance.order(Order::Reached { request: request_id.to_owned(), limit });
            }
            let message = format!("the function's response cannot be passed on: {error}");
            Trouble::Failure(Failure::new(Code::FunctionCrashed, message))
        }
    })
}

/// Makes the instance's response the gateway's.
fn accept<B>(
    head: ResponseHead,
    exchange: Exchange<B>,
    lease: Lease,
) -> Result<Response<ReplyBody<B>>, Failure>
where
    B: Body<Data = Bytes, Error = RequestBodyError> + Unpin,
{
    let ResponseHead { parts: mut head, framing, reusable } = head;
    let failure = failure_of_shim(&head.headers, &lease.instance.link.token);
    if failure.as_ref().is_none_or(|failure| failure.code != Code::StartFailed) {
        lease.answered();
    }
    if let Some(failure) = failure {
        // Read to its end, which is empty, so that the connection is kept.
        drop(InstanceBody::new(exchange, lease, framing, reusable));
        return Err(failure);
    }
    let change = match head.status {
        StatusCode::SWITCHING_PROTOCOLS => upgrade(&head.headers).cloned(),
        _ => None,
    };
    headers::strip(&mut head.headers);
    if let Some(protocol) = change {
        head.headers.insert(UPGRADE, protocol);
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    head.headers.insert(START, HeaderValue::from_static(lease.origin.as_str()));
    let body = InstanceBody::new(exchange, lease, framing, reusable);
    Ok(Response::from_parts(head, ReplyBody::Instance(Box::new(body))))
}

/// What the shim says in its own name. It proves that with the process's
/// token, which the function cannot know.
fn failure_of_shim(headers: &HeaderMap, token: &str) -> Option<Failure> {
    let text = headers.get(ERROR)?.to_str().ok()?;
    match text.strip_prefix(token)?.trim_start() {
        "function_error" => {
            Some(Failure::new(Code::FunctionError, "the function failed; its log says why"))
        }
        "start_failed" => Some(
            LeaseError::Start(StartError::Code { message: String::new(), stack: String::new() })
                .into(),
        ),
        _ => None,
    }
}

/// What to tell a caller whose connection broke: the process ended, or never
/// started at all.
async fn what_became_of(instance: &Instance) -> Failure {
    match timeout(VERDICT_TIMEOUT, instance.gone()).await {
        Ok(Progress::Failed(error)) => LeaseError::Start(error).into(),
        _ => Failure::new(Code::FunctionCrashed, CRASHED),
    }
}
