//! One record of a function's log, as it is on disk and in the admin API.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::function::{FunctionName, RevisionId};

/// Longest message, in bytes.
const MAX_MESSAGE: usize = 16 * 1024;
/// Longest stack, in bytes.
const MAX_STACK: usize = 64 * 1024;

/// One thing that a function said, or that happened to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogRecord)]
pub struct Record {
    /// When. No two records of a function have the same time.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// What kind of thing it is.
    pub event: Kind,
    /// What was said, or what happened, in words.
    pub message: String,
    /// The function.
    #[schema(value_type = String)]
    pub function: FunctionName,
    /// The revision that was running.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub revision: Option<RevisionId>,
    /// The instance, as `/api/instances` calls it. A server that is started
    /// again counts from `i1` again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The request in which it happened, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Where it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// Where in the source, innermost first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Which limit was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'static str>,
    /// How much that allows; of `dropped`, how many records are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why an instance stopped, or records are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log`, `console.info`, what is printed without `console`, and
    /// what happens in the ordinary course.
    Info,
    /// `console.warn`, what is printed on standard error without `console`, and
    /// what went wrong and was coped with.
    Warn,
    /// `console.error`, and what made requests fail.
    Error,
}

/// What kind of thing a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The function said something.
    Output,
    /// It threw something.
    Error,
    /// An instance serves.
    Start,
    /// An instance is gone; `reason` says why.
    Stop,
    /// An instance ended by itself.
    Crash,
    /// A request took too long, or its handler did not stop for that.
    Timeout,
    /// A limit was reached.
    Limit,
    /// An instance did not start.
    StartFailed,
    /// Records are missing here.
    Dropped,
}

/// Where a function said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Record {
    /// A record that gets its time when it is kept.
    pub(super) fn new(function: &FunctionName, kind: Kind, level: Level, message: &str) -> Self {
        Self {
            time: Timestamp::UNIX_EPOCH,
            level,
            event: kind,
            message: cut(message, MAX_MESSAGE),
            function: function.clone(),
            revision: None,
            instance: None,
            request_id: None,
            stream: None,
            stack: None,
            limit: None,
            value: None,
            reason: None,
        }
    }

    pub(super) fn stack(self, stack: &str) -> Self {
        let stack = (!stack.is_empty()).then(|| cut(stack, MAX_STACK));
        Self { stack, ..self }
    }

    /// So many records could not be written.
    pub(super) fn lost(function: &FunctionName, records: u64, time: Timestamp) -> Self {
        let record = Self::missing(function, records, "records could not be written in time");
        Self { time, ..record }
    }

    /// A follower was too slow for so many records.
    pub fn missed(function: &FunctionName, records: u64) -> Self {
        let record = Self::missing(function, records, "the follower was too slow");
        Self { time: Timestamp::now(), ..record }
    }

    /// So many records are not there.
    pub(super) fn missing(function: &FunctionName, records: u64, reason: &str) -> Self {
        let (value, reason) = (Some(records.to_string()), Some(reason.to_owned()));
        let new = Self::new(function, Kind::Dropped, Level::Warn, "records are missing here");
        Self { value, reason, ..new }
    }

    /// How many records are missing when this one is.
    pub(super) fn weight(&self) -> u64 {
        let missing = self.value.as_ref().filter(|_| self.event == Kind::Dropped);
        missing.and_then(|value| value.parse().ok()).unwrap_or(1)
    }
}

impl Stream {
    /// The word in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}
