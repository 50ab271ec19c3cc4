//! A function that is sent instead of dropped.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::archives::pack::Zip;
use crate::harness::{TestBed, until, within};

pub(super) fn says(text: &str) -> String {
    format!("export default () => {text:?};")
}

/// Every name in `registry_in`, hidden ones too.
pub(super) fn names(bed: &TestBed) -> Vec<String> {
    let entries = fs::read_dir(bed.path("registry_in")).expect("a readable folder");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().into_string().expect("text")
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

/// Waits until nothing is left of what was made on the way.
pub(super) async fn holds_only(bed: &TestBed, wanted: &[&str]) {
    until("no draft is left", || {
        let names = names(bed);
        if names == wanted { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await;
}

#[tokio::test]
async fn nobody_deploys_without_the_token() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let path = "/api/functions/hello";
    let request = admin.anonymous("PUT", path).header("content-type", "text/typescript");
    request.body(says("hi")).await.error(401, "unauthorized");
    assert_eq!(names(&bed), [""; 0]);
}

#[tokio::test]
async fn a_new_function_is_live_when_the_call_returns_and_so_is_its_change() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;

    let first = admin.deploy("hello", &says("one")).await;
    assert_eq!((first.status, &first.json()["changed"]), (201, &json!(true)), "{first:?}");
    // It runs when the change comes, so that the change has to take over.
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    let function = &first.json()["function"];
    assert_eq!(function["state"], "live");
    assert_eq!(function["revision"], bed.published("hello")["revision"]);

    let second = admin.deploy("hello", &says("two")).await;
    assert_eq!((second.status, &second.json()["changed"]), (200, &json!(true)), "{second:?}");
    assert_eq!(bed.get("/hello").await.ok().text(), "two");

    let same = admin.deploy("hello", &says("two")).await;
    assert_eq!((same.status, &same.json()["changed"]), (200, &json!(false)), "{same:?}");
    let written = fs::read_to_string(bed.path("registry_in/hello/index.ts")).unwrap();
    assert_eq!(written, says("two"), "the folder is what was sent");
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn a_change_with_problems_leaves_everything_as_it_was_and_tells_all_of_them() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.deploy("hello", &says("good")).await;
    let before = bed.published("hello");

    let source = "import './missing.ts';\nimport 'left-pad';\nexport default () => 'bad';";
    let refused = admin.deploy("hello", source).await.error(422, "invalid_source");
    let problems = refused.json()["error"]["problems"].clone();
    assert_eq!(problems.as_array().map(Vec::len), Some(2), "{problems}");
    assert_eq!((&problems[0]["file"], &problems[0]["line"]), (&json!("index.ts"), &json!(1)));
    admin.deploy("fresh", source).await.error(422, "invalid_source");

    assert_eq!(bed.published("hello"), before);
    assert_eq!(bed.get("/hello").await.ok().text(), "good");
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn a_revision_that_does_not_start_is_told_while_the_one_before_serves_on() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.deploy("hello", &says("good")).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "good");
    let throws = "throw new Error('at start'); export default () => 'bad';";
    admin.deploy("hello", throws).await.error(502, "start_failed");
    assert_eq!(bed.get("/hello").await.ok().text(), "good");
}

#[tokio::test]
async fn a_single_source_may_say_which_entry_file_it_is() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let jsx = "export default () => String(typeof (<b/>));\nfunction React() {}";
    let put = |file: &'static str| {
        admin.put("page", "text/typescript; charset=utf-8", jsx).header("x-doze-file", file)
    };
    put("page.tsx").await.error(400, "bad_request");
    put("../index.ts").await.error(400, "bad_request");
    admin.put("page", "text/x-python", "print()").await.error(415, "unsupported_media_type");
    assert_eq!(names(&bed), [""; 0]);
    let script = "module.exports = (_request, response) => response.end('cjs');";
    let commonjs = admin.put("old", "text/javascript", script).header("x-doze-file", "index.cjs");
    assert_eq!(commonjs.await.status, 201);
    assert_eq!(bed.get("/old").await.ok().text(), "cjs");
    assert!(bed.path("registry_in/old/index.cjs").is_file());
}

