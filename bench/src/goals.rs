//! What each row is meant to reach.

use crate::report::Unit;

/// A row may have several.
pub(crate) enum Goal {
    /// In the row's unit.
    AtMost(f64),
    /// In the row's unit, above the reference.
    Above(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

use Goal::{Above, AtMost, RatioAtLeast, RatioAtMost};

/// By the row's name and what it is compared with, as the table shows them.
pub(crate) const GOALS: &[(&str, &str, &[Goal])] = &[
    ("cold, from a spare, p50", "php-fpm ondemand", &[RatioAtMost(1.0)]),
    ("cold, from a spare, p50", "deno run", &[RatioAtMost(1.0 / 8.0), AtMost(2.5)]),
    ("cold, from a spare, p50", "Passenger", &[RatioAtMost(1.0 / 50.0)]),
    ("cold, from a spare, p99", "its p50", &[RatioAtMost(4.0)]),
    ("cold, no spare, p50", "deno run", &[RatioAtMost(1.25)]),
    ("cold, no spare, p50", "sandbox off", &[Above(4.0)]),
    ("cold, from a spare, 1 MB, p50", "deno run", &[RatioAtMost(1.0 / 3.0)]),
    ("50 first requests to 50 functions", "50 × deno run", &[RatioAtMost(0.7)]),
    ("tiny GET, 1 connection, p50", "nginx → Deno", &[RatioAtMost(1.0)]),
    ("tiny GET, 32 connections", "nginx → Deno", &[RatioAtLeast(1.0)]),
    ("tiny GET, 32 connections", "Passenger", &[RatioAtLeast(4.0)]),
    ("tiny GET, 32 connections", "bare proxy", &[RatioAtLeast(0.9)]),
    ("1 MB response, 32 connections", "nginx → Deno", &[RatioAtLeast(0.9)]),
    ("10 MB upload, 32 connections", "nginx → Deno", &[RatioAtLeast(0.9)]),
    ("followed log of a function that prints", "nobody follows", FREE),
    ("followed log of one that prints nothing", "nobody follows", FREE),
    ("memory of an idle warm instance", "deno run", &[RatioAtMost(1.3)]),
    ("10,000 functions, resident memory", "", &[AtMost(60.0)]),
    ("10,000 functions, idle processor time", "", &[AtMost(0.1)]),
    ("10,000 functions, Deno processes but spares", "", &[AtMost(0.0)]),
    ("10,000 functions, start → ready", "", &[AtMost(1000.0)]),
    ("neighbour's p99 beside a spin", "quiet", NEIGHBOUR),
    ("neighbour's p99 beside a memory bomb", "quiet", NEIGHBOUR),
    ("neighbour's p99 beside a worker bomb", "quiet", NEIGHBOUR),
    ("neighbour's p99 beside a log flood", "quiet", NEIGHBOUR),
    ("neighbour's p99 beside an endless response", "quiet", NEIGHBOUR),
    ("folder dropped → answers", "", &[AtMost(600.0)]),
    ("300 new folders bundled", "", &[AtMost(3000.0)]),
    ("restart, nothing changed", "", &[AtMost(0.0)]),
    ("soak, memory of doze", "at the start", &[Above(3.0)]),
    ("soak, descriptors", "at the start", FLAT),
    ("soak, sockets", "at the start", FLAT),
    ("soak, processes", "at the start", FLAT),
    ("soak, zombies", "at the start", FLAT),
    ("soak, temporary files", "at the start", FLAT),
    ("soak, control groups", "at the start", FLAT),
];

const FREE: &[Goal] = &[RatioAtLeast(0.95)];
const FLAT: &[Goal] = &[Above(0.0)];
const NEIGHBOUR: &[Goal] = &[RatioAtMost(2.0)];

/// What a row is meant to reach; nothing where nobody said.
pub(crate) fn of(row: &str, reference: &str) -> &'static [Goal] {
    let goal = GOALS.iter().find(|(name, beside, _)| *name == row && *beside == reference);
    goal.map_or(&[], |(_, _, goals)| goals)
}

impl Goal {
    pub(crate) fn text(&self, unit: Unit) -> String {
        match self {
            Self::AtMost(value) => format!("≤ {}", unit.show(*value)),
            Self::Above(value) => format!("≤ reference + {}", unit.show(*value)),
            Self::RatioAtMost(ratio) => format!("ratio ≤ {}", show_ratio(*ratio)),
            Self::RatioAtLeast(ratio) => format!("ratio ≥ {}", show_ratio(*ratio)),
        }
    }

    /// All three are medians of the rounds.
    pub(crate) fn met(&self, ours: f64, reference: f64, ratio: f64) -> bool {
        match self {
            Self::AtMost(value) => ours <= *value,
            Self::Above(value) => ours <= reference + value,
            Self::RatioAtMost(most) => ratio <= *most,
            Self::RatioAtLeast(least) => ratio >= *least,
        }
    }
}

/// Two digits that count.
pub(crate) fn show_ratio(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}
