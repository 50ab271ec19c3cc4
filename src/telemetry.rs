//! What the server says of itself: records on standard error, and [`traces`].

pub mod traces;

use opentelemetry_otlp::ExporterBuildError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use traces::Exporter;

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

/// Begins to write records, and to export spans where there is a collector.
/// Called once, before anything is logged and outside any runtime. What it
/// gives is to be kept until the end.
pub fn start(
    filter: &str,
    format: LogFormat,
    collector: Option<&str>,
) -> Result<Option<Exporter>, ExporterBuildError> {
    // notify speaks of every folder that vanishes; that is its daily work here.
    let filter = EnvFilter::try_new(format!("notify=error,{filter}"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let records = fmt::layer().with_writer(std::io::stderr);
    let records = match format {
        LogFormat::Text => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
            records.with_ansi(colour).with_filter(filter).boxed()
        }
        LogFormat::Json => records.json().with_filter(filter).boxed(),
    };
    let exporter = collector.map(Exporter::new).transpose()?;
    registry().with(records).with(exporter.as_ref().map(Exporter::layer)).init();
    Ok(exporter)
}
