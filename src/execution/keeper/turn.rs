//! Whose turn it is on the processors: what one process uses of them, and where
//! that puts it among the others.

use std::sync::Arc;
use std::time::Instant;

use crate::execution::launch::Launched;
use crate::execution::pool::Pool;
use crate::execution::usage::{Load, Usage};

/// The turns of one process that runs a function.
pub(super) struct Turn {
    usage: Usage,
    /// What its function had answered at the last look.
    answers: u64,
    /// The others go first.
    goes_last: bool,
}

impl Turn {
    /// A process that is given a function, whose last one perhaps used much.
    pub(super) fn new(launched: &Launched, pool: &Pool) -> Self {
        let goes_last = pool.uses_much();
        let usage = Usage::new(Instant::now(), launched.process.used(), goes_last);
        launched.set_priority(pool.priority());
        if goes_last {
            launched.process.set_preempts(false);
        }
        Self { usage, answers: pool.activity().answers(), goes_last }
    }

    /// When to look next.
    pub(super) fn look_at(&self) -> Instant {
        self.usage.look_at()
    }

    /// Looks at what it has used, and puts it where it belongs.
    pub(super) fn look(&mut self, launched: &Launched, pool: &Arc<Pool>) {
        if let Some(load) = self.usage.look(Instant::now(), launched.process.used()) {
            launched.process.set_preempts(load == Load::Light);
        }
        let answers = pool.activity().answers();
        let is_answering = std::mem::replace(&mut self.answers, answers) != answers;
        let goes_last =
            self.usage.load() == Load::Heavy && (!is_answering || pool.others_are_called());
        if goes_last != self.goes_last {
            self.goes_last = goes_last;
            pool.use_much(goes_last);
            launched.set_priority(pool.priority());
        }
    }
}
