//! One hostile function: what stops it, and what that means for its answer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities};
use serde::Deserialize;
use serde_json::Value;

use crate::isolation::layers::ALL;
use crate::isolation::machine::As;

/// Some layers by name.
pub(super) type Layers = BTreeSet<&'static str>;

/// `case.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// Its folder's name, and its function's.
    #[serde(skip)]
    pub(super) name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "for whoever reads the file")]
    about: String,
    /// The layers of which each is enough.
    #[serde(default)]
    stopped_by: BTreeSet<String>,
    /// What stops it whatever layers there are.
    by_design: Option<String>,
    /// Why it is not tried where nothing stops it.
    unproven: Option<String>,
    /// The capability without which nobody can do it, so that there is nothing
    /// to prove where the server has none to lose.
    needs: Option<String>,
    /// How often it is asked; the last answer counts.
    #[serde(default = "once")]
    pub(super) requests: usize,
}

fn once() -> usize {
    1
}

/// What is to become of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Stopped,
    Through,
}

impl Case {
    pub(super) fn read(name: &str, folder: &Path) -> Self {
        let file = folder.join("case.json");
        let text = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let case = serde_json::from_slice(&text);
        let case: Self = case.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Self { name: name.to_owned(), ..case }
    }

    /// What its file should not say.
    pub(super) fn mistake(&self) -> Option<String> {
        let unknown = self.stopped_by.iter().find(|layer| !ALL.contains(&&***layer));
        let wrong = match unknown {
            Some(layer) => format!("`{layer}` is not a layer"),
            None if self.stopped_by.is_empty() != self.by_design.is_some() => {
                "layers stop it, or it is stopped by design".to_owned()
            }
            None => return None,
        };
        Some(format!("{}: {wrong}", self.name))
    }

    pub(super) fn is_stopped_by(&self, layer: &str) -> bool {
        self.stopped_by.contains(layer)
    }

    /// What is to become of it where those layers are in force; `None` where
    /// that would show nothing.
    pub(super) fn expected(&self, in_force: &Layers, user: As) -> Option<Outcome> {
        let is_stopped = in_force.iter().any(|layer| self.is_stopped_by(layer));
        if is_stopped || self.by_design.is_some() {
            return Some(Outcome::Stopped);
        }
        let is_able = self.needs.as_ref().is_none_or(|named| is_capable(user, named));
        let can_succeed = self.unproven.is_none() && is_able;
        (in_force.is_empty() && can_succeed).then_some(Outcome::Through)
    }
}

/// Whether a server of that user has a capability here. In a container even
/// root has but some.
fn is_capable(user: As, capability: &str) -> bool {
    let named = CapabilitySet::from_name(capability).expect("the name of a capability");
    let own = capabilities(None).expect("this kernel has capabilities");
    user == As::Root && own.effective.contains(named)
}

impl Outcome {
    /// What is wrong about an answer, which has null for each way that got
    /// through and an error for each that did not.
    pub(super) fn wrong(self, answer: &Value) -> Option<String> {
        let ways = answer.as_object().filter(|ways| !ways.is_empty());
        let as_expected = |outcome: &Value| match self {
            Self::Stopped => outcome.is_string(),
            Self::Through => outcome.is_null(),
        };
        let is_right = ways.is_some_and(|ways| {
            !ways.contains_key("it did not answer") && ways.values().all(as_expected)
        });
        (!is_right).then(|| format!("should be {self:?}: {answer}"))
    }
}
