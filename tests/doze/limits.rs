//! Functions that use up what there is. Each is ended or held back alone: its
//! callers get the right code, the log names the limit and its value, and the
//! neighbour's process is the same as before.
//!
//! - [`memory`], [`cpu`], [`processes`], [`files`]: what the machine has
//! - [`output`], [`responses`], [`streams`]: what the server passes on

mod cpu;
mod files;
mod memory;
mod output;
mod processes;
mod responses;
mod streams;

use crate::functions::{IDENTITY, Identity, identity};
use crate::harness::{Record, TestBed};

/// A server with a function called `neighbour`, and who answers there.
async fn with_neighbour(bed: TestBed) -> (TestBed, Identity) {
    let bed = bed.up().await;
    bed.function("neighbour").source(IDENTITY).drop_in().await;
    let neighbour = identity(bed.get("/neighbour").await);
    (bed, neighbour)
}

/// Fails unless the neighbour answers from the process that it had.
async fn unharmed(bed: &TestBed, neighbour: &Identity) {
    let response = bed.get("/neighbour").await;
    assert_eq!(response.start(), "warm");
    assert_eq!(identity(response), *neighbour);
}

/// Waits for the WARN that names the function, the limit and its value.
async fn told(bed: &TestBed, function: &str, limit: &str, value: &str) -> Record {
    let fits = |record: &Record| {
        let names = record.field("limit").is_some_and(|name| name.contains(limit));
        let number = record.number("value").map(|number| number.to_string());
        let found = record.field("value").or(number.as_deref());
        record.warns()
            && record.names(function)
            && names
            && found.is_some_and(|found| found.contains(value))
    };
    bed.logged(&format!("`{limit}` of `{function}`"), fits).await
}

/// Whether a layer is in force, so that a test can be about it.
async fn has(bed: &TestBed, layer: &str) -> bool {
    let ready = bed.get("/_/ready").await.json();
    let layers = ready["isolation"].as_array().expect("a list of layers");
    layers.iter().any(|name| name == layer)
}

/// The users that a server can be run as here: each has other layers.
fn servers() -> Vec<TestBed> {
    let plain = TestBed::new().by_plain_user();
    if nix::unistd::Uid::effective().is_root() { vec![TestBed::new(), plain] } else { vec![plain] }
}
