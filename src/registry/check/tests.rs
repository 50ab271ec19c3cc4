use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::registry::fingerprint::BuilderId;
use crate::registry::inbox::Inbox;

fn write(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join("hello").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn check_hello(root: &TempDir) -> Result<Checked, Vec<Problem>> {
    let inbox = Inbox::new(root.path().to_owned(), BuilderId::of([]));
    let scan = inbox.scan(&|_| std::collections::BTreeSet::new()).unwrap();
    check(&scan.sources[0], &OperatorAllows::default())
}

fn problems(root: &TempDir) -> String {
    let problems = match check_hello(root) {
        Ok(checked) => checked.problems,
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_mistake_in_the_settings_is_told_with_its_file() {
    for (file, text, expected) in [
        ("registry.json", "{", "registry.json:1:1: not valid JSON"),
        (
            "registry.json",
            r#"{"static": "public"}"#,
            "`static`: the folder `public` does not exist",
        ),
        ("registry.json", r#"{"static": "index.ts"}"#, "is a file; expected a folder"),
        ("registry.json", r#"{"static": "out"}"#, "`out` leads out of the function's folder"),
        ("registry.json", r#"{"permissions": ["--allow-read=data"]}"#, "so create it"),
        ("registry.json", r#"{"permissions": ["--allow-write=out/x"]}"#, "leads out of the"),
        ("registry.json", r#"{"permissions": ["--allow-read=links"]}"#, "links/up: leads out"),
        ("registry.json", r#"{"permissions": ["--allow-read=loop"]}"#, "a link back to a folder"),
        ("deno.json", "{\n \"imports\": [1", "deno.json:2:"),
        ("deno.json", r#"{"imports": []}"#, "expected an object of strings"),
        (
            "deno.json",
            r#"{"imports": {"a": "https://x.example/a.ts"}}"#,
            "`a`: `https://x.example/a.ts`",
        ),
        ("deno.json", r#"{"imports": {"a": "../b.ts"}}"#, "cannot be imported"),
        ("deno.json", r#"{"imports": {"./a": "./b.ts"}}"#, "only a bare name"),
        ("deno.json", r#"{"imports": {"z": "npm:zod@3"}}"#, "run `npm install zod@3`"),
    ] {
        let root = tempfile::tempdir().unwrap();
        write(&root, "index.ts", "");
        write(&root, "links/x", "");
        write(&root, "loop/x", "");
        symlink("/etc", root.path().join("hello/out")).unwrap();
        symlink("../../..", root.path().join("hello/links/up")).unwrap();
        symlink(".", root.path().join("hello/loop/back")).unwrap();
        write(&root, file, text);
        let told = problems(&root);
        assert!(told.contains(expected), "{text}\n  gave {told}\n  not {expected}");
    }
}

#[test]
fn problems_of_entry_manifest_and_imports_are_told_together() {
    let root = tempfile::tempdir().unwrap();
    write(&root, "registry.json", r#"{"memoryMb": 1}"#);
    write(&root, "deno.json", r#"{"imports": 1}"#);
    let told = problems(&root);
    for expected in ["no entry file", "`memoryMb`", "`imports`"] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn an_entry_that_is_no_file_or_leads_out_is_a_problem() {
    for (target, expected) in [("/etc/passwd", "index.ts: leads out"), ("gone", "does not exist")] {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("hello")).unwrap();
        symlink(target, root.path().join("hello/index.ts")).unwrap();
        assert!(problems(&root).contains(expected), "{}", problems(&root));
    }
}

#[test]
fn a_language_of_later_is_told_apart_from_nothing() {
    let root = tempfile::tempdir().unwrap();
    write(&root, "fn.py", "");
    assert!(problems(&root).contains("`fn.py` cannot be run yet"));
}

#[test]
fn the_import_map_gives_aliases() {
    let root = tempfile::tempdir().unwrap();
    write(&root, "index.ts", "");
    write(&root, "node_modules/zod/index.js", "");
    let map =
        r#"{"imports": {"@/": "./src/", "lib": "./lib.ts", "z": "npm:zod@3/v4", "doze": "../x"}}"#;
    write(&root, "deno.jsonc", map);
    let aliases = check_hello(&root).unwrap().aliases;
    let pairs: Vec<_> = aliases.iter().map(|a| (a.from.as_str(), a.to.as_str())).collect();
    assert_eq!(pairs, [("@", "./src"), ("lib", "./lib.ts"), ("z", "zod/v4")]);
}

#[test]
fn published_files_are_what_is_named_and_nothing_hidden() {
    for (manifest, expected) in [
        (r#"{"static": "public"}"#, "public public/.well-known public/.well-known/x public/a.html"),
        (r#"{"permissions": ["--allow-read=./data/b.json"]}"#, "data data/b.json"),
        (
            r#"{"permissions": ["--allow-read"]}"#,
            "data data/b.json data/linked index.ts public public/a.html registry.json",
        ),
        ("{}", ""),
    ] {
        let root = tempfile::tempdir().unwrap();
        for file in ["index.ts", ".env", ".git/config", "data/b.json", "node_modules/x/index.js"] {
            write(&root, file, "");
        }
        write(&root, "public/a.html", "");
        write(&root, "public/.well-known/x", "");
        symlink("b.json", root.path().join("hello/data/linked")).unwrap();
        write(&root, "registry.json", manifest);
        let checked = check_hello(&root).unwrap();
        assert_eq!(checked.problems, []);
        let paths: Vec<_> = checked.files.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(paths.join(" "), expected);
    }
}
