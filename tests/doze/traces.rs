//! Traces: a span for each phase of a request, in the caller's own trace.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::functions::HEADERS;
use crate::harness::{Collector, Response, TestBed, attribute};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The trace, the span and the flags that a function was given.
fn given(response: Response) -> (String, String, String) {
    let headers = response.ok().json();
    let text = headers["traceparent"].as_str().expect("a traceparent").to_owned();
    let mut parts = text.split('-').skip(1).map(ToOwned::to_owned);
    let mut next = || parts.next().expect("four parts");
    (next(), next(), next())
}

/// The spans of one trace, by name.
fn spans_of(spans: &[Span], trace: &str) -> BTreeMap<String, Span> {
    let of_trace = spans.iter().filter(|span| hex(&span.trace_id) == trace);
    of_trace.map(|span| (span.name.clone(), span.clone())).collect()
}

#[tokio::test]
async fn a_request_has_a_span_for_each_phase_and_the_function_goes_on_with_the_trace() {
    let collector = Collector::start();
    let mut bed = TestBed::new().flag("--otlp-endpoint", collector.endpoint()).up().await;
    // Its code still runs when the request is on its way.
    let starts = "await new Promise((go) => setTimeout(go, 100));";
    bed.function("seen").source(format!("{HEADERS}\n{starts}")).drop_in().await;
    let first = given(bed.get("/seen/a?b").await);
    let second = given(bed.get("/seen").await);
    // What is not sent yet is sent at the end.
    bed.stop();

    let spans = collector.spans();
    let cold = spans_of(&spans, &first.0);
    let names: Vec<_> = cold.keys().map(String::as_str).collect();
    assert_eq!(names, ["forward", "lease", "request", "route", "start"]);
    let request = &cold["request"];
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(request.parent_span_id, b"");
    assert_eq!(attribute(request, "http.request.method").unwrap(), "GET");
    assert_eq!(attribute(request, "url.path").unwrap(), "/seen/a");
    assert_eq!(attribute(request, "faas.name").unwrap(), "seen");
    assert_eq!(attribute(request, "faas.coldstart").unwrap(), "true");
    assert_eq!(attribute(request, "http.response.status_code").unwrap(), "200");
    for phase in ["route", "lease", "forward"] {
        assert_eq!(cold[phase].parent_span_id, request.span_id, "{phase}");
    }
    assert_eq!(cold["start"].parent_span_id, cold["forward"].span_id);
    assert_eq!((hex(&cold["forward"].span_id), "01"), (first.1, &*first.2));
    for (inner, outer) in
        [("route", "request"), ("lease", "request"), ("forward", "request"), ("start", "forward")]
    {
        let (inner, outer) = (&cold[inner], &cold[outer]);
        assert!(outer.start_time_unix_nano <= inner.start_time_unix_nano, "{cold:?}");
        assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano, "{cold:?}");
    }

    assert_ne!(first.0, second.0);
    let warm = spans_of(&spans, &second.0);
    assert!(!warm.contains_key("start"), "{warm:?}");
    assert_eq!(attribute(&warm["request"], "faas.coldstart").unwrap(), "false");
}

#[tokio::test]
async fn a_caller_s_trace_goes_on_and_what_it_does_not_record_is_not_recorded() {
    let collector = Collector::start();
    let mut bed = TestBed::new().flag("--otlp-endpoint", collector.endpoint()).up().await;
    bed.function("seen").source(HEADERS).drop_in().await;
    bed.function("fails")
        .source("export default () => { throw new Error('no'); };")
        .drop_in()
        .await;
    let caller = format!("00-{TRACE}-{CALLER}-01");
    let recorded = given(bed.get("/seen").header("traceparent", &caller).await);
    let other = TRACE.replace('4', "5");
    let silent = format!("00-{other}-{CALLER}-00");
    let unrecorded = given(bed.get("/seen").header("traceparent", &silent).await);
    let failing = TRACE.replace('4', "6");
    let caller = format!("00-{failing}-{CALLER}-01");
    bed.get("/fails").header("traceparent", &caller).await.error(500, "function_error");
    bed.stop();

    let spans = collector.spans();
    let told = spans_of(&spans, TRACE);
    assert_eq!(hex(&told["request"].parent_span_id), CALLER);
    assert_eq!(recorded, (TRACE.to_owned(), hex(&told["forward"].span_id), "01".to_owned()));
    assert_eq!((&*unrecorded.0, &*unrecorded.2), (&*other, "00"));
    assert_eq!(spans_of(&spans, &other).len(), 0);
    let failed = &spans_of(&spans, &failing)["request"];
    assert_eq!(failed.status.clone().unwrap().code(), StatusCode::Error);
    assert_eq!(attribute(failed, "http.response.status_code").unwrap(), "500");
}

#[tokio::test]
async fn without_a_collector_a_caller_s_trace_is_passed_on_as_it_came() {
    let bed = TestBed::start().await;
    bed.function("seen").source(HEADERS).drop_in().await;
    let caller = format!("00-{TRACE}-{CALLER}-01");
    let passed = given(bed.get("/seen").header("traceparent", &caller).await);
    assert_eq!(passed, (TRACE.to_owned(), CALLER.to_owned(), "01".to_owned()));
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_request() {
    // Nobody listens on this port: it was free, and is now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut bed = TestBed::new().flag("--otlp-endpoint", format!("http://{free}")).up().await;
    bed.expect_error("BatchSpanProcessor");
    bed.function("seen").source(HEADERS).drop_in().await;
    for _ in 0..10 {
        bed.get("/seen").await.ok();
    }
    bed.stop();
}
