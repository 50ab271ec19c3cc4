//! A server's log, read line by line while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Everything that a server has written to its standard error so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    records: Arc<Mutex<Vec<Record>>>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The line as it was written.
    pub(crate) line: String,
    /// The same as JSON; null for a line that is none, such as a panic's.
    json: Value,
}

impl Log {
    /// Reads on a thread of its own until the server has closed its end.
    pub(crate) fn follow(source: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let records = Arc::clone(&log.records);
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let json = serde_json::from_str(&line).unwrap_or(Value::Null);
                records.lock().expect("no reader panics").push(Record { line, json });
            }
        });
        log
    }

    /// The records so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.lock().expect("no reader panics").clone()
    }

    /// The first record that fits.
    pub(crate) fn find(&self, fits: impl Fn(&Record) -> bool) -> Option<Record> {
        self.records.lock().expect("no reader panics").iter().find(|r| fits(r)).cloned()
    }

    /// The last lines, for whoever has to find out why a test failed.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let records = self.records();
        let skipped = records.len().saturating_sub(lines);
        let lines: Vec<_> = records[skipped..].iter().map(|record| &*record.line).collect();
        lines.join("\n")
    }
}

impl Record {
    /// A field of the event.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.json["fields"][name].as_str()
    }

    /// A field of the event that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.json["fields"][name].as_u64()
    }

    /// Whether it is a WARN: something unexpected that the server copes with.
    pub(crate) fn warns(&self) -> bool {
        self.json["level"] == "WARN"
    }

    /// What happened.
    pub(crate) fn message(&self) -> &str {
        self.field("message").unwrap_or("")
    }

    /// Whether somebody should look at it: an ERROR, or a line that is no
    /// record at all, since the server writes nothing else on purpose but the
    /// way to its dashboard.
    pub(crate) fn is_alarming(&self) -> bool {
        let welcome = self.line.is_empty() || self.line.starts_with("  Dashboard: ");
        !welcome && self.json["level"].as_str().is_none_or(|level| level == "ERROR")
    }

    /// Whether it is about that function, by its field or by a span's.
    pub(crate) fn names(&self, function: &str) -> bool {
        let spans = self.json["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let mut places = spans.iter().chain([&self.json["fields"], &self.json["span"]]);
        places.any(|fields| fields["function"] == function)
    }

    /// Whether one of its fields holds that text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let Some(fields) = self.json["fields"].as_object() else {
            return self.line.contains(text);
        };
        fields.values().any(|value| value.as_str().is_some_and(|value| value.contains(text)))
    }
}
