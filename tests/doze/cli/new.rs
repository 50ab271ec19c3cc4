//! `doze new`.

use std::fs;

use super::terminal::CommandLine;
use crate::harness::{TestBed, until_asked};

/// Every template, and a request that its function answers with that text.
const TEMPLATES: [(&str, &str, &str); 5] = [
    ("hello", "?name=Ada", "Hello, Ada\n"),
    ("api", "/items", "[]"),
    (
        "static",
        "/style.css",
        include_str!("../../../src/cli/new/templates/static/public/style.css"),
    ),
    ("oneshot", "", r#"{"requests":1}"#),
    ("websocket", "", include_str!("../../../src/cli/new/templates/websocket/page.html")),
];

#[tokio::test]
async fn every_template_is_a_function_that_is_served() {
    let bed = TestBed::start().await;
    for (template, path, text) in TEMPLATES {
        let name = format!("my-{template}");
        let line = CommandLine::new(&bed.path(""), &["new", &name, "--template", template]);
        let outcome = line.run().await.ok();
        assert_eq!(outcome.stdout, "", "what is said is no data");
        bed.function(&name).live().await;
        bed.answers(&format!("/{name}{path}"), text).await;
    }
    let files: Vec<_> = fs::read_dir(bed.path("registry_in"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(files.len(), TEMPLATES.len(), "something was left beside: {files:?}");
}

#[tokio::test]
async fn the_first_template_is_the_smallest_and_an_owner_s_folder_is_made() {
    let bed = TestBed::start().await;
    CommandLine::new(&bed.path(""), &["new", "ada/greet"]).run().await.ok();
    until_asked("the function answers", async || {
        let response = bed.get("/ada/greet").await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
}

#[tokio::test]
async fn what_is_there_is_never_overwritten() {
    let bed = TestBed::new();
    let entry = bed.path("registry_in/hello/index.ts");
    for empty in [true, false] {
        fs::create_dir_all(entry.parent().expect("a folder")).expect("a folder can be made");
        if !empty {
            fs::write(&entry, "mine").expect("a file can be written");
        }
        let outcome = CommandLine::new(&bed.path(""), &["new", "hello"]).run().await;
        outcome.fails(1, &["registry_in/hello", "there already", "hint: "]);
    }
    assert_eq!(fs::read_to_string(entry).expect("it is there"), "mine");
}

#[tokio::test]
async fn without_a_folder_for_functions_it_is_said_where_to_go() {
    let bed = TestBed::new();
    let line = CommandLine::new(&bed.path(""), &["new", "hello", "--registry-in", "elsewhere"]);
    line.run().await.fails(1, &["`elsewhere`", "hint: ", "--registry-in", "DOZE_REGISTRY_IN"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_one_or_an_unknown_template_is_a_usage_error() {
    let bed = TestBed::new();
    let run = async |args: &[&str]| CommandLine::new(&bed.path(""), args).run().await;
    run(&["new", "../out"]).await.fails(2, &["`..`"]);
    run(&["new", "hello", "--template", "hallo"]).await.fails(2, &["hello", "websocket"]);
    assert_eq!(fs::read_dir(bed.path("registry_in")).expect("a folder").count(), 0);
}
