//! `doze invoke NAME`: as any caller does.

use serde_json::json;

use super::terminal::{CommandLine, Outcome};
use crate::harness::TestBed;

/// Answers with what it was sent.
const MIRROR: &str = r#"
    export default async (request) => Response.json({
      method: request.method,
      url: new URL(request.url).pathname + new URL(request.url).search,
      type: request.headers.get("content-type"),
      mine: request.headers.get("x-mine"),
      body: await request.text(),
    }, { status: Number(request.headers.get("x-status") ?? 200) });"#;

async fn bed() -> TestBed {
    let bed = TestBed::start().await;
    bed.function("mirror").source(MIRROR).drop_in().await;
    bed
}

async fn run(bed: &mut TestBed, args: &[&str], input: &str) -> Outcome {
    let args = [&["invoke"], args].concat();
    CommandLine::of(bed, &args).await.input(input).run().await
}

#[tokio::test]
async fn a_function_is_called_through_the_gateway() {
    let mut bed = bed().await;
    let outcome = run(&mut bed, &["mirror"], "").await.ok();
    assert_eq!(outcome.stderr, "", "nobody watches");
    let plain = json!({ "method": "GET", "url": "/", "type": null, "mine": null, "body": "" });
    assert_eq!(outcome.json(), plain);

    let args = ["mirror", "--path", "a/b?c=d", "-X", "PUT", "-H", "X-Mine: yes", "--data", "text"];
    let sent = run(&mut bed, &args, "").await.ok().json();
    let text = "text/plain;charset=utf-8";
    let told = json!({
        "method": "PUT", "url": "/a/b?c=d", "type": text, "mine": "yes", "body": "text"
    });
    assert_eq!(sent, told);
}

#[tokio::test]
async fn data_is_posted_from_the_line_a_file_or_standard_input() {
    let mut bed = bed().await;
    std::fs::write(bed.path("payload.json"), r#"{"a": 1}"#).expect("a file can be written");
    for (args, input) in [
        (&["mirror", "--data", r#"{"a": 1}"#][..], ""),
        (&["mirror", "--data", "@payload.json"], ""),
        (&["mirror", "--stdin"], r#"{"a": 1}"#),
    ] {
        let sent = run(&mut bed, args, input).await.ok().json();
        assert_eq!(sent["method"], "POST");
        assert_eq!(sent["type"], "application/json");
        assert_eq!(sent["body"], r#"{"a": 1}"#);
    }
    let args = ["mirror", "--data", "{}", "-H", "content-type: text/x-mine"];
    assert_eq!(run(&mut bed, &args, "").await.ok().json()["type"], "text/x-mine");
    let outcome = run(&mut bed, &["mirror", "--data", "@nothing"], "").await;
    outcome.fails(1, &["nothing cannot be read"]);
}

#[tokio::test]
async fn an_answer_that_is_an_error_fails_and_is_printed_all_the_same() {
    let mut bed = bed().await;
    let outcome = run(&mut bed, &["mirror", "-H", "x-status: 418"], "").await;
    let outcome = outcome.fails(1, &["the function answered 418"]);
    assert_eq!(outcome.json()["method"], "GET");
}

#[tokio::test]
async fn a_script_gets_status_headers_and_body() {
    let mut bed = bed().await;
    let answer = run(&mut bed, &["mirror", "--json"], "").await.ok().json();
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["headers"]["content-type"], "application/json");
    assert!(answer["headers"]["x-doze-start"].is_string(), "{answer}");
    assert_eq!(answer["body"]["method"], "GET");
}

#[tokio::test]
async fn the_platform_s_errors_say_where_to_look() {
    let mut bed = bed().await;
    let throws = "export default () => { throw new Error('on purpose') }";
    bed.function("throws").source(throws).drop_in().await;
    bed.function("never").source("export default (").drop_in_as("broken").await;
    bed.known("never").await;
    let outcome = run(&mut bed, &["throws"], "").await;
    outcome.fails(1, &["(function_error)", "hint: `doze logs throws`"]);
    let outcome = run(&mut bed, &["never"], "").await;
    outcome.fails(1, &["(function_broken)", "hint: `doze show never`"]);
}

#[tokio::test]
async fn a_stream_is_passed_on_as_it_comes_and_to_its_end() {
    let mut bed = bed().await;
    let source = r"export default () => new Response(ReadableStream.from((async function* () {
        for (let i = 0; i < 3; i++) { yield `tick ${i}\n`; await new Promise((r) => setTimeout(r, 20)); }
    })()).pipeThrough(new TextEncoderStream()))";
    bed.function("ticks").source(source).drop_in().await;
    let outcome = run(&mut bed, &["ticks"], "").await.ok();
    assert_eq!(outcome.stdout, "tick 0\ntick 1\ntick 2\n");
}
