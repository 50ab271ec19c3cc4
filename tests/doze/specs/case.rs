//! One case: what is sent, and what should come back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::expected::Expected;
use crate::harness::{Request, TestBed};

/// `case.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// Its folder's name, and the name of the function in `function/`.
    #[serde(skip)]
    name: String,
    /// What these requests show, where the folder's name does not tell it all.
    #[serde(default)]
    #[expect(dead_code, reason = "for whoever reads the file")]
    about: String,
    /// Functions and the state in which they are published. Whatever is not
    /// named here is live.
    #[serde(default)]
    states: BTreeMap<String, String>,
    /// Sent one after the other.
    requests: Vec<Exchange>,
    /// Texts that the functions' log holds in the end.
    #[serde(default)]
    log: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// `METHOD /path?query`.
    send: String,
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    #[serde(default)]
    body: Text,
    expect: Expected,
}

/// A text as it is, or one too long to write down.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Repeated { repeat: String, times: usize },
}

impl Default for Text {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

impl Text {
    fn whole(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

impl Case {
    pub(super) fn read(name: &str, folder: &Path) -> Self {
        let file = folder.join("case.json");
        let text = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let case = serde_json::from_slice(&text);
        let mut case: Self = case.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        name.clone_into(&mut case.name);
        if folder.join("function").is_dir() {
            case.states.entry(name.to_owned()).or_insert_with(|| "live".to_owned());
        }
        case
    }

    /// Every function that it brings, with its state.
    pub(super) fn states(&self) -> impl Iterator<Item = (String, String)> {
        self.states.iter().map(|(name, state)| (name.clone(), state.clone()))
    }

    /// Everything that is not as expected.
    pub(super) async fn run(&self, bed: &TestBed) -> Vec<String> {
        let mut failures = Vec::new();
        for exchange in &self.requests {
            let place = format!("{}: {}", self.name, exchange.send);
            match exchange.request(bed).try_send().await {
                Err(error) => failures.push(format!("{place}: {error}")),
                Ok(response) => failures.extend(
                    exchange
                        .expect
                        .check(&response)
                        .into_iter()
                        .map(|wrong| format!("{place}: {wrong}\n{response:?}")),
                ),
            }
        }
        // A record that should be there but never comes would only be late, so
        // the response is worth more to whoever reads this.
        if failures.is_empty() {
            for text in &self.log {
                bed.printed(&self.name, text).await;
            }
        }
        failures
    }
}

impl Exchange {
    fn request(&self, bed: &TestBed) -> Request {
        let (method, path) = self.send.split_once(' ').expect("`METHOD /path` in `send`");
        let request = bed.request(method, path).body(self.body.whole());
        self.headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, &value.whole()))
    }
}
