//! What a person or a script reads: data on standard output, talk on standard
//! error, colour only where somebody sees it.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::Args;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const ACCENT: Style = AnsiColor::Cyan.on_default();

/// How a verb that reads prints what it has read.
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// Print JSON, as the API answers it
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// A text in a style. The style is taken out again where nobody sees it.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Text of somebody else, without what would steer a terminal.
pub(super) fn plain(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Data: one line on standard output.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    Ok(writeln!(anstream::stdout(), "{text}")?)
}

/// Data as bytes, to the last.
pub(super) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// Data for a script.
pub(super) fn json(value: &Value) -> Result<(), Failure> {
    line(format_args!("{value:#}"))
}

/// Talk: a line on standard error. Nobody is told that nobody listens.
pub(super) fn say(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Whether a person can be asked something.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Shows that something slow goes on, where somebody watches. Gone when dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(text: impl Into<String>) -> Self {
        // Draws on standard error, and nothing where that is no terminal.
        let bar = ProgressBar::new_spinner().with_message(text.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    pub(super) fn now(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A table without lines around it, as `ps` prints one.
pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        // Colours are taken out again by the stream that it is printed to.
        .enforce_styling()
        .set_header(headers.iter().map(|text| Cell::new(text).fg(Color::DarkGrey)));
    table
}

/// A table's lines without the blanks that fill them up.
pub(super) fn print_table(table: &Table) -> Result<(), Failure> {
    table.lines().try_for_each(|row| line(row.trim()))
}

/// The colour of a function's state.
pub(super) fn state_style(state: &str) -> Style {
    match state {
        "live" => GOOD,
        "stale" => WARNING,
        _ => BAD,
    }
}

/// `512 KiB`, `13 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let mut unit = 0;
    let mut rest = count;
    while rest >= 10 << 10 && unit < 3 {
        rest >>= 10;
        unit += 1;
    }
    format!("{rest} {}", ["B", "KiB", "MiB", "GiB"][unit])
}

/// `1.2 ms`, `3.4 s`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// `3m ago`: what a person wants to know of a time.
pub(super) fn ago(then: Timestamp) -> String {
    ago_at(then, Timestamp::now())
}

fn ago_at(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..1 => "now".to_owned(),
        1..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_units_that_a_person_reads() {
        for (count, text) in
            [(0, "0 B"), (10_000, "10000 B"), (10_240, "10 KiB"), (14 << 20, "14 MiB")]
        {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(seconds(0.001_23), "1.2 ms");
        assert_eq!(seconds(2.0), "2.0 s");
    }

    #[test]
    fn a_time_is_told_by_how_long_ago_it_was() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        for (then, text) in [
            ("2026-01-02T12:00:00Z", "now"),
            ("2026-01-02T12:00:09Z", "now"),
            ("2026-01-02T11:59:01Z", "59s ago"),
            ("2026-01-02T11:00:01Z", "59m ago"),
            ("2026-01-01T12:00:01Z", "23h ago"),
            ("2025-12-31T12:00:00Z", "2d ago"),
        ] {
            assert_eq!(ago_at(then.parse().unwrap(), now), text);
        }
    }

    #[test]
    fn somebody_else_s_text_keeps_its_lines_and_loses_what_steers_a_terminal() {
        assert_eq!(plain("a\n\tb \u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}"), "a\n\tb red");
        assert_eq!(plain("a\rb\u{8}"), "a\u{fffd}b\u{fffd}");
    }
}
