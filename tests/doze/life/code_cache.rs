//! What V8 makes of a large bundle is made once and used from then on.

use serde_json::json;

use crate::harness::{TestBed, until_asked};

/// A function that answers this, with enough code to be worth a cache.
fn large(answer: &str) -> String {
    let one = |number| {
        format!(
            "export function f{number}(value: number) {{\n  const other = value * {number};\n  \
             return [value, other, `more of it ${{other}}`].join();\n}}\n"
        )
    };
    let functions: String = (0..200).map(one).collect();
    format!("{functions}export default () => \"{answer}\";\n")
}

/// What the starts of a function did with V8's cache, with their revisions,
/// oldest first. A process that is no spare does without one.
fn starts(bed: &TestBed, function: &str) -> Vec<(String, String)> {
    let records = bed.log().records();
    let started = records.iter().filter(|record| {
        record.message() == "instance started" && record.field("function") == Some(function)
    });
    started
        .filter_map(|record| {
            let state = record.field("code_cache")?.to_owned();
            Some((record.field("revision")?.to_owned(), state))
        })
        .collect()
}

/// Asks until so many starts are told that had to do with V8's cache. Each
/// request is a first one, and waits for a spare.
async fn until_starts(
    bed: &mut TestBed,
    function: &str,
    answer: &str,
    count: usize,
) -> Vec<String> {
    let admin = bed.admin().await;
    let states = async || {
        let list = admin.get("/api/instances").await.ok();
        if !list.text().contains("\"spare\"") {
            return Err("no spare waits".to_owned());
        }
        assert_eq!(bed.get(&format!("/{function}")).await.ok().text(), answer);
        let states: Vec<_> = starts(bed, function).into_iter().map(|(_, state)| state).collect();
        if states.len() >= count { Ok(states) } else { Err(format!("{states:?}")) }
    };
    until_asked("starts that have to do with V8's cache", states).await
}

async fn drop_in(bed: &TestBed, name: &str, code: &str) {
    bed.function(name).source(code).manifest(json!({ "idleSeconds": 0 })).drop_in().await;
}

#[tokio::test]
async fn the_first_start_of_a_large_function_makes_a_cache_and_the_others_use_it() {
    let mut bed = TestBed::start().await;
    drop_in(&bed, "large", &large("yes")).await;
    let states = until_starts(&mut bed, "large", "yes", 3).await;
    assert_eq!(states[..3], ["made", "used", "used"]);
}

#[tokio::test]
async fn built_ins_and_import_meta_are_no_hindrance() {
    let mut bed = TestBed::start().await;
    let code = large("").replace(
        "export default () => \"\";",
        "export default () => [join('a', 'b'), os.EOL, import.meta.dirname].join();",
    );
    let imports = "import { join } from \"node:path\";\nimport * as os from \"node:os\";";
    drop_in(&bed, "large", &format!("{imports}\n{code}")).await;
    let states = until_starts(&mut bed, "large", "a/b,\n,/large", 2).await;
    assert_eq!(states[..2], ["made", "used"]);
}

#[tokio::test]
async fn a_new_revision_makes_its_own_cache_and_so_does_another_function_of_the_same_code() {
    let mut bed = TestBed::start().await;
    drop_in(&bed, "large", &large("one")).await;
    until_starts(&mut bed, "large", "one", 2).await;
    drop_in(&bed, "large", &large("two")).await;
    until_starts(&mut bed, "large", "two", 4).await;
    drop_in(&bed, "other", &large("two")).await;
    let other = until_starts(&mut bed, "other", "two", 2).await;

    let large = starts(&bed, "large");
    assert_eq!(other[..2], ["made", "used"]);
    let (first, second) = (&large[0].0, &large[large.len() - 1].0);
    assert_ne!(first, second);
    assert_eq!(starts(&bed, "other")[0].0, *second, "the same revision");
    for revision in [first, second] {
        let own: Vec<_> = large.iter().filter(|(of, _)| of == revision).collect();
        let states: Vec<_> = own.iter().map(|(_, state)| &**state).collect();
        assert_eq!((states[0], states[1..].contains(&"made")), ("made", false), "{large:?}");
    }
}

#[tokio::test]
async fn a_small_function_has_none() {
    let bed = TestBed::start().await;
    let small = "export default () => \"small\";";
    drop_in(&bed, "small", small).await;
    // Its starts are told; at least one of them was from a spare.
    until_asked("a spare serves", async || {
        let response = bed.get("/small").await.ok();
        if response.start() == "spare" { Ok(()) } else { Err(response.start().to_owned()) }
    })
    .await;
    assert_eq!(starts(&bed, "small"), []);
}

#[tokio::test]
async fn a_function_cannot_write_the_cache_that_its_next_process_runs() {
    let bed = TestBed::start().await;
    // Whatever its process says, it says this before.
    let forger = "
        const encode = TextEncoder.prototype.encode;
        TextEncoder.prototype.encode = function (text) {
            const line = '{\"op\":\"compiled\",\"cache\":9}\\n';
            return encode.call(this, `${line}no bytes!${text}`);
        };";
    drop_in(&bed, "forger", &format!("{forger}\n{}", large("forged"))).await;
    // What it sends is nothing that the shim says, which ends its start at
    // once; an answer may be faster.
    until_asked("a start that fails", async || {
        let response = bed.get("/forger").await;
        let failed = response.header("x-doze-error") == Some("start_failed");
        if failed { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
    assert!(starts(&bed, "forger").iter().all(|(_, state)| state != "rejected"));
}
