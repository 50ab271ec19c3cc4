//! `doze secret` and `doze token`.

use serde_json::json;

use super::terminal::{CommandLine, Outcome};
use crate::harness::TestBed;

async fn run(bed: &mut TestBed, args: &[&str], input: &str) -> Outcome {
    CommandLine::of(bed, args).await.input(input).run().await
}

#[tokio::test]
async fn a_secret_reaches_the_function_that_asks_for_it_and_nobody_else() {
    let mut bed = TestBed::start().await;
    bed.function("reader")
        .source("export default () => `<${Deno.env.get('API_KEY')}>`")
        .manifest(json!({ "secrets": ["API_KEY"] }))
        .drop_in()
        .await;
    let outcome = run(&mut bed, &["secret", "set", "API_KEY"], "s3cr3t value\n").await.ok();
    assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("s3cr3t"), "{outcome:?}");
    bed.answers("/reader", "<s3cr3t value>").await;

    let outcome = run(&mut bed, &["secret", "list"], "").await.ok();
    let row = outcome.stdout.lines().last().unwrap_or_default();
    assert!(row.starts_with("API_KEY") && row.ends_with("reader"), "{outcome:?}");
    let listed = run(&mut bed, &["secret", "list", "--json"], "").await.ok();
    assert_eq!(listed.json()["secrets"][0]["name"], "API_KEY");
    assert!(!format!("{outcome:?}{listed:?}").contains("s3cr3t"));

    run(&mut bed, &["secret", "remove", "API_KEY"], "").await.ok();
    let outcome = run(&mut bed, &["secret", "list"], "").await.ok();
    assert_eq!(outcome.stdout, "");
}

#[tokio::test]
async fn one_command_gives_a_secret_to_a_function_that_does_not_ask_for_it_yet() {
    let mut bed = TestBed::start().await;
    for name in ["reader", "other"] {
        bed.function(name)
            .source("export default () => ['FIRST', 'SECOND'].map((n) => Deno.env.get(n)).join()")
            .manifest(json!({ "secrets": ["FIRST"], "timeoutSeconds": 20 }))
            .drop_in()
            .await;
    }
    run(&mut bed, &["secret", "set", "FIRST"], "1\n").await.ok();
    run(&mut bed, &["secret", "set", "SECOND", "--for", "reader"], "2\n").await.ok();
    bed.answers("/reader", "1,2").await;
    bed.answers("/other", "1,").await;
    let manifest = run(&mut bed, &["show", "reader", "--json"], "").await.ok().json();
    assert_eq!(manifest["manifest"]["secrets"], json!(["FIRST", "SECOND"]));
    assert_eq!(manifest["manifest"]["timeoutSeconds"], 20);

    // Again: nothing is named twice.
    run(&mut bed, &["secret", "set", "SECOND", "--for", "reader"], "3\n").await.ok();
    bed.answers("/reader", "1,3").await;
    let outcome = run(&mut bed, &["secret", "set", "SECOND", "--for", "nobody"], "4\n").await;
    outcome.fails(1, &["there is no function `nobody`"]);
}

#[tokio::test]
async fn a_value_that_is_typed_is_not_shown() {
    let mut bed = TestBed::start().await;
    let line = CommandLine::of(&mut bed, &["secret", "set", "API_KEY"]).await;
    let seen = line.run_at_terminal("(not shown): ", "typed value\n").await.ok().stdout;
    assert!(seen.contains("API_KEY is set") && !seen.contains("typed value"), "{seen:?}");
    bed.function("reader")
        .source("export default () => `<${Deno.env.get('API_KEY')}>`")
        .manifest(json!({ "secrets": ["API_KEY"] }))
        .drop_in()
        .await;
    bed.answers("/reader", "<typed value>").await;

    // Ctrl-C: a program that it ended would leave the terminal mute.
    let seen = line.run_at_terminal("(not shown): ", "typ\u{3}").await.fails(1, &["nothing was"]);
    assert!(!seen.stdout.contains("typ\u{3}"), "{seen:?}");
}

#[tokio::test]
async fn nothing_is_set_to_nothing() {
    let mut bed = TestBed::start().await;
    run(&mut bed, &["secret", "set", "API_KEY"], "\n").await.fails(1, &["empty"]);
    run(&mut bed, &["secret", "set", "not a name"], "value").await.fails(1, &["not a name"]);
}

#[tokio::test]
async fn a_token_opens_its_function_until_it_is_revoked() {
    let mut bed = TestBed::start().await;
    let source = "export default () => 'in'";
    bed.function("closed").source(source).manifest(json!({ "auth": "token" })).drop_in().await;
    let outcome = run(&mut bed, &["invoke", "closed"], "").await;
    outcome.fails(1, &["(unauthorized)", "hint: ", "doze token closed create"]);

    let args = ["token", "closed", "create", "--label", "for Ada"];
    let token = run(&mut bed, &args, "").await.ok().stdout;
    let header = format!("authorization: Bearer {}", token.trim());
    let outcome = run(&mut bed, &["invoke", "closed", "-H", &header], "").await.ok();
    assert_eq!(outcome.stdout, "in");

    let list = run(&mut bed, &["token", "closed", "list"], "").await.ok().stdout;
    assert!(list.contains("for Ada") && !list.contains(token.trim()), "{list}");
    let id = list.lines().last().and_then(|row| row.split_whitespace().next()).expect("an id");
    run(&mut bed, &["token", "closed", "revoke", id], "").await.ok();
    run(&mut bed, &["invoke", "closed", "-H", &header], "").await.fails(1, &["(unauthorized)"]);
}

#[tokio::test]
async fn one_command_closes_a_function_and_makes_the_first_token() {
    let mut bed = TestBed::start().await;
    bed.function("open").source("export default () => 'in'").drop_in().await;
    let outcome = run(&mut bed, &["token", "open", "create"], "").await.ok();
    assert!(outcome.stderr.contains("answers without it as well"), "{outcome:?}");
    run(&mut bed, &["invoke", "open"], "").await.ok();

    let outcome = run(&mut bed, &["token", "open", "create", "--protect"], "").await.ok();
    assert!(!outcome.stderr.contains("answers without it"), "{outcome:?}");
    run(&mut bed, &["invoke", "open"], "").await.fails(1, &["(unauthorized)"]);
    let header = format!("authorization: Bearer {}", outcome.stdout.trim());
    let outcome = run(&mut bed, &["invoke", "open", "-H", &header], "").await.ok();
    assert_eq!(outcome.stdout, "in");
}
