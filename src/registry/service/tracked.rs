//! What the service remembers of one function.

use std::time::{Duration, Instant};

use super::waiting::Waiting;
use crate::function::Problem;
use crate::registry::bundle::Pace;
use crate::registry::fingerprint::Fingerprint;
use crate::registry::inbox::Source;
use crate::registry::plan::{Attempt, Observation, Patience, Standing, Step};
use crate::registry::store::Cause;

/// One function that is published, or lies in `registry_in`, or both.
#[derive(Debug)]
pub(super) struct Tracked {
    source: Seen,
    published: Option<Fingerprint>,
    attempt: Tried,
    building: bool,
    /// How long the next build may take, by how long the last one took.
    pace: Pace,
    /// How the folder looked when the operator said that it is complete.
    complete: Option<Fingerprint>,
    /// Why it is to be built.
    cause: Cause,
    /// Orders that are answered when nothing is left to be done.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
enum Seen {
    /// Not looked for yet.
    Never,
    Here(Source, Observation),
    Gone {
        since: Instant,
        looked_at: Instant,
    },
}

#[derive(Debug)]
enum Tried {
    Nothing,
    Failed(Fingerprint, Vec<Problem>),
    UnrestTold,
}

impl Default for Tracked {
    fn default() -> Self {
        Self {
            source: Seen::Never,
            published: None,
            attempt: Tried::Nothing,
            building: false,
            pace: Pace::Quick,
            complete: None,
            cause: Cause::Seen,
            waiting: Vec::new(),
        }
    }
}

impl Tracked {
    /// A function that was published before the service was started.
    pub(super) fn published(fingerprint: Fingerprint) -> Self {
        Self { published: Some(fingerprint), ..Self::default() }
    }

    /// Takes in what one look saw.
    pub(super) fn see(&mut self, source: Option<Source>, settle: Duration, now: Instant) {
        let seen = std::mem::replace(&mut self.source, Seen::Never);
        self.source = match (source, seen) {
            (Some(source), seen) => {
                let previous = match &seen {
                    Seen::Here(_, observation) => Some(observation),
                    _ => None,
                };
                let observation = Observation::after(previous, source.look(), settle, now);
                Seen::Here(source, observation)
            }
            (None, Seen::Gone { since, .. }) => Seen::Gone { since, looked_at: now },
            (None, _) => Seen::Gone { since: now, looked_at: now },
        };
    }

    /// What has to be done. Nothing while a build runs: it is asked again then.
    pub(super) fn next(&self, patience: &Patience) -> Step {
        let source = match &self.source {
            _ if self.building => return Step::Nothing,
            Seen::Never => return Step::Nothing,
            Seen::Here(_, observation) => Ok(observation),
            Seen::Gone { since, looked_at } => Err((*since, *looked_at)),
        };
        let attempt = match &self.attempt {
            Tried::Nothing => Attempt::None,
            Tried::Failed(fingerprint, _) => Attempt::Failed(fingerprint),
            Tried::UnrestTold => Attempt::UnrestTold,
        };
        let hurry =
            Patience { settle: Duration::ZERO, before_failure: Duration::ZERO, ..*patience };
        let patience = if self.is_complete() { &hurry } else { patience };
        Standing { source, published: self.published.as_ref(), attempt }.next(patience)
    }

    /// Whether what lies there is known to be all that will.
    fn is_complete(&self) -> bool {
        match &self.source {
            Seen::Never => false,
            Seen::Here(_, seen) => self.complete.as_ref() == Some(seen.fingerprint()),
            Seen::Gone { .. } => self.is_waited_for(),
        }
    }

    /// Takes in an order: the folder is complete as it was last seen.
    pub(super) fn wait(&mut self, cause: Cause, waiting: Waiting) {
        if let Seen::Here(_, seen) = &self.source {
            self.complete = Some(seen.fingerprint().clone());
        }
        if cause == Cause::Ordered {
            self.cause = cause;
            self.attempt = Tried::Nothing;
            // Built again, whatever was.
            self.published = self.published.take().map(|_| Fingerprint::none());
        }
        self.waiting.push(waiting);
    }

    /// Why it is to be built.
    pub(super) fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether somebody waits for what becomes of it.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those who wait. The caller tells them.
    pub(super) fn take_waiting(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting)
    }

    /// Whether there is nothing left to remember.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.source, Seen::Gone { .. }) && self.published.is_none() && !self.building
    }

    pub(super) fn is_building(&self) -> bool {
        self.building
    }

    /// The folder as it was last seen.
    pub(super) fn source(&self) -> Option<&Source> {
        match &self.source {
            Seen::Here(source, _) => Some(source),
            Seen::Never | Seen::Gone { .. } => None,
        }
    }

    /// Whether the folder still looks like this.
    pub(super) fn looks_like(&self, fingerprint: &Fingerprint) -> bool {
        matches!(&self.source, Seen::Here(_, seen) if seen.fingerprint() == fingerprint)
    }

    pub(super) fn build_started(&mut self) {
        self.building = true;
    }

    pub(super) fn build_ended(&mut self, next: Pace) {
        self.building = false;
        self.pace = next;
    }

    /// How long the next build may take.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// Remembers problems that are not told yet.
    pub(super) fn failed(&mut self, fingerprint: Fingerprint, problems: Vec<Problem>) {
        self.attempt = Tried::Failed(fingerprint, problems);
    }

    /// The problems that are not told yet.
    pub(super) fn untold(&self) -> Option<(&Fingerprint, &[Problem])> {
        match &self.attempt {
            Tried::Failed(fingerprint, problems) => Some((fingerprint, problems)),
            Tried::Nothing | Tried::UnrestTold => None,
        }
    }

    /// Remembers that this is what is published now.
    pub(super) fn told(&mut self, fingerprint: Fingerprint) {
        self.published = Some(fingerprint);
        self.attempt = Tried::Nothing;
        self.cause = Cause::Seen;
    }

    /// Remembers that the folder's unrest was told.
    pub(super) fn told_unrest(&mut self) {
        self.published = Some(Fingerprint::none());
        self.attempt = Tried::UnrestTold;
    }
}

#[cfg(test)]
mod tests;
