//! A function's folder from the first file to the last.

use std::fs;
use std::time::{Duration, Instant};

use doze::function::published::Format;

use crate::bed::{Bed, copy_slowly, says};

#[tokio::test]
async fn a_dropped_folder_is_published_and_a_removed_one_is_gone() {
    let mut bed = Bed::started();
    bed.write_function("hello", "one").write_function("ada/hello", "two");
    let record = bed.says("hello", "one").await;
    assert_eq!(record.release().unwrap().entry, "index.ts");
    assert_eq!(record.release().unwrap().format, Format::Esm);
    bed.says("ada/hello", "two").await;

    bed.remove("hello");
    bed.remove("ada");
    bed.is_gone("hello").await;
    bed.is_gone("ada/hello").await;
    assert!(!bed.path("registry/ada").exists());
    bed.stop();
}

#[tokio::test]
async fn a_record_says_whether_a_process_should_have_loaded_node_vm() {
    let bed = Bed::started();
    let large = format!("export default () => \"{}\";", "large".repeat(4000));
    for (name, code, uses_vm) in [
        ("large", &*large, true),
        ("static", "import os from \"node:os\";\nexport default () => os.EOL;", true),
        ("dynamic", "export default async () => (await import(\"node:os\")).EOL;", true),
        ("required", "export default () => require(\"node:os\").EOL;", true),
        ("bundled", "import { EOL } from \"./eol.ts\";\nexport default () => EOL;", false),
    ] {
        bed.write(&format!("{name}/eol.ts"), "export const EOL = \"\";");
        bed.write(&format!("{name}/index.ts"), code);
        let record = bed
            .wait(
                "it is published",
                || bed.record(name),
                |record| record.as_ref().is_some_and(|record| record.release().is_some()),
            )
            .await;
        assert_eq!(record.unwrap().release().unwrap().uses_vm, uses_vm, "{name}");
    }
}

#[tokio::test]
async fn a_change_makes_a_new_revision_and_a_touch_does_not() {
    let bed = Bed::started();
    bed.write_function("hello", "one");
    let first = bed.says("hello", "one").await;
    bed.write_function("hello", "two");
    let second = bed.says("hello", "two").await;
    assert_ne!(first.release().unwrap().revision, second.release().unwrap().revision);

    bed.write("hello/index.ts", &says("two").replace("import {", "// a comment\nimport   {"));
    let third = bed
        .wait(
            "the touched folder is looked at",
            || bed.record("hello").unwrap(),
            |record| record.fingerprint != second.fingerprint,
        )
        .await;
    assert_eq!(third.release(), second.release());
}

#[tokio::test]
async fn a_broken_change_leaves_the_old_revision_live_until_it_is_mended() {
    let bed = Bed::started();
    bed.write_function("hello", "one");
    let live = bed.says("hello", "one").await;

    let broken =
        "import pad from \"left-pad\";\nconst ä = 1; ä = 2;\nexport default () => pad(ä);\n";
    bed.write("hello/index.ts", broken).write("hello/registry.json", "{\"memory\": 1}");
    let start = Instant::now();
    let (stale, problems) = bed.fails("hello").await;
    let told = start.elapsed();
    assert!(told > Duration::from_millis(1500), "told after {told:?}, before a copy might be done");
    assert_eq!(stale.state_name(), "stale");
    assert_eq!(stale.release(), live.release());
    assert!(bed.code("hello").unwrap().contains("\"one\""));
    for expected in [
        "registry.json: `memory` is not a known field; did you mean `memoryMb`?",
        "index.ts:1:17: could not resolve `left-pad`; run `npm install left-pad` in `hello`",
        "index.ts:2:14: Cannot assign to \"ä\" because it is a constant",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }

    fs::remove_file(bed.path("in/hello/registry.json")).unwrap();
    bed.write_function("hello", "two");
    assert_eq!(bed.says("hello", "two").await.problems, []);
    assert_eq!(bed.log().matches("could not resolve `left-pad`").count(), 1, "{}", bed.log());
}

#[tokio::test]
async fn a_function_that_never_lived_is_broken_and_can_be_mended_and_removed() {
    let bed = Bed::started();
    bed.write("hello/index.ts", "export default (");
    let (record, _) = bed.fails("hello").await;
    assert_eq!(record.state_name(), "broken");
    assert_eq!(bed.code("hello"), None);
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;

    bed.write("other/index.ts", "export default (");
    bed.fails("other").await;
    bed.remove("other");
    bed.is_gone("other").await;
}

#[tokio::test]
async fn a_renamed_folder_is_another_function_and_a_moved_in_one_replaces() {
    let bed = Bed::started();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    fs::rename(bed.path("in/hello"), bed.path("in/goodbye")).unwrap();
    bed.says("goodbye", "one").await;
    bed.is_gone("hello").await;

    let next = bed.path("next");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("index.ts"), says("two")).unwrap();
    fs::rename(bed.path("in/goodbye"), bed.path("old")).unwrap();
    fs::rename(&next, bed.path("in/goodbye")).unwrap();
    bed.says("goodbye", "two").await;
}