#[tokio::test]
async fn deploys_of_one_name_at_once_end_with_one_of_them_whole() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let says = |file: &str, number: usize| match file {
        "other.ts" => format!("export default {number};"),
        _ => format!("import other from './other.ts'; export default () => [{number}, other];"),
    };
    let deploys = (0..8).map(|number| {
        let files = ["index.ts", "other.ts"].map(|file| (file, says(file, number)));
        let zip = files.iter().fold(Zip::new(), |zip, (name, text)| zip.file(name, text));
        let admin = admin.clone();
        async move { admin.put("hello", "application/zip", zip.pack()).await }
    });
    for response in join_all(deploys).await {
        assert!(matches!(response.status, 200 | 201), "{response:?}");
    }
    let served = bed.get("/hello").await.ok();
    let [number, other]: [usize; 2] = serde_json::from_str(served.text()).unwrap();
    assert_eq!(number, other);
    for file in ["index.ts", "other.ts"] {
        let written = fs::read_to_string(bed.path(&format!("registry_in/hello/{file}"))).unwrap();
        assert_eq!(written, says(file, number), "what is served is what lies there");
    }
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn a_folder_that_is_edited_by_hand_meanwhile_ends_as_it_lies_there() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.deploy("hello", &says("first")).await;
    for round in 0..6 {
        let deploy = admin.put("hello", "text/typescript", says(&format!("sent {round}"))).spawn();
        bed.function("hello").source(says(&format!("typed {round}"))).write();
        let response = deploy.await.expect("no panic");
        assert_eq!(response.status, 200, "{response:?}");
        let lies = fs::read_to_string(bed.path("registry_in/hello/index.ts")).unwrap();
        let text = lies.split('"').nth(1).expect("a text in quotes").to_owned();
        bed.answers("/hello", &text).await;
    }
    // The folder is another one than it was; its changes are still noticed, and
    // before everything is looked at anyway.
    let edit = bed.function("hello").source(says("typed last")).drop_in();
    within(Duration::from_secs(20), "the change is noticed", edit).await;
    bed.answers("/hello", "typed last").await;
}

#[tokio::test]
async fn an_owner_is_made_where_it_is_missing_and_never_taken_for_a_function() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    assert_eq!(admin.deploy("ada/hello", &says("hers")).await.status, 201);
    assert_eq!(bed.get("/ada/hello").await.ok().text(), "hers");

    let owner = admin.deploy("ada", &says("mine")).await.error(409, "conflict");
    assert!(owner.text().contains("ada/hello"), "{owner:?}");
    admin.deploy("bob", &says("bob")).await;
    let below = admin.deploy("bob/hello", &says("below")).await.error(409, "conflict");
    assert!(below.text().contains("`bob` is a function"), "{below:?}");
    admin.deploy("ada/node_modules", &says("x")).await.error(409, "conflict");
    admin.put("a%20b", "text/typescript", says("x")).await.error(400, "invalid_name");

    assert_eq!(bed.get("/ada/hello").await.ok().text(), "hers");
    assert_eq!(bed.get("/bob").await.ok().text(), "bob");
    holds_only(&bed, &["ada", "bob"]).await;
    assert!(!bed.path("registry_in/bob/hello").exists());
}

#[tokio::test]
async fn a_link_in_a_functions_place_is_neither_followed_nor_replaced() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let elsewhere = bed.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("index.ts"), says("linked")).unwrap();
    symlink(&elsewhere, bed.path("registry_in/hello")).unwrap();
    symlink(&elsewhere, bed.path("registry_in/owner")).unwrap();
    bed.function("hello").live().await;

    admin.deploy("hello", &says("sent")).await.error(409, "conflict");
    admin.deploy("owner/hello", &says("sent")).await.error(409, "conflict");
    admin.function("DELETE", "hello", "").await.error(409, "conflict");
    let patch = admin.function("PATCH", "hello", "/manifest");
    let patch = patch.header("content-type", "application/json").body("{\"env\":{}}");
    patch.await.error(409, "conflict");

    assert_eq!(fs::read_to_string(elsewhere.join("index.ts")).unwrap(), says("linked"));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    assert_eq!(bed.get("/hello").await.ok().text(), "linked");
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_told_with_what_to_do() {
    let mut bed = TestBed::new().by_plain_user().up().await;
    bed.function("hello").source(says("dropped")).drop_in().await;
    let admin = bed.admin().await;
    let lock = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(bed.path("registry_in"), mode).expect("it may be changed");
    };
    lock(0o555);
    let refused = admin.deploy("hello", &says("sent")).await.error(409, "read_only");
    assert!(refused.text().contains(":ro"), "{refused:?}");
    admin.function("DELETE", "hello", "").await.error(409, "read_only");
    assert_eq!(bed.get("/hello").await.ok().text(), "dropped");
    lock(0o755);
    assert_eq!(admin.deploy("other", &says("sent")).await.status, 201);
}

#[tokio::test]
async fn what_a_killed_server_was_unpacking_is_removed_by_the_next() {
    let mut bed = TestBed::start().await;
    bed.stop();
    let left = bed.path("registry_in/.doze-draft-0123456789abcdef/function");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("index.ts"), says("half")).unwrap();
    fs::create_dir(bed.path("registry_in/.git")).unwrap();
    bed.restart().await;
    holds_only(&bed, &[".git"]).await;
}

#[tokio::test]
async fn the_files_of_a_deployed_function_belong_to_whom_the_folder_does() {
    use std::os::unix::fs::MetadataExt;
    let mut bed = TestBed::new();
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let user = Some(crate::harness::PLAIN_USER);
    std::os::unix::fs::chown(bed.path("registry_in"), user, user).unwrap();
    bed = bed.up().await;
    let admin = bed.admin().await;
    assert_eq!(admin.deploy("ada/hello", &says("hi")).await.status, 201);
    let owner = |path: &Path| fs::metadata(path).expect("it is there").uid();
    for path in ["ada", "ada/hello", "ada/hello/index.ts"] {
        assert_eq!(Some(owner(&bed.path("registry_in").join(path))), user, "{path}");
    }
}
