//! `doze refresh`, `rollback` and `remove`, and `invoke --source`.

use super::terminal::{CommandLine, Outcome};
use crate::harness::TestBed;

async fn run(bed: &mut TestBed, args: &[&str]) -> Outcome {
    CommandLine::of(bed, args).await.run().await
}

fn says(text: &str) -> String {
    format!("export default () => '{text}'")
}

/// A function that has had these revisions, the last of them live.
async fn revisions(bed: &TestBed, texts: &[&str]) -> Vec<String> {
    let mut revisions = Vec::new();
    for text in texts {
        bed.function("greet").source(says(text)).drop_in().await;
        let revision = bed.published("greet")["revision"].as_str().map(str::to_owned);
        revisions.push(revision.expect("a live function has one"));
    }
    revisions
}

#[tokio::test]
async fn one_goes_back_to_the_revision_before_or_to_one_that_is_named() {
    let mut bed = TestBed::start().await;
    let made = revisions(&bed, &["one", "two", "three"]).await;
    let outcome = run(&mut bed, &["rollback", "greet"]).await.ok();
    assert!(outcome.stderr.contains(&made[1][..8]), "{outcome:?}");
    assert_eq!(bed.get("/greet").await.ok().text(), "two");
    // As much of it as makes it the only one.
    run(&mut bed, &["rollback", "greet", &made[0][..6]]).await.ok();
    assert_eq!(bed.get("/greet").await.ok().text(), "one");

    let outcome = run(&mut bed, &["rollback", "greet", "zzz"]).await;
    outcome.fails(1, &["no revision", "`zzz`", "hint: ", &made[0][..8], &made[2][..8]]);
    let outcome = run(&mut bed, &["rollback", "greet", ""]).await;
    outcome.fails(1, &["more than one revision"]);

    run(&mut bed, &["refresh", "greet"]).await.ok();
    assert_eq!(bed.get("/greet").await.ok().text(), "three");
}

#[tokio::test]
async fn a_refresh_tells_what_does_not_build() {
    let mut bed = TestBed::start().await;
    revisions(&bed, &["one"]).await;
    let outcome = run(&mut bed, &["refresh", "greet"]).await.ok();
    assert!(outcome.stderr.contains("`greet` is live"), "{outcome:?}");
    bed.function("greet").source("export default (").write();
    let outcome = run(&mut bed, &["refresh", "greet"]).await;
    outcome.fails(1, &["index.ts:1:17: ", "is stale", "hint: ", "last good revision"]);
}

#[tokio::test]
async fn nothing_is_removed_without_a_yes() {
    let mut bed = TestBed::start().await;
    revisions(&bed, &["one"]).await;
    let folder = bed.path("registry_in/greet");
    let outcome = run(&mut bed, &["remove", "greet"]).await;
    outcome.fails(2, &["hint: ", "--yes"]);
    let line = CommandLine::of(&mut bed, &["remove", "greet"]).await;
    for answer in ["\n", "n\n"] {
        let outcome = line.run_at_terminal("[y/N] ", answer).await;
        outcome.fails(1, &["nothing was removed"]);
    }
    assert!(folder.is_dir() && bed.get("/greet").await.status == 200);

    line.run_at_terminal("[y/N] ", "y\n").await.ok();
    bed.get("/greet").await.error(404, "function_not_found");
    assert!(!folder.exists());
    let outcome = run(&mut bed, &["remove", "greet", "--yes"]).await;
    outcome.fails(1, &["no function `greet`"]);
}

#[tokio::test]
async fn with_a_yes_nobody_is_asked() {
    let mut bed = TestBed::start().await;
    revisions(&bed, &["one"]).await;
    run(&mut bed, &["remove", "greet", "--yes"]).await.ok();
    bed.get("/greet").await.error(404, "function_not_found");
}

#[tokio::test]
async fn a_source_is_run_once_and_never_deployed() {
    let mut bed = TestBed::start().await;
    let source =
        "export default async (request: Request) => [request.method, await request.json()];";
    std::fs::write(bed.path("once.ts"), source).expect("a file can be written");
    let payload = r#"{"a": 1}"#;
    for (file, input) in [("once.ts", ""), ("-", source)] {
        let args = ["invoke", "--source", file, "--data", payload];
        let outcome = CommandLine::of(&mut bed, &args).await.input(input).run().await.ok();
        assert_eq!(outcome.json(), serde_json::json!(["POST", { "a": 1 }]));
    }
    let list = run(&mut bed, &["list", "--json"]).await.ok().json();
    assert_eq!(list["functions"], serde_json::json!([]));

    std::fs::write(bed.path("once.ts"), "export default (").expect("a file can be written");
    let outcome = run(&mut bed, &["invoke", "--source", "once.ts"]).await;
    outcome.fails(1, &["index.ts:1:17: ", "1 problem"]);
}

#[tokio::test]
async fn what_a_source_prints_is_told_beside_its_answer() {
    let mut bed = TestBed::start().await;
    let source = r#"
        console.log("before\nand after");
        export default () => {
          console.error("in the handler");
          return "the answer";
        };"#;
    std::fs::write(bed.path("once.ts"), source).expect("a file can be written");
    let outcome = run(&mut bed, &["invoke", "--source", "once.ts"]).await.ok();
    assert_eq!(outcome.stdout, "the answer");
    assert_eq!(outcome.stderr, "before\nand after\nin the handler\n");

    let throws = "export default () => {\n  throw new Error('on purpose');\n};";
    std::fs::write(bed.path("once.ts"), throws).expect("a file can be written");
    let outcome = run(&mut bed, &["invoke", "--source", "once.ts"]).await;
    outcome.fails(1, &["Error: on purpose", "index.ts:2:9", "(function_error)"]);
}
