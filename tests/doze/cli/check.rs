//! `doze check`.

use std::fs;
use std::path::Path;

use super::terminal::CommandLine;
use crate::harness::TestBed;

fn write(bed: &TestBed, path: &str, text: &str) {
    let file = bed.path(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder can be made");
    fs::write(file, text).expect("a file can be written");
}

const GOOD: &str = "export default () => 'hi'";

#[tokio::test]
async fn a_folder_that_builds_is_said_to_and_nothing_is_published() {
    let bed = TestBed::new();
    write(&bed, "one/index.ts", GOOD);
    write(&bed, "two/index.ts", GOOD);
    let outcome = CommandLine::new(&bed.path(""), &["check", "one", "two"]).run().await.ok();
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:?}");
    CommandLine::new(&bed.path("one"), &["check"]).run().await.ok();
    assert!(!bed.path("registry").exists() && !bed.path("data").exists());
}

#[tokio::test]
async fn every_problem_is_told_with_a_place_that_an_editor_finds() {
    let bed = TestBed::new();
    write(&bed, "one/index.ts", "import { x } from './lib';\nexport default () => x;");
    write(&bed, "one/lib.ts", "export const x = (;\n");
    write(&bed, "one/registry.json", r#"{"idleSecond": 1, "memoryMb": "much"}"#);
    write(&bed, "two/index.ts", GOOD);
    write(&bed, "three/readme.md", "");
    let outcome = CommandLine::new(&bed.path(""), &["check", "one", "two", "three"]).run().await;
    let outcome = outcome.fails(
        1,
        &[
            "one/lib.ts:1:19: ",
            "one/registry.json: `idleSecond`",
            "did you mean `idleSeconds`?",
            "`memoryMb`",
            "two: builds as revision ",
            "three: no entry file",
            "error: 4 problems",
        ],
    );
    for line in outcome.stderr.lines().filter(|line| line.contains(": ")) {
        let place = line.split(':').next().expect("a first part");
        assert!(place == "error" || bed.path(place).exists(), "{line}");
    }
}

#[tokio::test]
async fn a_script_gets_the_same_as_json() {
    let bed = TestBed::new();
    write(&bed, "one/index.ts", "export default (");
    write(&bed, "two/index.ts", GOOD);
    let line = CommandLine::new(&bed.path(""), &["check", "--json", "one", "two"]);
    let found = line.run().await.fails(1, &[]).json();
    let [one, two] = &found["folders"].as_array().expect("a list")[..] else { panic!("{found}") };
    assert_eq!((&one["folder"], &one["ok"]), (&"one".into(), &false.into()));
    let problem = &one["problems"][0];
    assert_eq!((&problem["file"], &problem["line"]), (&"index.ts".into(), &1.into()), "{found}");
    assert_eq!((&two["ok"], &two["manifest"]["timeoutSeconds"]), (&true.into(), &30.into()));
    assert_eq!(two["revision"].as_str().map(str::len), Some(16));
}

#[tokio::test]
async fn what_the_operator_allows_decides_here_too() {
    let bed = TestBed::new();
    write(&bed, "one/index.ts", GOOD);
    write(&bed, "one/registry.json", r#"{"permissions": ["--allow-run=ls"]}"#);
    let line = CommandLine::new(&bed.path(""), &["check", "one"]);
    line.run().await.fails(1, &["--allow-run"]);
    line.env("DOZE_ALLOW_PERMISSIONS", "run").run().await.ok();
    let line = CommandLine::new(&bed.path(""), &["check", "one", "--allow-permissions", "all"]);
    line.run().await.fails(2, &["--allow-permissions", "`all`"]);
}

#[tokio::test]
async fn what_is_no_folder_is_a_usage_error_and_a_missing_bundler_a_failure() {
    let bed = TestBed::new();
    write(&bed, "one/index.ts", GOOD);
    let run = async |args: &[&str]| CommandLine::new(&bed.path(""), args).run().await;
    run(&["check", "none"]).await.fails(2, &["`none`", "hint: "]);
    run(&["check", "one/index.ts"]).await.fails(2, &["is a file", "hint: "]);
    let outcome = run(&["check", "one", "--runtime", "nowhere"]).await;
    outcome.fails(1, &["nowhere", "hint: ", "--runtime", "DOZE_RUNTIME"]);
}

#[tokio::test]
async fn the_examples_build() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let line = CommandLine::new(root, &["check", "registry_in/hello", "registry_in/weather"]);
    line.run().await.ok();
}
