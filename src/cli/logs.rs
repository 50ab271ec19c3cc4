//! `doze logs`: what a function wrote, and what happened to it.

use std::fmt::Write;
use std::io::BufRead;

use anstyle::Style;
use clap::{Args, ValueEnum};
use http::Method;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, BAD, FAINT, ReadArgs, WARNING, paint};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The function's name
    name: FunctionName,
    /// Go on with what comes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// So many of the newest records [default: 100, with --since all]
    #[arg(long, short = 'n', value_name = "COUNT")]
    tail: Option<usize>,
    /// None older than this: `10m`, `2h`, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// None less grave than this
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Those of one instance, by its id
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Debug => FAINT,
            Self::Info => Style::new(),
            Self::Warn => WARNING,
            Self::Error => BAD,
        }
    }
}

/// What kind of thing a record is, as far as it matters here.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Start,
    Stop,
    StartFailed,
    #[serde(other)]
    Other,
}

/// A record, as far as a person is shown it.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    time: Timestamp,
    level: Level,
    pub(super) event: Kind,
    message: String,
    #[serde(default)]
    pub(super) instance: Option<String>,
    #[serde(default)]
    stack: Option<String>,
}

pub(super) fn run(args: &LogsArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let call = Call::of(&args.name, Method::GET, "/logs")
        .query_if("tail", args.tail.map(|count| count.to_string()).as_deref())
        .query_if("follow", args.follow.then_some("true"))
        .query_if("since", args.since.map(|time| time.to_string()).as_deref())
        .query_if("level", args.level.map(Level::as_str))
        .query_if("instance", args.instance.as_deref());
    let broke = |error| Failure::because("the log broke off", &error);
    for text in client.stream(call)?.lines() {
        let text = text.map_err(broke)?;
        let Some(text) = record(&text) else { continue };
        if args.read.json {
            output::line(text)?;
        } else if let Ok(record) = serde_json::from_str::<Record>(text) {
            output::line(record.told_at(&TimeZone::system()))?;
        }
    }
    if args.follow {
        return Err(Failure::new("the server has ended the log"));
    }
    Ok(())
}

/// The record in a line of the answer: a line of JSON, or the data of an event.
fn record(line: &str) -> Option<&str> {
    let text = line.strip_prefix("data:").unwrap_or(line).trim();
    text.starts_with('{').then_some(text)
}

/// The records in the lines of an answer.
pub(super) fn events(lines: impl Iterator<Item = String>) -> impl Iterator<Item = Record> {
    lines.filter_map(|line| serde_json::from_str(record(&line)?).ok())
}

impl Record {
    /// `Nov 21 12:03:04.123 warn  i12 the message`, and a stack below it.
    fn told_at(&self, zone: &TimeZone) -> String {
        let time = self.time.to_zoned(zone.clone()).strftime("%b %d %H:%M:%S%.3f");
        let level = format!("{:<5}", self.level.as_str());
        let mut text = format!("{} {}", paint(FAINT, time), paint(self.level.style(), level));
        if let Some(instance) = &self.instance {
            let _ = write!(text, " {}", paint(FAINT, output::plain(instance)));
        }
        let (message, stack) = self.words();
        format!("{text} {message}{stack}")
    }

    /// The message in the colour of its level, and a stack below it.
    pub(super) fn told(&self) -> String {
        let (message, stack) = self.words();
        format!("{}{stack}", paint(self.level.style(), message))
    }

    /// The message, and the lines of the stack.
    fn words(&self) -> (String, String) {
        let message = output::plain(&self.message);
        let stack = self.stack.as_deref().map(output::plain).unwrap_or_default();
        // A stack most often begins with the error's class and the message.
        let told = stack.find(&message).filter(|at| !stack[..*at].contains('\n'));
        let (message, stack) = match told {
            Some(at) => stack.split_at(at + message.len()),
            None => (&*message, &*stack),
        };
        let mut lines = String::new();
        for line in stack.lines().filter(|line| !line.trim().is_empty()) {
            let _ = write!(lines, "\n{}", paint(FAINT, format_args!("    {}", line.trim())));
        }
        (message.trim_end().to_owned(), lines)
    }
}

/// A time, or how long ago it was.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let ago = text.parse::<SignedDuration>();
    let time = ago.ok().and_then(|ago| Timestamp::now().checked_sub(ago.abs()).ok());
    time.ok_or_else(|| "expected such as `10m`, `2h` or 2026-01-31T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_its_stack_below() {
        let record = r#"{"time": "2026-01-02T03:04:05.678Z", "level": "error", "event": "error",
            "message": "no", "function": "hello", "revision": "0123456789abcdef",
            "instance": "i12", "stack": "Error: no\n    at index.ts:3:9"}"#;
        let record: Record = serde_json::from_str(record).unwrap();
        let text = record.told_at(&TimeZone::UTC);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "Jan 02 03:04:05.678 error i12 Error: no\n    at index.ts:3:9");
    }

    #[test]
    fn a_time_is_given_as_such_or_as_how_long_ago_it_was() {
        let time = since("2026-01-31T12:00:00Z").unwrap();
        assert_eq!(time.to_string(), "2026-01-31T12:00:00Z");
        let then = since("2h 30m").unwrap();
        let ago = Timestamp::now().duration_since(then);
        assert_eq!(ago.as_secs() / 60, 150);
        for text in ["", "yesterday", "10"] {
            assert!(since(text).is_err(), "{text:?} was accepted");
        }
    }
}
