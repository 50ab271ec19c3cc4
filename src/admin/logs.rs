//! A function's log: its last records, and those that come.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::path::{Asked, FunctionPath};
use super::reply::{ApiError, ErrorBody};
use crate::execution::Handle;
use crate::execution::journal::reading::{Following, Line, Wanted};
use crate::execution::journal::record::{Level, Record};
use crate::function::FunctionName;

/// Records that are shown where nobody says how many.
const TAIL: usize = 100;
/// A comment is sent so often where there is nothing to say, so that whoever
/// stands between does not take the connection for dead.
const ALIVE: Duration = Duration::from_secs(15);
/// How a browser says where it was cut off.
const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(logs))
}

/// Which records are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Query {
    /// As many of the last records. 100, or all of them where `since` is given.
    #[param(maximum = 4_294_967_295u32)]
    tail: Option<u32>,
    /// Stay, and send records as they come.
    #[serde(default)]
    follow: bool,
    /// Only records after this time, such as the time of the last one seen.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only records that matter as much as this or more.
    #[param(inline)]
    level: Option<Level>,
    /// Only records of this instance.
    instance: Option<String>,
}

/// Where a follower was cut off.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes a header")]
struct Resumed {
    /// The same as `since`, and before it.
    #[param(rename = "Last-Event-ID", format = DateTime, required = false)]
    id: String,
}

/// A record as an event.
#[derive(ToSchema)]
#[schema(as = LogRecordEvent)]
#[expect(dead_code, reason = "it describes what is written as text")]
struct RecordEvent {
    /// The record's time; what `Last-Event-ID` and `since` take.
    id: Option<String>,
    /// The record, as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// A function's log
///
/// Oldest record first. With `follow=true` they come as server-sent events,
/// whose ids are the records' times: a client that was cut off sends the last
/// one as `Last-Event-ID` or `since` and misses nothing. A follower that reads
/// too slowly is told how much it has missed by a record `dropped`, which has
/// no id. A function's log outlives it, until others need the room.
#[utoipa::path(get, path = "/api/functions/{name}/logs", tag = "logs",
    params(
        FunctionPath,
        Query,
        Resumed,
    ),
    responses(
        (status = 200, description = "One record a line, or an event", content(
            (Record = "application/x-ndjson"), (RecordEvent = "text/event-stream"))),
        (status = 400, description = "Not a name, or not such a query", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 404, description = "Neither a function nor a log of that name", body = ErrorBody),
    ))]
async fn logs(
    State(execution): State<Handle>,
    FunctionPath(name): FunctionPath,
    Asked(query): Asked<Query>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (follow, wanted) = query.wanted(&headers)?;
    let found = execution.log(&name).await.map_err(|error| ApiError::internal(&error))?;
    let Some((snapshot, following)) = found else {
        let message = format!("there is no function `{name}`");
        return Err(ApiError::not_found("function_not_found", message));
    };
    let following = follow.then_some(following);
    let lines = snapshot.lines(&wanted).await.map_err(|error| ApiError::internal(&error))?;
    Ok(match following {
        Some(following) => {
            let live = live(name, following, wanted);
            let events = stream::iter(lines).map(|line| event_of(&line)).chain(live);
            let events = events.map(Ok::<_, Infallible>);
            Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
        }
        None => {
            let pieces = lines.into_iter().flat_map(|line| [line.text, Bytes::from_static(b"\n")]);
            let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)));
            ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
        }
    })
}

impl Query {
    fn wanted(self, headers: &HeaderMap) -> Result<(bool, Wanted), ApiError> {
        let Self { tail, follow, since, level, instance } = self;
        let resumed = match headers.get(LAST_EVENT_ID) {
            Some(id) => {
                let time = id.to_str().ok().and_then(|text| text.parse().ok());
                let wrong = || ApiError::bad_request("`Last-Event-ID` is not the time of a record");
                Some(time.ok_or_else(wrong)?)
            }
            None => None,
        };
        let since = resumed.or(since);
        let tail = tail.map(|tail| tail as usize).or(since.is_none().then_some(TAIL));
        Ok((follow, Wanted { tail, since, level, instance }))
    }
}

/// The records that come, as far as they are wanted.
fn live(function: FunctionName, following: Following, wanted: Wanted) -> impl Stream<Item = Event> {
    let next = async move |(mut following, function, wanted): (Following, FunctionName, Wanted)| {
        loop {
            let event = match following.recv().await {
                Ok(record) if wanted.has(&record) => event(&record).id(record.time.to_string()),
                Ok(_) => continue,
                // Without an id: who comes again begins after what he has seen.
                Err(RecvError::Lagged(missed)) => event(&Record::missed(&function, missed)),
                Err(RecvError::Closed) => return None,
            };
            return Some((event, (following, function, wanted)));
        }
    };
    stream::unfold((following, function, wanted), next)
}

fn event(record: &Record) -> Event {
    Event::default().data(serde_json::to_string(record).unwrap_or_default())
}

fn event_of(line: &Line) -> Event {
    let text = String::from_utf8_lossy(&line.text);
    Event::default().id(line.time.to_string()).data(text)
}