#[tokio::test]
async fn a_slow_copy_is_published_once_it_is_complete_and_never_told_to_be_broken() {
    let bed = Bed::started();
    let source = bed.path("source");
    fs::create_dir_all(source.join("parts")).unwrap();
    let numbers = 0..12;
    for number in numbers.clone() {
        let part = source.join(format!("parts/p{number:02}.ts"));
        fs::write(part, "export const word = \"all\";").unwrap();
    }
    let import = |n| format!("import {{ word as w{n} }} from \"./parts/p{n:02}.ts\";");
    let imports = numbers.clone().map(import).collect::<Vec<_>>().join("\n");
    let words = numbers.map(|n| format!("w{n}")).collect::<Vec<_>>().join(", ");
    let entry = format!("{imports}\nexport default () => [{words}];\n");
    fs::write(source.join("index.ts"), entry).unwrap();

    let target = bed.path("in/hello");
    let copying = copy_slowly(&source, &target, Duration::from_millis(300));
    let watching = async {
        bed.wait("anything is published", || bed.record("hello"), Option::is_some).await.unwrap()
    };
    let ((), first) = tokio::join!(copying, watching);

    assert_eq!(first.state_name(), "live", "{:?}", first.problems);
}

#[tokio::test]
async fn a_commonjs_function_a_package_and_an_import_map_are_bundled() {
    let bed = Bed::started();
    bed.write(
        "old/index.cjs",
        "const os = require(\"os\"); module.exports = (q, s) => s.end(\"old\");",
    );
    bed.write("new/node_modules/pad/package.json", r#"{"name": "pad", "main": "main.js"}"#);
    bed.write("new/node_modules/pad/main.js", "exports.pad = () => require(\"fs\") && \"padded\";");
    bed.write("new/deno.json", r#"{"imports": {"@/": "./src/"}}"#);
    bed.write("new/src/word.tsx", "export const word: string = \"mapped\";");
    bed.write(
        "new/index.ts",
        "import { pad } from \"pad\"; import { word } from \"@/word.tsx\"; export const f = () => pad(word);",
    );
    let old = bed.says("old", "old").await;
    assert_eq!(old.release().unwrap().format, Format::Cjs);
    bed.says("new", "padded").await;
    bed.says("new", "mapped").await;
    assert!(bed.code("new").unwrap().starts_with("import{createRequire"));
    bed.write_function("plain", "plain");
    bed.says("plain", "plain").await;
    assert!(!bed.code("plain").unwrap().contains("createRequire"));
}

#[tokio::test]
async fn published_code_and_its_map_name_the_authors_files_and_no_folder_of_this_machine() {
    let bed = Bed::started();
    bed.write("hello/lib/word.ts", "export const word = \"deep\";");
    bed.write(
        "hello/index.ts",
        "import { createHandler } from \"doze\";\nimport { word } from \"./lib/word.ts\";\n\
         export default createHandler(() => word);",
    );
    bed.says("hello", "deep").await;
    let folder = bed.path("registry/.live/hello");
    let map = fs::read_to_string(folder.join("bundle.js.map")).unwrap();
    let sources: serde_json::Value = serde_json::from_str(&map).unwrap();
    let sources: Vec<_> =
        sources["sources"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert!(sources.contains(&"index.ts") && sources.contains(&"lib/word.ts"), "{sources:?}");
    assert!(sources.iter().any(|source| source.starts_with("doze/")), "{sources:?}");
    for text in [map, bed.code("hello").unwrap()] {
        assert!(!text.contains("../"), "{text}");
    }
}

#[tokio::test]
async fn files_that_are_named_are_published_beside_the_code() {
    let bed = Bed::started();
    bed.write_function("hello", "one").write("hello/public/a/page.html", "page");
    bed.write("hello/data/x.json", "{}").write("hello/data/y.json", "{}");
    bed.write(
        "hello/registry.json",
        r#"{"static": "public", "permissions": ["--allow-read=data/x.json"]}"#,
    );
    let first = bed.says("hello", "one").await;
    let files = bed.path("registry/.live/hello/files");
    assert_eq!(fs::read_to_string(files.join("public/a/page.html")).unwrap(), "page");
    assert!(files.join("data/x.json").exists() && !files.join("data/y.json").exists());

    bed.write("hello/public/a/page.html", "other page");
    let look = || bed.revision("hello").unwrap();
    let old = first.release().unwrap().revision.to_string();
    bed.wait("a file's content makes a new revision", look, |new| *new != old).await;
    assert_eq!(fs::read_to_string(files.join("public/a/page.html")).unwrap(), "other page");
}
