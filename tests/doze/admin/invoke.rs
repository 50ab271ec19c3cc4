//! Running a source once, without deploying it.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::deploy::names;
use crate::harness::{Process, TestBed, until, within};

#[tokio::test]
async fn a_source_answers_the_request_that_comes_with_it_and_leaves_nothing() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = r#"
        import { createHandler } from "doze";
        export default createHandler(async (request) => Response.json({
            method: request.method, url: new URL(request.url).pathname,
            search: new URL(request.url).search,
            header: request.headers.get("x-mine"), got: await request.json(),
        }, { status: 418, headers: { "x-own": "yes", "set-cookie": "doze_session=stolen" } }));
    "#;
    let call = json!({ "source": source, "path": "/a/b?c=1", "headers": { "x-mine": "here" },
        "payload": { "n": 1 } });
    let response = admin.post("/api/invoke", call).await;
    assert_eq!(response.status, 418, "{response:?}");
    assert_eq!(response.header("x-own"), Some("yes"));
    assert!(matches!(response.start(), "spare" | "cold"));
    assert_eq!(response.header("x-doze-invocation"), response.header("x-request-id"));
    assert_eq!(response.header("set-cookie"), None, "it must not sign the dashboard in");
    let expected = json!({ "method": "POST", "url": "/a/b", "search": "?c=1", "header": "here",
        "got": { "n": 1 } });
    assert_eq!(response.json(), expected);

    assert_eq!(names(&bed), [""; 0]);
    assert_eq!(fs::read_dir(bed.path("registry/.live")).unwrap().count(), 0);
    let served = |process: &Process| {
        process.is_instance() && process.own_number().is_some_and(|number| number == 1)
    };
    until("its process is gone", || match bed.processes(served).as_slice() {
        [] => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
}

#[tokio::test]
async fn what_a_run_prints_is_in_its_log_until_its_end() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "export default () => { console.warn('printed'); return 1; }";
    let response = admin.post("/api/invoke", json!({ "source": source })).await.ok();
    let id = response.header("x-doze-invocation").expect("an id");
    let path = format!("/api/functions/invocation%2F{id}/logs?follow=true&tail=100");
    let mut events = admin.get(&path).open().await;
    assert_eq!(events.status, 200);
    let mut text = String::new();
    while !text.contains("\"event\":\"stop\"") {
        let more = within(Duration::from_secs(30), "its end", events.chunk()).await;
        text += &String::from_utf8_lossy(&more.expect("a record of its end"));
    }
    let records = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let records: Vec<Value> =
        records.map(|line| serde_json::from_str(line).expect("a record")).collect();
    let said: Vec<_> = records.iter().filter(|record| record["event"] == "output").collect();
    assert_eq!(said.len(), 1, "{text}");
    assert_eq!(said[0]["message"], "printed");
    assert_eq!(said[0]["level"], "warn");
    assert_eq!(said[0]["requestId"], *id);
}

#[tokio::test]
async fn every_run_is_a_process_of_its_own_with_default_permissions() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "globalThis.count = (globalThis.count ?? 0) + 1;
        export default async () => {
            const net = await fetch('http://192.0.2.1/').then(() => 'open', (e) => e.name);
            const file = await Deno.readTextFile('/etc/passwd').then(() => 'open', (e) => e.name);
            return { count: globalThis.count, net, file };
        };";
    for _ in 0..3 {
        let response = admin.post("/api/invoke", json!({ "source": source })).await.ok();
        let closed = json!({ "count": 1, "net": "NotCapable", "file": "NotCapable" });
        assert_eq!(response.json(), closed);
    }
    let asks = json!({ "source": source, "permissions": ["--allow-net"] });
    admin.post("/api/invoke", asks).await.error(400, "bad_request");
}

#[tokio::test]
async fn problems_failures_and_mistakes_in_the_call_are_told_apart() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let invoke = |call: Value| admin.post("/api/invoke", call);

    let problems = invoke(json!({ "source": "import './a.ts';\nimport 'b';" })).await;
    let problems = problems.error(422, "invalid_source").json()["error"]["problems"].clone();
    assert_eq!(problems.as_array().map(Vec::len), Some(2), "{problems}");
    invoke(json!({ "source": "throw 1; export default 1" })).await.error(502, "start_failed");
    let throws = "export default () => { throw new Error('at call'); }";
    invoke(json!({ "source": throws })).await.error(500, "function_error");

    let fine = "export default () => 'fine'";
    assert_eq!(invoke(json!({ "source": fine, "file": "index.js" })).await.ok().text(), "fine");
    for wrong in [
        json!({ "source": fine, "file": "../x.ts" }),
        json!({ "source": fine, "path": "no slash" }),
        json!({ "source": fine, "method": "A B" }),
        json!({ "source": fine, "headers": { "a b": "c" } }),
        json!({ "source": fine, "payload": 1, "body": "both" }),
        json!({ "sauce": fine }),
    ] {
        invoke(wrong).await.error(400, "bad_request");
    }
    invoke(json!({ "source": " ".repeat((1 << 20) + 1) })).await.error(413, "body_too_large");
    invoke(json!({ "source": " ".repeat(9 << 20) })).await.error(413, "body_too_large");
}

#[tokio::test]
async fn runs_at_once_do_not_meet() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let runs: Vec<_> = (0..4)
        .map(|number| {
            let source = format!("export default async (r) => `{number} ${{await r.text()}}`");
            admin
                .post("/api/invoke", json!({ "source": source, "body": number.to_string() }))
                .spawn()
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let response = run.await.expect("no panic").ok();
        assert_eq!(response.text(), format!("{number} {number}"));
    }
}
