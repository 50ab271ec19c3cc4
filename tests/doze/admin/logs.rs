//! A function's log, as its author reads it.
//!
//! - [`records`]: what is in it
//! - [`reading`]: asking for some of it
//! - [`following`]: seeing it grow
//! - [`keeping`]: what outlives whom

mod following;
mod keeping;
mod reading;
mod records;

use serde_json::Value;

use crate::harness::{Admin, Response, until_asked};

/// The log of a function, as far as the query asks for it.
async fn log(admin: &Admin, name: &str, query: &str) -> Vec<Value> {
    let response = admin.function("GET", name, &format!("/logs?{query}")).await.ok();
    assert_eq!(response.header("content-type"), Some("application/x-ndjson"));
    lines(&response)
}

fn lines(response: &Response) -> Vec<Value> {
    let lines = response.text().lines();
    lines.map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// Waits until the log has a record that fits.
async fn recorded(admin: &Admin, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    until_asked(&format!("the log of `{name}` has the record"), async || {
        let records = log(admin, name, "tail=10000").await;
        let last = records.len().saturating_sub(10);
        let found = records.iter().find(|record| fits(record));
        found.cloned().ok_or_else(|| format!("{:#?}", &records[last..]))
    })
    .await
}

/// Waits until the function has said that.
async fn said(admin: &Admin, name: &str, message: &str) -> Value {
    recorded(admin, name, |record| record["event"] == "output" && record["message"] == message)
        .await
}

/// Waits until that has happened to the function.
async fn happened(admin: &Admin, name: &str, event: &str) -> Value {
    recorded(admin, name, |record| record["event"] == event).await
}

/// What of the records was said, in order.
fn messages(records: &[Value]) -> Vec<&str> {
    let said = records.iter().filter(|record| record["event"] == "output");
    said.map(|record| record["message"].as_str().expect("a message")).collect()
}
