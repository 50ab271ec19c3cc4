//! The limits that a function can run into, as its author is told of them.

use std::fmt::Display;

use super::instance::Deployment;
use super::output::LINES_PER_SECOND;
use super::profile::{MAPPED_MB, OPEN_FILES, OVERHEAD_MB, SCRATCH_MB, TASKS};
use crate::function::Manifest;
use crate::sandbox::{Layer, Layers};

/// A limit and its value, for one record in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, with the manifest's field where that sets it.
    pub name: &'static str,
    /// How much there may be, with its unit.
    pub value: String,
}

impl Limit {
    /// A limit of that value.
    pub fn new(name: &'static str, value: impl Display) -> Self {
        Self { name, value: value.to_string() }
    }

    /// The time until a response's head.
    pub fn time(manifest: &Manifest) -> Self {
        Self::new("time limit (timeoutSeconds)", format_args!("{:?}", manifest.timeout_seconds))
    }

    /// Requests that are served at once.
    pub fn requests(deployment: &Deployment) -> Self {
        let places = deployment.concurrency() * deployment.max_instances();
        Self::new("requests at once (concurrency, maxInstances)", places)
    }

    /// What a process prints.
    pub fn lines() -> Self {
        Self::new("limit of printed lines a second", LINES_PER_SECOND)
    }

    /// What a process writes for itself.
    pub fn scratch() -> Self {
        Self::new("limit of files", format_args!("{SCRATCH_MB} MiB"))
    }

    fn memory(manifest: &Manifest) -> Self {
        let heap = u64::from(manifest.memory_mb.get());
        let all = heap + OVERHEAD_MB;
        Self::new("memory limit (memoryMb)", format_args!("{heap} MiB of heap, {all} MiB in all"))
    }

    fn tasks() -> Self {
        Self::new("limit of processes and threads", TASKS)
    }

    /// The limit behind an event of its control groups.
    pub fn of_group(reached: Layers, manifest: &Manifest) -> Option<Self> {
        if reached.has(Layer::Memory) {
            Some(Self::memory(manifest))
        } else {
            reached.has(Layer::Tasks).then(Self::tasks)
        }
    }

    /// The limit behind what a process said: V8 when its heap is full, the C
    /// library and Deno when the kernel refuses something. A function can say
    /// the same, to its own author's confusion and nobody else's.
    pub fn behind(said: &str, manifest: &Manifest) -> Option<Self> {
        let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
        if says(&["heap out of memory", "JavaScript out of memory", "heap limit"]) {
            return Some(Self::memory(manifest));
        }
        // What cannot be had beside the heap: buffers, WebAssembly's memory, workers.
        if says(&[
            "process out of memory",
            "allocation failed",
            "could not allocate memory",
            "os error 12)",
        ]) {
            let mapped = u64::from(manifest.memory_mb.get()) + MAPPED_MB;
            let value = format_args!("{mapped} MiB mapped");
            return Some(Self::new("memory limit (memoryMb)", value));
        }
        if says(&["os error 24)"]) {
            return Some(Self::new("limit of open files", OPEN_FILES));
        }
        if says(&["os error 27)", "os error 28)"]) {
            return Some(Self::scratch());
        }
        says(&["os error 11)"]).then(Self::tasks)
    }
}
