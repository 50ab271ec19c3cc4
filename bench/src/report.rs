//! Figures, the table, and what a plot is made of.

use std::fmt::Write as _;

use crate::goals::{self, show_ratio};

/// The rows, in the order in which they were first measured.
#[derive(Default)]
pub(crate) struct Report {
    group: &'static str,
    rows: Vec<Row>,
    curves: Vec<Curve>,
    left_out: Vec<String>,
}

pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    unit: Unit,
    /// What it is compared with; empty where there is nothing.
    pub(crate) reference_name: &'static str,
    /// One figure per round.
    ours: Vec<f64>,
    /// One figure per round; empty where there is nothing to compare with.
    reference: Vec<f64>,
}

/// How a figure grows with work.
pub(crate) struct Curve {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) x: &'static str,
    pub(crate) unit: Unit,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    PerSecond,
    Megabytes,
    Percent,
    Count,
}

/// What something is compared with, and its figure if it is installed.
pub(crate) type Beside = (&'static str, Option<f64>);

impl Report {
    /// What is added from now on belongs to this group.
    pub(crate) fn begin(&mut self, group: &'static str) {
        self.group = group;
    }

    /// Adds one round's figure: a row for each reference that there is, else one.
    pub(crate) fn add(&mut self, name: &str, unit: Unit, ours: f64, beside: &[Beside]) {
        let mut alone = true;
        for (reference, theirs) in beside {
            if let Some(theirs) = theirs {
                let row = self.row(name, unit, reference);
                row.ours.push(ours);
                row.reference.push(*theirs);
                alone = false;
            }
        }
        if alone {
            self.row(name, unit, "").ours.push(ours);
        }
    }

    fn row(&mut self, name: &str, unit: Unit, reference_name: &'static str) -> &mut Row {
        let same = |row: &Row| row.name == name && row.reference_name == reference_name;
        let index = self.rows.iter().position(same).unwrap_or_else(|| {
            let (ours, reference) = (Vec::new(), Vec::new());
            let (group, name) = (self.group, name.to_owned());
            self.rows.push(Row { group, name, unit, reference_name, ours, reference });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }

    /// Adds one point of a curve, replacing what an earlier round had there.
    pub(crate) fn point(
        &mut self,
        name: &'static str,
        x_name: &'static str,
        x: f64,
        unit: Unit,
        y: f64,
    ) {
        let index = self.curves.iter().position(|curve| curve.name == name).unwrap_or_else(|| {
            let points = Vec::new();
            self.curves.push(Curve { group: self.group, name, x: x_name, unit, points });
            self.curves.len() - 1
        });
        let points = &mut self.curves[index].points;
        points.retain(|(there, _)| *there != x);
        points.push((x, y));
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }

    /// Says what could not be measured, and why.
    pub(crate) fn leave_out(&mut self, what: &str, why: &str) {
        let line = format!("Left out: {what}, because {why}.");
        if !self.left_out.contains(&line) {
            self.left_out.push(line);
        }
    }

    /// The rows of a group, or all.
    pub(crate) fn rows(&self, group: Option<&str>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| group.is_none_or(|group| row.group == group))
    }

    pub(crate) fn curves(&self, group: &str) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(move |curve| curve.group == group)
    }

    /// What was left out, a line each.
    pub(crate) fn omissions(&self) -> String {
        self.left_out.iter().map(|line| format!("{line}\n")).collect()
    }

    /// A group's table as Markdown with its columns aligned, or that of all.
    pub(crate) fn table(&self, group: Option<&str>) -> String {
        let heads = ["measurement", "doze", "reference", "ratio", "goal", "met"];
        let mut lines = vec![heads.map(str::to_owned)];
        lines.extend(self.rows(group).map(Row::cells));
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
        table
    }
}

impl Row {
    /// Ours by the reference's, of each round.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let pairs = self.ours.iter().zip(&self.reference);
        pairs.filter(|(_, reference)| **reference > 0.0).map(|(a, b)| a / b).collect()
    }

    /// The goal for the ratio, and whether more is better.
    pub(crate) fn ratio_goal(&self) -> Option<(f64, bool)> {
        goals::of(&self.name, self.reference_name).iter().find_map(|goal| match goal {
            goals::Goal::RatioAtMost(ratio) => Some((*ratio, false)),
            goals::Goal::RatioAtLeast(ratio) => Some((*ratio, true)),
            _ => None,
        })
    }

    fn cells(&self) -> [String; 6] {
        let ratios = self.ratios();
        let show = |value| self.unit.number(value);
        let reference = match spread(&self.reference, show) {
            figure if figure.is_empty() => "–".to_owned(),
            figure => format!("{}: {figure}", self.reference_name),
        };
        let ratio = match spread(&ratios, show_ratio) {
            figure if figure.is_empty() => "–".to_owned(),
            figure => figure,
        };
        let goals = goals::of(&self.name, self.reference_name);
        let (ours, theirs, middle) = (median(&self.ours), median(&self.reference), median(&ratios));
        let met = match goals {
            [] => "",
            goals if goals.iter().all(|goal| goal.met(ours, theirs, middle)) => "ok",
            _ => "missed",
        };
        [
            self.name.clone(),
            format!("{} {}", spread(&self.ours, show), self.unit.name()).trim_end().to_owned(),
            reference,
            ratio,
            goals.iter().map(|goal| goal.text(self.unit)).collect::<Vec<_>>().join(", "),
            met.to_owned(),
        ]
    }
}

/// The median, with the lowest and the highest in brackets.
fn spread(values: &[f64], show: impl Fn(f64) -> String) -> String {
    let [least, .., most] = sorted(values)[..] else {
        return values.first().map_or(String::new(), |only| show(*only));
    };
    format!("{} ({} to {})", show(median(values)), show(least), show(most))
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::PerSecond => "/s",
            Self::Megabytes => "MB",
            Self::Percent => "%",
            Self::Count => "",
        }
    }

    pub(crate) fn show(self, value: f64) -> String {
        format!("{} {}", self.number(value), self.name()).trim_end().to_owned()
    }

    fn number(self, value: f64) -> String {
        match self {
            Self::Milliseconds | Self::PerSecond if value < 100.0 => format!("{value:.2}"),
            Self::Megabytes => format!("{value:.1}"),
            Self::Percent => format!("{value:.3}"),
            _ => format!("{value:.0}"),
        }
    }
}

/// The middle of some figures; not a number where there are none, which meets
/// no goal.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The figure that 99 of 100 do not exceed.
pub(crate) fn p99(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    sorted.get((sorted.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
