//! Figures, goals and the table.

use std::fmt::Write as _;

/// The rows, in the order in which they were first measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    left_out: Vec<String>,
}

struct Row {
    name: &'static str,
    unit: Unit,
    goals: &'static [Goal],
    reference_name: &'static str,
    /// One figure per round.
    ours: Vec<f64>,
    /// One figure per round; empty where there is nothing to compare with.
    reference: Vec<f64>,
}

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    RequestsPerSecond,
    Megabytes,
    Bundles,
}

/// What a row is meant to reach. A row may have several.
pub(crate) enum Goal {
    /// In the row's unit.
    AtMost(f64),
    /// In the row's unit, above the reference.
    Above(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

/// What one measurement is called and meant to reach.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) goals: &'static [Goal],
    /// What it is compared with; empty where there is nothing.
    pub(crate) reference: &'static str,
}

impl Report {
    /// Adds one round's figure and, where there is one, the reference's.
    pub(crate) fn add(&mut self, measurement: &Measurement, ours: f64, reference: Option<f64>) {
        let Measurement { name, unit, goals, reference: reference_name } = *measurement;
        let index = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            let (ours, reference) = (Vec::new(), Vec::new());
            self.rows.push(Row { name, unit, goals, reference_name, ours, reference });
            self.rows.len() - 1
        });
        self.rows[index].ours.push(ours);
        self.rows[index].reference.extend(reference);
    }

    /// Says what could not be measured, and why.
    pub(crate) fn leave_out(&mut self, what: &str, why: &str) {
        let line = format!("Left out: {what}, because {why}.");
        if !self.left_out.contains(&line) {
            self.left_out.push(line);
        }
    }

    /// The table as Markdown, with its columns aligned.
    pub(crate) fn table(&self) -> String {
        let heads = ["measurement", "doze", "reference", "ratio", "goal", "met"];
        let mut lines = vec![heads.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut table = String::new();
        for (index, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                _ = write!(table, "| {cell:<width$} ");
            }
            table.push_str("|\n");
            if index == 0 {
                for width in widths {
                    _ = write!(table, "|{}", "-".repeat(width + 2));
                }
                table.push_str("|\n");
            }
        }
        table.push_str("\nMedian of the rounds, with the lowest and the highest in brackets.\n");
        for line in &self.left_out {
            table.push_str(line);
            table.push('\n');
        }
        table
    }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.reference).map(|(a, b)| a / b).collect();
        let spread = |values: &[f64], show: &dyn Fn(f64) -> String| match values {
            [] => String::new(),
            [only] => show(*only),
            many => {
                let least = many.iter().copied().fold(f64::INFINITY, f64::min);
                let most = many.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("{} ({} to {})", show(median(many)), show(least), show(most))
            }
        };
        let show = |value| self.unit.show(value);
        let reference = match spread(&self.reference, &show) {
            figure if figure.is_empty() => "–".to_owned(),
            figure => format!("{}: {figure}", self.reference_name),
        };
        let ratio = match spread(&ratios, &|ratio| format!("{ratio:.2}")) {
            figure if figure.is_empty() => "–".to_owned(),
            figure => figure,
        };
        let goals: Vec<_> = self.goals.iter().map(|goal| goal.text(self.unit)).collect();
        let met = if self.goals.iter().all(|goal| goal.met(self, &ratios)) { "yes" } else { "no" };
        [
            self.name.to_owned(),
            format!("{} {}", spread(&self.ours, &show), self.unit.name()),
            reference,
            ratio,
            goals.join(", "),
            met.to_owned(),
        ]
    }
}

impl Goal {
    fn text(&self, unit: Unit) -> String {
        match self {
            Self::AtMost(value) => format!("≤ {} {}", unit.show(*value), unit.name()),
            Self::Above(value) => format!("≤ reference + {} {}", unit.show(*value), unit.name()),
            Self::RatioAtMost(ratio) => format!("ratio ≤ {ratio:.2}"),
            Self::RatioAtLeast(ratio) => format!("ratio ≥ {ratio:.2}"),
        }
    }

    fn met(&self, row: &Row, ratios: &[f64]) -> bool {
        match self {
            Self::AtMost(value) => median(&row.ours) <= *value,
            Self::Above(value) => median(&row.ours) <= median(&row.reference) + value,
            Self::RatioAtMost(ratio) => median(ratios) <= *ratio,
            Self::RatioAtLeast(ratio) => median(ratios) >= *ratio,
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::RequestsPerSecond => "req/s",
            Self::Megabytes => "MB",
            Self::Bundles => "bundles",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds if value < 100.0 => format!("{value:.2}"),
            Self::Megabytes => format!("{value:.1}"),
            _ => format!("{value:.0}"),
        }
    }
}

/// The middle of some figures; not a number where there are none, which meets
/// no goal.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
