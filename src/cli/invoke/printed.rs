//! What a source prints while it runs, on standard error.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use http::Method;

use super::super::client::{Call, Client};
use super::super::logs::{Kind, Record, events};
use super::super::output;

/// How long the end of its log is waited for once the answer is there. It may
/// have gone on with work of its own.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A log that is being printed.
#[derive(Debug)]
pub(super) struct Printed(Receiver<()>);

impl Printed {
    /// Prints the log of a run from its beginning, beside whatever else is done.
    pub(super) fn follow(client: Client, id: &str) -> Option<Self> {
        let name = format!("invocation/{id}").parse().ok()?;
        let call =
            Call::of(&name, Method::GET, "/logs").query("follow", "true").query("tail", "1000000");
        let (ended, end) = channel();
        thread::spawn(move || {
            // Where it cannot be read, the answer is there all the same.
            let lines = client.stream(call).map(BufRead::lines).into_iter().flatten();
            for record in events(lines.map_while(Result::ok)) {
                if record.is_told() {
                    output::say(record.told());
                }
                if record.is_last() {
                    break;
                }
            }
            drop(ended);
        });
        Some(Self(end))
    }

    /// Waits until everything is printed.
    pub(super) fn finish(self) {
        // It is closed then.
        let _ = self.0.recv_timeout(LAST_WORDS);
    }
}

impl Record {
    /// Whether it tells more than that there is a process.
    fn is_told(&self) -> bool {
        !matches!(self.event, Kind::Start | Kind::Stop)
    }

    /// Nothing comes after the end of its process, or of one that never was.
    fn is_last(&self) -> bool {
        match self.event {
            Kind::Stop => true,
            Kind::StartFailed => self.instance.is_none(),
            _ => false,
        }
    }
}
