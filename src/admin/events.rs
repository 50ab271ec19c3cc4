//! What changes, told once a second to everybody who follows.
//!
//! However many follow, one task looks and builds each event once. It runs
//! while somebody follows.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::stream::{self, Stream, StreamExt};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::BroadcastStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::functions::Function;
use super::reply::ErrorBody;
use super::server::Server;
use crate::execution::Handle;
use crate::execution::status::FunctionStatus;
use crate::function::FunctionName;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// A follower that is so many looks behind is let go.
const MOST_BEHIND: usize = 30;

pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// What one look found.
type Found = Arc<[Event]>;

/// One look for all who follow.
#[derive(Debug)]
pub(super) struct Feed {
    execution: Handle,
    sender: broadcast::Sender<Found>,
    looking: Mutex<bool>,
}

/// A function as it was told last.
struct Known {
    status: FunctionStatus,
    /// A hash of what was told; `None` where nothing was.
    told: Option<u64>,
}

/// A function that is published no longer.
#[derive(Serialize)]
struct Removed {
    name: FunctionName,
}

impl Feed {
    pub(super) fn new(execution: Handle) -> Self {
        let (sender, _) = broadcast::channel(MOST_BEHIND);
        Self { execution, sender, looking: Mutex::new(false) }
    }

    /// Everything that changes from now on.
    fn follow(self: &Arc<Self>) -> broadcast::Receiver<Found> {
        let found = self.sender.subscribe();
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if !*looking {
            *looking = true;
            let known = self.execution.functions().into_iter();
            let known = known.map(|status| (status.name.clone(), Known { status, told: None }));
            tokio::spawn(Arc::clone(self).run(known.collect()));
        }
        found
    }

    /// Looks until nobody follows any more.
    async fn run(self: Arc<Self>, mut known: HashMap<FunctionName, Known>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one comes at once.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            {
                // Whoever comes now waits for this lock, and starts it again.
                let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
                if self.sender.receiver_count() == 0 {
                    *looking = false;
                    return;
                }
            }
            let mut events = self.look(&mut known);
            events.push(self.server());
            let _ = self.sender.send(events.into());
        }
    }

    /// What differs from what is known.
    fn look(&self, known: &mut HashMap<FunctionName, Known>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut now = HashMap::with_capacity(known.len());
        for status in self.execution.functions() {
            let name = status.name.clone();
            let entry = match known.remove(&name) {
                Some(before) if status.is_as_quiet_as(&before.status) => before,
                before => {
                    let text = text(&Function::from(status.clone()));
                    let mut hasher = DefaultHasher::new();
                    text.hash(&mut hasher);
                    let told = Some(hasher.finish());
                    if before.is_none_or(|before| before.told != told) {
                        events.push(Event::default().event("function").data(text));
                    }
                    Known { status, told }
                }
            };
            now.insert(name, entry);
        }
        let gone = std::mem::replace(known, now).into_keys();
        events.extend(gone.map(|name| event("removed", &Removed { name })));
        events
    }

    fn server(&self) -> Event {
        event("server", &Server::from(self.execution.server()))
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(text(data))
}

fn text(data: &impl Serialize) -> String {
    // Only maps whose keys are no text cannot be written.
    serde_json::to_string(data).unwrap_or_default()
}

/// What has changed, as an event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written as text")]
struct Change {
    /// What it is about.
    event: Subject,
    /// A `Function`, an object with the `name` of one, or a `Server`, as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// What an event is about.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes what is written as text")]
enum Subject {
    /// A function that has changed.
    Function,
    /// A function that is gone.
    Removed,
    /// The server.
    Server,
}

/// Follow what changes
///
/// Server-sent events: `function` with a function that has changed (its state,
/// its counters, its processes), `removed` with the name of one that is gone,
/// and `server` at the start and then once a second. To miss nothing, follow
/// first and list the functions when the first event is there. A follower that
/// reads too slowly is let go.
#[utoipa::path(get, path = "/api/events", tag = "server",
    responses(
        (status = 200, description = "The events", body = Change,
            content_type = "text/event-stream"),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
    ))]
async fn follow(
    State(feed): State<Arc<Feed>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let found = BroadcastStream::new(feed.follow());
    // An error means that it is too far behind.
    let found = found.take_while(|found| std::future::ready(found.is_ok()));
    let events =
        found.flat_map(|found| stream::iter(found.map_or_else(|_| Vec::new(), |f| f.to_vec())));
    let first = stream::iter([feed.server()]);
    Sse::new(first.chain(events).map(Ok))
}
