//! `doze list`, `show`, `instances` and `open`.

use serde_json::json;

use super::terminal::{CommandLine, Outcome};
use crate::harness::TestBed;

const GREET: &str = "export default () => 'hi'";

/// A server with a function that lives, one that is stale and one that is broken.
async fn three_functions() -> TestBed {
    let bed = TestBed::start().await;
    bed.function("ada/greet").source(GREET).drop_in().await;
    bed.function("hello").source(GREET).drop_in().await;
    bed.function("hello").source("export default () => 'hi").drop_in_as("stale").await;
    bed.function("never").source("export default (").drop_in_as("broken").await;
    for name in ["ada/greet", "hello", "never"] {
        bed.known(name).await;
    }
    bed
}

async fn run(bed: &mut TestBed, args: &[&str]) -> Outcome {
    CommandLine::of(bed, args).await.run().await
}

/// The first words of the lines below a table's header.
fn first_words(outcome: &Outcome) -> Vec<Vec<&str>> {
    outcome.stdout.lines().skip(1).map(|l| l.split_whitespace().take(2).collect()).collect()
}

#[tokio::test]
async fn the_list_has_every_function_with_its_state() {
    let mut bed = three_functions().await;
    let all = run(&mut bed, &["list"]).await.ok();
    assert!(all.stdout.starts_with("NAME "), "{all:?}");
    let rows = [["ada/greet", "live"], ["hello", "stale"], ["never", "broken"]];
    assert_eq!(first_words(&all), rows);
    assert!(!all.stdout.contains('\u{1b}') && all.stderr.is_empty(), "{all:?}");

    let some = run(&mut bed, &["list", "gree"]).await.ok();
    assert_eq!(first_words(&some), [["ada/greet", "live"]]);
    let some = run(&mut bed, &["list", "--state", "broken"]).await.ok();
    assert_eq!(first_words(&some), [["never", "broken"]]);
    let none = run(&mut bed, &["list", "nothing"]).await.ok();
    assert_eq!((&*none.stdout, &*none.stderr), ("", "no function fits\n"));
}

#[tokio::test]
async fn a_script_gets_what_the_api_answers() {
    let mut bed = three_functions().await;
    let admin = bed.admin().await;
    for (args, path) in [
        (&["list", "--json"][..], "/api/functions"),
        (&["show", "ada/greet", "--json"], "/api/functions/ada%2Fgreet"),
        (&["instances", "--json"], "/api/instances"),
    ] {
        let printed = run(&mut bed, args).await.ok().json();
        let answered = admin.get(path).await.ok().json();
        // What runs goes on running.
        let known = |value: &serde_json::Value| {
            value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(known(&printed), known(&answered), "{args:?}");
    }
    let list = run(&mut bed, &["list", "--json"]).await.ok().json();
    let names: Vec<_> = list["functions"].as_array().expect("a list").iter().collect();
    assert_eq!(
        names.iter().map(|f| &f["name"]).collect::<Vec<_>>(),
        ["ada/greet", "hello", "never"]
    );
    let hello = run(&mut bed, &["show", "hello", "--json"]).await.ok().json();
    assert_eq!((&hello["name"], &hello["state"]), (&json!("hello"), &json!("stale")));
}

#[tokio::test]
async fn a_function_is_shown_with_its_problems_its_revisions_and_what_runs() {
    let mut bed = three_functions().await;
    assert_eq!(bed.get("/hello").await.ok().text(), "hi");
    let pid = bed.instances().iter().map(|p| p.pid.to_string()).collect::<Vec<_>>();
    let outcome = run(&mut bed, &["show", "hello"]).await.ok();
    let revision = bed.published("hello")["revision"].as_str().expect("one").to_owned();
    let address = format!("http://{}/hello", bed.address());
    for text in [
        "hello\n",
        "stale",
        "Problems",
        "index.ts:1:22: ",
        "Revisions",
        &revision,
        &address,
        "Instances",
    ] {
        assert!(outcome.stdout.contains(text), "{text:?} is not in {}", outcome.stdout);
    }
    assert!(pid.iter().any(|pid| outcome.stdout.contains(pid)), "{pid:?} {}", outcome.stdout);
}

#[tokio::test]
async fn what_runs_is_listed_with_the_spares() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(GREET).drop_in().await;
    bed.get("/hello").await.ok();
    let outcome = run(&mut bed, &["instances"]).await.ok();
    let row = outcome.stdout.lines().find(|line| line.contains("hello"));
    let row = row.unwrap_or_else(|| panic!("{outcome:?}"));
    assert!(row.contains("idle") && row.contains("MiB") && row.contains("unix:"), "{row}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_answered_with_the_nearest() {
    let mut bed = three_functions().await;
    for verb in ["show", "invoke"] {
        let outcome = run(&mut bed, &[verb, "helo"]).await;
        outcome.fails(1, &["no function `helo`", "hint: did you mean `hello`?"]);
        let outcome = run(&mut bed, &[verb, "zzz"]).await;
        outcome.fails(1, &["no function `zzz`", "hint: `doze list`"]);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_by_where_it_came_from() {
    let mut bed = TestBed::start().await;
    let line = CommandLine::of(&mut bed, &["list"]).await;
    let outcome = line.clone().env("DOZE_TOKEN", "another-operator-s").run().await;
    outcome.fails(1, &["does not accept the token", "hint: ", "DOZE_TOKEN"]);
    std::fs::write(bed.path("other"), "another-operator-s\n").expect("a file can be written");
    let outcome = line.clone().env("DOZE_ADMIN_TOKEN_FILE", "other").run().await;
    let outcome = outcome.fails(1, &["the token in `other`", "hint: ", "--admin-token-file"]);
    assert!(!outcome.stderr.contains("another-operator-s"), "it is a secret: {outcome:?}");
    let right = std::fs::read_to_string(bed.path("data/admin-token")).expect("it is there");
    line.env("DOZE_DATA", "nowhere").env("DOZE_TOKEN", &right).run().await.ok();
}

#[tokio::test]
async fn the_dashboard_s_link_has_the_token() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let token = std::fs::read_to_string(bed.path("data/admin-token")).expect("it is there");
    let link = run(&mut bed, &["open"]).await.ok().stdout;
    let begin = format!("http://{}/#token=", admin.address());
    let in_link = link.trim_end().strip_prefix(&begin).unwrap_or_else(|| panic!("{link}"));
    let in_link = in_link.replace("%2D", "-").replace("%5F", "_");
    assert_eq!(in_link, token.trim());
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let program = env!("CARGO_BIN_EXE_doze");
    let script = format!("set -o pipefail; '{program}' list --json | true");
    let mut shell = tokio::process::Command::new("bash");
    let shell = shell.args(["-c", &script]).current_dir(bed.path(""));
    let output = shell.env("DOZE_SERVER", admin.address()).output().await.expect("bash");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
