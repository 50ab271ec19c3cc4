//! What can be told about a function. Each is an event of the server's own log
//! and a record of the function's.

use std::sync::Arc;
use std::time::Duration;

use super::Journal;
use super::record::{Kind, Level, Record, Stream};
use crate::execution::instance::{Deployment, Instance, InstanceId, StartError};
use crate::execution::limit::Limit;

/// Whose record it is: one process that runs one revision.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What it runs.
    pub deployment: Arc<Deployment>,
    /// The process.
    pub instance: InstanceId,
}

/// What a start did with what V8 makes of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheState {
    /// It did without.
    None,
    /// It made it, for the next one.
    Made,
    /// It had it of an earlier one.
    Used,
    /// V8 did not take what an earlier one had made.
    Rejected,
}

impl CacheState {
    /// Its name; nothing for `None`, so that no field is told.
    fn as_str(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Made => Some("made"),
            Self::Used => Some("used"),
            Self::Rejected => Some("rejected"),
        }
    }
}

/// Something that a function said.
#[derive(Debug, Clone, Copy)]
pub struct Saying<'s> {
    /// Where.
    pub stream: Stream,
    /// How much it matters, by its own word.
    pub level: Level,
    /// In which request, by its own word.
    pub request: Option<&'s str>,
    /// What.
    pub text: &'s str,
}

/// Something that a function threw.
#[derive(Debug, Clone, Copy)]
pub struct Thrown<'t> {
    /// In which request, if it was in one.
    pub request: Option<&'t str>,
    /// What.
    pub message: &'t str,
    /// Where, in the author's lines.
    pub stack: &'t str,
}

impl Subject {
    /// The instance's own.
    pub fn of(instance: &Instance) -> Self {
        Self { deployment: Arc::clone(&instance.deployment), instance: instance.id }
    }

    fn function(&self) -> &str {
        self.deployment.name.as_str()
    }

    fn record(&self, kind: Kind, level: Level, message: &str) -> Record {
        let record = record(&self.deployment, kind, level, message);
        Record { instance: Some(self.instance.to_string()), ..record }
    }
}

fn record(deployment: &Deployment, kind: Kind, level: Level, message: &str) -> Record {
    let revision = Some(deployment.revision().clone());
    Record { revision, ..Record::new(&deployment.name, kind, level, message) }
}

impl Journal {
    /// The function said something.
    pub fn said(&self, subject: &Subject, saying: Saying<'_>) {
        let Saying { stream, level, request, text } = saying;
        let function = subject.function();
        // A line of the server's own begins at the margin, and no other does.
        let shown = text.replace('\n', "\n  ");
        tracing::info!(
            target: "function", function, instance = %subject.instance, request, %stream, "{shown}"
        );
        let record = subject.record(Kind::Output, level, text);
        let request_id = request.map(ToOwned::to_owned);
        self.keep(Record { stream: Some(stream), request_id, ..record });
    }

    /// What it said was too much to keep.
    pub fn flooded(&self, subject: &Subject, dropped: u64, limit: &Limit) {
        tracing::warn!(
            function = subject.function(), instance = %subject.instance, dropped,
            limit = limit.name, value = limit.value,
            "a function prints more lines a second than are kept"
        );
        let reason = format!("more was printed than the {} a second that are kept", limit.value);
        let missing = Record::missing(&subject.deployment.name, dropped, &reason);
        let whose = subject.record(Kind::Dropped, Level::Warn, "");
        let (revision, instance) = (whose.revision, whose.instance);
        self.keep(Record { revision, instance, limit: Some(limit.name), ..missing });
    }

    /// A handler threw, or something outside any request did.
    pub fn threw(&self, subject: &Subject, thrown: Thrown<'_>) {
        let Thrown { request, message, stack } = thrown;
        tracing::warn!(
            target: "function", function = subject.function(), instance = %subject.instance,
            request, stack, "{message}"
        );
        let record = subject.record(Kind::Error, Level::Error, message).stack(stack);
        self.keep(Record { request_id: request.map(ToOwned::to_owned), ..record });
    }

