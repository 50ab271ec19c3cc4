//! What the server says of itself, on standard error.

use tracing_subscriber::EnvFilter;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object per line.
    Json,
}

/// Whether a text is a filter that [`start`] understands.
pub fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// Begins to write records. Called once, before anything is logged.
pub fn start(filter: &str, format: LogFormat) {
    // notify speaks of every folder that vanishes; that is its daily work here.
    let filter = EnvFilter::try_new(format!("notify=error,{filter}"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colour).with_target(true).init();
        }
        LogFormat::Json => builder.json().with_target(true).init(),
    }
}
