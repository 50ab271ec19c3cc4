//! Bad input is one clear problem on one function and never stops the service.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::bed::Bed;

#[tokio::test]
async fn each_kind_of_bad_input_is_one_problem_on_one_function() {
    let bed = Bed::started();
    let cases = [
        ("empty", "README.md", "", "no entry file; expected one of index.ts"),
        ("later", "fn.py", "", "`fn.py` cannot be run yet"),
        ("json", "registry.json", "{", "registry.json:1:1: not valid JSON"),
        ("field", "registry.json", r#"{"permission": []}"#, "did you mean `permissions`?"),
        ("flag", "registry.json", r#"{"permissions": ["-A"]}"#, "`-A` is refused"),
        (
            "static",
            "registry.json",
            r#"{"static": "public"}"#,
            "`static`: the folder `public` does not exist",
        ),
        ("syntax", "index.ts", "export default (", "index.ts:1:17: Unexpected end of file"),
        ("nothing", "index.ts", "console.log(1)", "index.ts: exports nothing that can be called"),
        ("types", "index.ts", "export type A = string", "exports nothing that can be called"),
        (
            "npm",
            "index.ts",
            "import x from \"npm:zod@3\"; export default x",
            "index.ts:1:15: could not resolve `npm:zod@3`; run `npm install zod@3` in `npm` and import it as `zod`",
        ),
        (
            "jsr",
            "index.ts",
            "import x from \"jsr:@std/path@1\"; export default x",
            "run `npx jsr add @std/path@1` in `jsr` and import it as `@std/path`",
        ),
        (
            "url",
            "index.ts",
            "\nimport x from \"https://x.example/a.ts\"; export default x",
            "index.ts:2:15: could not resolve `https://x.example/a.ts`; nothing is fetched",
        ),
        (
            "file",
            "index.ts",
            "import x from \"./nope.ts\"; export default x",
            "could not resolve `./nope.ts`; there is no such file",
        ),
        (
            "name",
            "index.ts",
            "import { x } from \"./other.ts\"; export default x",
            "index.ts:1:10: No matching export in \"other.ts\" for import \"x\"",
        ),
        (
            "data",
            "index.ts",
            "import x from \"./x.bin\"; export default x",
            "No loader is configured",
        ),
    ];
    for (name, file, text, _) in cases {
        bed.write(&format!("{name}/{file}"), text);
        if file == "registry.json" {
            bed.write_function(name, "one");
        }
    }
    bed.write("name/other.ts", "export const y = 1").write("data/x.bin", "");
    bed.write("hello.ts", "")
        .write("deploy.zip", "")
        .write("README.md", "")
        .write("deno.json", "{");
    for (name, _, _, expected) in cases {
        let (record, problems) = bed.fails(name).await;
        assert_eq!(record.state_name(), "broken");
        assert_eq!(record.problems.len(), 1, "{name}: {problems}");
        assert!(problems.contains(expected), "{name}\n  gave {problems}\n  not {expected}");
    }
    assert!(bed.fails("hello.ts").await.1.contains("put it in a folder, as `hello/index.ts`"));
    assert!(bed.fails("deploy.zip").await.1.contains("unpack it"));
    for ignored in ["README.md", "deno.json"] {
        assert!(bed.record(ignored).is_none());
    }
}

#[tokio::test]
async fn names_that_cannot_be_published_stop_nobody_else() {
    let bed = Bed::started();
    for name in [b"a\nb".as_slice(), b"\xff\xfe", b"a b", b"-x", &[b'a'; 64]] {
        let folder = bed.path("in").join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.ts"), "export default 1").unwrap();
    }
    bed.write_function("hello", "one").write_function("_lib", "no").write_function(".x", "no");
    bed.says("hello", "one").await;
    let live = fs::read_dir(bed.path("registry/.live")).unwrap().count();
    assert_eq!(live, 1);
}

#[tokio::test]
async fn a_pipe_is_never_opened_wherever_it_stands() {
    let bed = Bed::started();
    let mode = nix::sys::stat::Mode::S_IRWXU;
    bed.write_function("among", "one").write("entry/README.md", "");
    nix::unistd::mkfifo(&bed.path("in/among/pipe"), mode).unwrap();
    nix::unistd::mkfifo(&bed.path("in/entry/index.ts"), mode).unwrap();
    nix::unistd::mkfifo(&bed.path("in/itself"), mode).unwrap();
    assert!(bed.fails("among").await.1.contains("pipe: is a pipe (FIFO)"));
    assert!(bed.fails("entry").await.1.contains("index.ts: is a pipe (FIFO)"));
    assert!(bed.fails("itself").await.1.contains("where a folder should be"));
    fs::remove_file(bed.path("in/among/pipe")).unwrap();
    bed.says("among", "one").await;
}

#[tokio::test]
async fn a_function_whose_entry_goes_away_is_stale_and_not_gone() {
    let bed = Bed::started();
    bed.write_function("hello", "one").write_function("ada/hello", "two");
    bed.says("hello", "one").await;
    bed.says("ada/hello", "two").await;
    for name in ["hello", "ada/hello"] {
        fs::rename(
            bed.path("in").join(name).join("index.ts"),
            bed.path("in").join(name).join("x.ts"),
        )
        .unwrap();
    }
    for name in ["hello", "ada/hello"] {
        let (record, problems) = bed.fails(name).await;
        assert_eq!(record.state_name(), "stale");
        assert!(problems.contains("no entry file"), "{problems}");
    }
}

#[tokio::test]
async fn a_link_that_leads_nowhere_leaves_the_function_live() {
    let bed = Bed::started();
    fs::create_dir(bed.path("release")).unwrap();
    fs::write(bed.path("release/index.ts"), crate::bed::says("one")).unwrap();
    symlink(bed.path("release"), bed.path("in/hello")).unwrap();
    bed.says("hello", "one").await;
    fs::rename(bed.path("release"), bed.path("away")).unwrap();
    let (record, problems) = bed.fails("hello").await;
    assert_eq!(record.state_name(), "stale");
    assert!(problems.contains("leads nowhere"), "{problems}");
}
