//! What an editor is given.

use std::fs;
use std::path::Path;

use crate::harness::{Program, TestBed, runtime_folder};

#[tokio::test]
async fn everybody_may_have_the_schema_of_registry_json() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let response = admin.anonymous("GET", "/schema/registry.json").await.ok();
    assert_eq!(response.header("content-type"), Some("application/schema+json"));
    assert!(response.json()["properties"]["idleSeconds"]["description"].is_string());

    assert_eq!(response.text(), printed(&bed.path("")).await);
}

#[tokio::test]
async fn the_schema_that_editors_find_is_the_one_that_the_program_prints() {
    let file = runtime_folder().join("lib/registry.schema.json");
    let found = fs::read_to_string(&file).unwrap_or_default();
    let told = "run `cargo run schema >runtime-shim/lib/registry.schema.json`";
    assert!(found == printed(Path::new(".")).await, "{} is old: {told}", file.display());
}

async fn printed(folder: &Path) -> String {
    let printed = Program::doze("schema").output(folder).await;
    assert!(printed.status.success(), "{printed:?}");
    String::from_utf8(printed.stdout).expect("text")
}