    /// An instance serves.
    pub fn started(&self, subject: &Subject, code_cache: CacheState) {
        tracing::info!(
            function = subject.function(), instance = %subject.instance,
            revision = %subject.deployment.revision(), code_cache = code_cache.as_str(),
            "instance started"
        );
        self.keep(subject.record(Kind::Start, Level::Info, "instance started"));
    }

    /// An instance is gone.
    pub fn stopped(&self, subject: &Subject, reason: &str, after: Duration) {
        tracing::info!(
            function = subject.function(), instance = %subject.instance, reason,
            seconds = after.as_secs_f32(), "instance stopped"
        );
        let message = format!("instance stopped after {:.1} seconds", after.as_secs_f32());
        let record = subject.record(Kind::Stop, Level::Info, &message);
        self.keep(Record { reason: Some(reason.to_owned()), ..record });
    }

    /// An instance ended by itself, perhaps for a limit, and said that last.
    pub fn crashed(&self, subject: &Subject, status: &str, limit: Option<&Limit>, words: &str) {
        tracing::warn!(
            function = subject.function(), instance = %subject.instance, status,
            limit = limit.map(|limit| limit.name), value = limit.map(|limit| &*limit.value),
            "an instance ended by itself"
        );
        let message = format!("the instance ended by itself ({status})");
        let record = subject.record(Kind::Crash, Level::Error, &message).stack(words);
        self.keep(limited(record, limit));
    }

    /// A request ran into a limit, or the process did.
    pub fn reached(&self, subject: &Subject, request: Option<&str>, limit: &Limit) {
        self.reached_as(Kind::Limit, Level::Warn, subject, request, limit);
    }

    /// A request was not answered in time.
    pub fn timed_out(&self, subject: &Subject, request: &str, limit: &Limit) {
        self.reached_as(Kind::Timeout, Level::Error, subject, Some(request), limit);
    }

    fn reached_as(
        &self,
        kind: Kind,
        level: Level,
        subject: &Subject,
        request: Option<&str>,
        limit: &Limit,
    ) {
        tracing::warn!(
            function = subject.function(), instance = %subject.instance, request,
            limit = limit.name, value = limit.value, "a function has reached a limit"
        );
        let message = format!("the {} of {} was reached", limit.name, limit.value);
        let record = limited(subject.record(kind, level, &message), Some(limit));
        self.keep(Record { request_id: request.map(ToOwned::to_owned), ..record });
    }

    /// A handler went on although its request's time was up.
    pub fn stuck(&self, subject: &Subject, request: &str, blocked: bool) {
        tracing::warn!(
            function = subject.function(), instance = %subject.instance, request, blocked,
            "a handler did not react when its request was aborted"
        );
        let message = if blocked {
            "the handler blocks its process, which is killed"
        } else {
            "the handler did not stop when its request was aborted; its process takes no more"
        };
        let record = subject.record(Kind::Timeout, Level::Error, message);
        self.keep(Record { request_id: Some(request.to_owned()), ..record });
    }

    /// Requests are turned away because every instance is busy.
    pub fn overloaded(&self, deployment: &Deployment, limit: &Limit, waiting: usize) {
        tracing::warn!(
            function = %deployment.name, limit = limit.name, value = limit.value, waiting,
            "a function has reached a limit"
        );
        let message = format!("requests are turned away: all {} places are taken", limit.value);
        let record = record(deployment, Kind::Limit, Level::Warn, &message);
        self.keep(limited(record, Some(limit)));
    }

    /// An instance did not start.
    pub fn start_failed(
        &self,
        deployment: &Deployment,
        instance: Option<InstanceId>,
        error: &StartError,
    ) {
        let stack = error.stack();
        tracing::warn!(
            function = %deployment.name, revision = %deployment.revision(), %error, stack,
            "an instance did not start"
        );
        let message = error.to_string();
        let record = record(deployment, Kind::StartFailed, Level::Error, &message);
        let instance = instance.map(|id| id.to_string());
        self.keep(Record { instance, ..record }.stack(stack.unwrap_or_default()));
    }
}

fn limited(record: Record, limit: Option<&Limit>) -> Record {
    let (name, value) = limit.map(|limit| (limit.name, limit.value.clone())).unzip();
    Record { limit: name, value, ..record }
}
