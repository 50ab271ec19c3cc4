//! Who has used much of a processor lately lets the others go first.
//!
//! A request takes a fraction of a millisecond. Where every processor runs
//! something that goes on and on, the kernel lets a thread that wakes wait for
//! the next tick of its clock, up to 4 ms, since it owes the one no more than
//! the other. So the server tells it: a process that has used more than half a
//! processor goes behind all that use less. It gets what they leave, and once
//! that is little, it counts among them again. So none is starved. One that
//! answers all the time does so only while other functions are called, and who is
//! merely busy takes the processor from nobody when it wakes (docs/adr/0013).

use std::time::{Duration, Instant};

/// How often a process is looked at that uses something.
const OFTEN: Duration = Duration::from_millis(20);
/// How often one that has used much: a group's share of the processors is
/// counted anew every 100 ms, and who has spent it early rests until then.
const MUCH: Duration = Duration::from_millis(100);
/// How often one that uses nothing.
const SELDOM: Duration = Duration::from_millis(640);

/// How much of a processor somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Hardly any.
    Light,
    /// A sixteenth and more.
    Busy,
    /// A half and more.
    Heavy,
}

/// How much one process uses.
#[derive(Debug)]
pub struct Usage {
    at: Instant,
    used: Duration,
    every: Duration,
    load: Load,
}

impl Usage {
    /// A process that has used this much by now, perhaps of a function whose
    /// last one used much.
    pub fn new(now: Instant, used: Duration, much: bool) -> Self {
        let (every, load) = if much { (MUCH, Load::Heavy) } else { (OFTEN, Load::Light) };
        Self { at: now, used, every, load }
    }

    /// When to look next.
    pub fn look_at(&self) -> Instant {
        self.at + self.every
    }

    /// What it used at the last look.
    pub fn load(&self) -> Load {
        self.load
    }

    /// What it has used since the last look, if that has changed.
    pub fn look(&mut self, now: Instant, used: Duration) -> Option<Load> {
        let time = now.duration_since(self.at);
        let since = used.saturating_sub(self.used);
        (self.at, self.used) = (now, used);
        // Below half of what made it so, it is so no longer.
        let is = |load, share| since > time / if self.load == load { 2 * share } else { share };
        let load = if is(Load::Heavy, 2) {
            Load::Heavy
        } else if is(Load::Busy, 16) {
            Load::Busy
        } else {
            Load::Light
        };
        self.every = match load {
            Load::Heavy => MUCH,
            Load::Busy => OFTEN,
            Load::Light => SELDOM.min(self.every * 2),
        };
        let changed = load != self.load;
        self.load = load;
        changed.then_some(load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_processor_is_much_until_it_is_a_quarter_and_who_uses_nothing_is_seldom_looked_at() {
        let mut now = Instant::now();
        let mut used = Duration::from_secs(7);
        let mut usage = Usage::new(now, used, false);
        for (percent, changed, next) in [
            (5, None, OFTEN * 2),
            (40, Some(Load::Busy), OFTEN),
            (60, Some(Load::Heavy), MUCH),
            (100, None, MUCH),
            (30, None, MUCH),
            (20, Some(Load::Busy), OFTEN),
            (4, None, OFTEN),
            (0, Some(Load::Light), OFTEN * 2),
            (0, None, OFTEN * 4),
            (1, None, OFTEN * 8),
            (90, Some(Load::Heavy), MUCH),
            (0, Some(Load::Light), MUCH * 2),
        ] {
            let time = usage.look_at() - now;
            now += time;
            used += time * percent / 100;
            assert_eq!(usage.look(now, used), changed, "{percent}");
            assert_eq!(usage.look_at(), now + next, "{percent}");
        }
    }
}
