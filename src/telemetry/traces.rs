//! Spans of requests, for an OpenTelemetry collector.
//!
//! A request has a span, and each of its phases one below it: `route`,
//! `lease` (waiting for an instance, and for its process where one boots),
//! `forward` (until the response's head), and within that `start` (until the
//! function's code has run). Without a collector none of them is ever made.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

/// The target of every span that is exported.
pub const TARGET: &str = "doze::trace";
/// Names the trace that a request belongs to, and the span that sent it.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What others have added to that.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Where a collector takes spans, below its address.
const PATH: &str = "/v1/traces";

/// Whether spans are exported.
static ON: AtomicBool = AtomicBool::new(false);

/// Sends spans to a collector. What was not sent yet is sent when it is dropped.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Sends to the collector at `endpoint`, such as `http://127.0.0.1:4318`.
    pub fn new(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let address = format!("{}{PATH}", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(address).build()?;
        let resource = Resource::builder()
            .with_service_name("doze")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource);
        Ok(Self(provider.build()))
    }

    /// What makes the spans. Only those of [`TARGET`], whatever is logged.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        ON.store(true, Ordering::Relaxed);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("doze"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Runs what `make` makes within a span. Most are off, and then it is run as it
/// is: to wrap a future means to move it, and a request's is thousands of bytes.
pub async fn within<F: Future>(span: &Span, make: impl FnOnce() -> F) -> F::Output {
    if span.is_disabled() { make().await } else { Box::pin(make()).instrument(span.clone()).await }
}

/// Makes a span part of the trace that a request's head names, if it names one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    if !is_on() {
        return;
    }
    if let Some(caller) = headers.get(TRACEPARENT).and_then(|value| caller(value, headers)) {
        let context = opentelemetry::Context::new().with_remote_span_context(caller);
        // It fails where somebody else has begun to use the span.
        let _ = span.set_parent(context);
    }
}

/// Tells the span of a request what is asked.
pub fn describe(method: &http::Method, path: &str) {
    if is_on() {
        let span = Span::current();
        span.set_attribute("http.request.method", method.as_str().to_owned());
        span.set_attribute("url.path", path.to_owned());
    }
}

/// Tells the span of a request which function it is for.
pub fn name_function(name: &str) {
    if is_on() {
        Span::current().set_attribute("faas.name", name.to_owned());
    }
}

/// Tells the span of a request how it ended, and by what it was served.
pub fn finish<'r>(
    span: &Span,
    status: StatusCode,
    start: impl FnOnce() -> Option<&'r HeaderValue>,
) {
    if !is_on() {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if let Some(start) = start().and_then(|start| start.to_str().ok()) {
        span.set_attribute("faas.coldstart", start != "warm");
        span.set_attribute("doze.start", start.to_owned());
    }
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// The present span for whoever is called next, as `traceparent` has it; `None`
/// where nothing is exported.
pub fn current() -> Option<String> {
    if !is_on() {
        return None;
    }
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
    })
}

/// A context for a trace that nobody has begun, of which nothing is exported.
pub fn new_context() -> [u8; 55] {
    let mut text = *b"00-................................-................-00";
    let (trace, span) = rand::random::<(u128, u64)>();
    // They fit: each byte is two digits.
    let _ = const_hex::encode_to_slice(trace.to_be_bytes(), &mut text[3..35]);
    let _ = const_hex::encode_to_slice(span.to_be_bytes(), &mut text[36..52]);
    text
}

/// Whether this is a W3C trace context of a version that can be passed on.
pub fn is_traceparent(value: &HeaderValue) -> bool {
    parts(value).is_some()
}

/// Trace, span and flags.
fn parts(value: &HeaderValue) -> Option<(&str, &str, &str)> {
    let text = value.to_str().ok()?;
    let parts: Vec<_> = text.split('-').collect();
    let hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|b| b != b'0');
    match parts[..] {
        [version, trace, span, flags]
            if hex(version, 2)
                && version != "ff"
                && (hex(trace, 32) && some(trace))
                && (hex(span, 16) && some(span))
                && hex(flags, 2) =>
        {
            Some((trace, span, flags))
        }
        _ => None,
    }
}

fn caller(value: &HeaderValue, headers: &HeaderMap) -> Option<SpanContext> {
    let (trace, span, flags) = parts(value)?;
    let state = headers.get(TRACESTATE).and_then(|state| state.to_str().ok());
    let state = state.and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    Some(SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        state,
    ))
}
