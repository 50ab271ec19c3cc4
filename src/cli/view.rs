//! What the API tells of functions, as far as a person is shown it.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::Failure;
use crate::function::Problem;

/// What is published of a function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Published {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) revision: Option<String>,
    pub(super) rolled_back_from: Option<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) built_at: Option<Timestamp>,
    pub(super) manifest: Option<Value>,
}

/// The same, with what runs of it and what it has done.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    #[serde(flatten)]
    pub(super) published: Published,
    pub(super) instances: Vec<Instance>,
    pub(super) counters: Counters,
}

impl Published {
    /// The revision that runs, as far as a person tells it.
    pub(super) fn revision(&self) -> &str {
        self.revision.as_deref().map_or("-", short)
    }
}

/// What a function has done since its server started.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) timeouts: u64,
    pub(super) cold_starts: u64,
    pub(super) spare_starts: u64,
    pub(super) crashes: u64,
    pub(super) in_flight: u64,
    pub(super) last_request_at: Option<Timestamp>,
    pub(super) latency_seconds: Option<Latency>,
}

/// How long responses took.
#[derive(Debug, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

/// A process.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) function: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) state: String,
    pub(super) pid: u32,
    pub(super) address: String,
    pub(super) started_at: Timestamp,
    pub(super) in_flight: u64,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: f64,
}

/// A version that is kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    #[serde(rename = "revision")]
    pub(super) id: String,
    pub(super) built_at: Timestamp,
    pub(super) live: bool,
    pub(super) rolled_back_from: bool,
    pub(super) bytes: u64,
}

/// Reads an answer of the API.
pub(super) fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        Failure::because("the server's answer is not what this program expects", &error)
            .hint("use a `doze` of the server's version; --json prints the answer as it is")
    })
}

/// Reads the list that an answer holds under a name.
pub(super) fn read_list<T: DeserializeOwned>(
    answer: &Value,
    name: &str,
) -> Result<Vec<T>, Failure> {
    read(&answer[name])
}

/// As much of a revision as a person tells it by.
pub(super) fn short(revision: &str) -> &str {
    revision.get(..8).unwrap_or(revision)
}
