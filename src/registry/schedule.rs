//! When to look where.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use crate::function::FunctionName;

/// Something that can be looked at on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// All of `registry_in`.
    Everything,
    /// One name in `registry_in`, with all that an owner has below it.
    Top(OsString),
    /// One function of an owner.
    Owned(FunctionName),
}

impl Place {
    /// Where one function is to be seen.
    pub(super) fn of(name: &FunctionName) -> Self {
        match name.owner() {
            Some(_) => Self::Owned(name.clone()),
            None => Self::Top(name.as_str().into()),
        }
    }

    /// The name in `registry_in` under which one function is to be seen.
    pub(super) fn of_top(name: &FunctionName) -> OsString {
        name.owner().unwrap_or(name.as_str()).into()
    }
}

/// A place is not looked at more often than this, however many events come.
const BREATH: Duration = Duration::from_millis(50);
/// Looking takes at most one part in this many of the time.
const SHARE: u32 = 4;

/// The looks that are due, each place at most once.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: BTreeMap<Place, Instant>,
    /// Places that were looked at so lately that they have to wait.
    resting: BTreeMap<Place, Instant>,
}

impl Schedule {
    /// Asks for a look, at the earliest of all the times asked for.
    pub(super) fn look(&mut self, place: Place, at: Instant) {
        let at = self.resting.get(&place).map_or(at, |rested| at.max(*rested));
        let due = self.due.entry(place).or_insert(at);
        *due = at.min(*due);
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    /// Takes what is due. A look at everything includes every other.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Place> {
        if self.due.get(&Place::Everything).is_some_and(|at| *at <= now) {
            self.due.retain(|_, at| *at > now);
            return vec![Place::Everything];
        }
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<_> = due.map(|(place, _)| place.clone()).collect();
        for place in &due {
            self.due.remove(place);
        }
        due
    }

    /// Remembers that a place was looked at, and how long that took.
    pub(super) fn looked(&mut self, place: Place, started: Instant, now: Instant) {
        let rest = BREATH.max((now - started) * (SHARE - 1));
        self.resting.retain(|_, rested| *rested > now);
        self.resting.insert(place, now + rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(name: &str) -> Place {
        Place::Top(name.into())
    }

    #[test]
    fn the_earliest_time_asked_for_wins() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        schedule.look(top("a"), start + Duration::from_secs(2));
        schedule.look(top("a"), start + Duration::from_secs(1));
        schedule.look(top("a"), start + Duration::from_secs(3));
        assert_eq!(schedule.next(), Some(start + Duration::from_secs(1)));
        assert!(schedule.take_due(start).is_empty());
        assert_eq!(schedule.take_due(start + Duration::from_secs(1)), [top("a")]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_look_at_everything_includes_what_is_due_and_leaves_what_is_not() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        schedule.look(top("now"), start);
        schedule.look(top("later"), start + Duration::from_secs(9));
        schedule.look(Place::Everything, start);
        assert_eq!(schedule.take_due(start), [Place::Everything]);
        assert_eq!(schedule.next(), Some(start + Duration::from_secs(9)));
    }

    #[test]
    fn a_flood_of_events_gives_one_look_per_breath_and_a_slow_look_rests_longer() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        schedule.looked(top("a"), start, start);
        schedule.look(top("a"), start);
        assert_eq!(schedule.next(), Some(start + BREATH));
        let slow = start + Duration::from_secs(1);
        schedule.looked(top("b"), start, slow);
        schedule.look(top("b"), slow);
        assert_eq!(schedule.due[&top("b")], slow + Duration::from_secs(3));
    }
}
