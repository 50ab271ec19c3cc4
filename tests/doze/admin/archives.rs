//! Archives as they are sent, good and bad.

pub(super) mod pack;

use std::fs;

use bytes::Bytes;
use tar::EntryType;

use super::deploy::{holds_only, says};
use crate::harness::{Admin, Response, TestBed};
use pack::{Tar, Zip};

const ZIP: &str = "application/zip";
const TAR: &str = "application/gzip";
/// More than an archive may hold.
const TOO_MANY: usize = 20_001;

#[tokio::test]
async fn an_archive_becomes_the_functions_folder() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let zip = Zip::new()
        .file("index.ts", "import { name } from './lib/name.ts'; export default () => name;")
        .folder("lib")
        .file("lib/name.ts", "export const name = 'zip';")
        .file("__MACOSX/._index.ts", "what Apple adds");
    assert_eq!(admin.put("hello", ZIP, zip.pack()).await.status, 201);
    assert_eq!(bed.get("/hello").await.ok().text(), "zip");
    assert!(!bed.path("registry_in/hello/__MACOSX").exists());

    // What is not in the next one is gone.
    let tar = Tar::new().file("index.js", &says("tar"));
    for kind in [TAR, "application/x-gzip", "application/x-tar+gzip"] {
        assert_eq!(admin.put("hello", kind, tar.pack()).await.status, 200);
    }
    assert_eq!(bed.get("/hello").await.ok().text(), "tar");
    let folder = fs::read_dir(bed.path("registry_in/hello")).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["index.js"]);
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn one_folder_around_everything_is_not_part_of_the_function() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let long = "n".repeat(120);
    let path = format!("project-main/{long}/value.ts");
    let entry = format!("import value from './{long}/value.ts'; export default () => value;");
    let zip = Zip::new().file("project-main/index.ts", &entry).file(&path, "export default 'zip';");
    assert_eq!(admin.put("hello", ZIP, zip.pack()).await.status, 201);
    assert_eq!(bed.get("/hello").await.ok().text(), "zip");
    // Names of that length are written in two ways.
    for tar in [Tar::new(), Tar::posix()] {
        let tar = tar
            .kind("pax_global_header", EntryType::XGlobalHeader, "")
            .file("./project-main/index.ts", &entry);
        let tar = tar.file(&path, "export default 'tar';");
        let response = admin.put("hello", TAR, tar.pack()).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(bed.get("/hello").await.ok().text(), "tar");
    }
}

/// Sends an archive that is to be refused, and checks that it left no trace.
async fn refused(bed: &TestBed, admin: &Admin, kind: &str, archive: Bytes) -> Response {
    let response = admin.put("hello", kind, archive).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "before", "{response:?}");
    assert_eq!(bed.published("hello")["state"], "live");
    holds_only(bed, &["hello"]).await;
    let around = ["escape", "registry_in/escape", "registry_in/hello/index.js", "data/escape"];
    for outside in around {
        assert!(!bed.path(outside).exists(), "{outside} was written: {response:?}");
    }
    response
}

async fn bed_with_function() -> (TestBed, Admin) {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    assert_eq!(admin.deploy("hello", &says("before")).await.status, 201);
    (bed, admin)
}

#[tokio::test]
async fn no_entry_of_a_tar_reaches_out_of_the_function_or_is_anything_but_a_file() {
    let (bed, admin) = bed_with_function().await;
    let out = bed.path("escape").display().to_string();
    let tar = || Tar::new().file("index.js", &says("after"));
    let long_out = format!("{}/../../escape", "a/".repeat(60));
    let cases = [
        ("../../escape", tar().file("../../escape", "x"), "`..`"),
        ("a/../../../escape", tar().file("a/../../../escape", "x"), "`..`"),
        (&*out, tar().file(&out, "x"), "absolute"),
        ("\\escape", tar().file("..\\escape", "x"), "backslash"),
        ("../", tar().file(&long_out, "x"), "`..`"),
        ("../", Tar::posix().file(&long_out, "x"), "`..`"),
        ("link", tar().link("link", EntryType::Symlink, &out), "a symbolic link"),
        ("link", tar().link("link", EntryType::Symlink, "index.js"), "a symbolic link"),
        ("hard", tar().link("hard", EntryType::Link, "/etc/passwd"), "a hard link"),
        ("pipe", tar().kind("pipe", EntryType::Fifo, ""), "a pipe"),
        ("null", tar().kind("null", EntryType::Char, ""), "a device"),
        ("disk", tar().kind("disk", EntryType::Block, ""), "a device"),
        ("odd", tar().kind("odd", EntryType::new(b'V'), ""), "unknown kind"),
        ("sparse", tar().kind("sparse", EntryType::GNUSparse, ""), "sparse"),
        ("index.js", tar().file("index.js", "again"), "twice"),
        ("index.js/x", tar().file("index.js/x", "below a file"), "lies in a file"),
        ("index.js", tar().file("./index.js", "again"), "twice"),
        ("n", tar().file(&"n".repeat(300), "x"), "too long a name"),
        ("d/d", tar().file(&"d/".repeat(150), "x"), "folders deep"),
    ];
    for (entry, archive, why) in cases {
        let response = refused(&bed, &admin, TAR, archive.pack()).await;
        let response = response.error(422, "invalid_archive");
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        let shown = entry.replace('\\', "\\\\");
        assert!(message.contains(&shown) && message.contains(why), "{entry}, {why}: {message}");
    }
}

#[tokio::test]
async fn no_entry_of_a_zip_reaches_out_of_the_function_or_is_anything_but_a_file() {
    let (bed, admin) = bed_with_function().await;
    let out = bed.path("escape").display().to_string();
    let zip = || Zip::new().file("index.js", &says("after"));
    let cases = [
        ("../../escape", zip().file("../../escape", "x").pack(), "`..`"),
        (&*out, zip().file(&out, "x").pack(), "absolute"),
        ("\\escape", zip().file("..\\escape", "x").pack(), "backslash"),
        ("link", zip().symlink("link", &out).pack(), "a symbolic link"),
        (
            "pipe",
            zip().file("pipe", "x").mode("pipe", 0o010_644).pack(),
            "a device, a pipe or a socket",
        ),
        ("index.js/x", zip().file("index.js/x", "below a file").pack(), "lies in a file"),
        ("./index.js", zip().file("./index.js", "again").pack(), "twice"),
    ];
    for (entry, archive, why) in cases {
        let response = refused(&bed, &admin, ZIP, archive).await;
        let response = response.error(422, "invalid_archive");
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        let shown = entry.replace('\\', "\\\\");
        assert!(message.contains(&shown) && message.contains(why), "{entry}, {why}: {message}");
    }
}

#[tokio::test]
async fn what_is_no_archive_or_half_of_one_is_told() {
    let (bed, admin) = bed_with_function().await;
    let zip = Zip::new().file("index.js", &says("after")).pack();
    let tar = Tar::new().file("index.js", &says("after")).file("big", &"big ".repeat(9000)).pack();
    let random: Vec<u8> =
        (0..5000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let mut torn = zip.to_vec();
    // In the middle of the code.
    torn[40..44].fill(0xff);
    let cases = [
        (ZIP, Bytes::new()),
        (ZIP, random.clone().into()),
        (ZIP, zip.slice(..zip.len() / 2)),
        (ZIP, torn.into()),
        (ZIP, Zip::new().pack()),
        (ZIP, Zip::new().folder("empty").pack()),
        (ZIP, tar.clone()),
        (TAR, Bytes::new()),
        (TAR, random.into()),
        (TAR, tar.slice(..tar.len() / 2)),
        (TAR, zip),
        (TAR, Tar::new().pack()),
    ];
    for (kind, archive) in cases {
        refused(&bed, &admin, kind, archive).await.error(422, "invalid_archive");
    }
}

#[tokio::test]
async fn too_much_in_an_archive_is_refused_by_the_limit_that_it_breaks() {
    let (bed, admin) = bed_with_function().await;
    let zeros = "\0".repeat(40 << 20);
    let bomb = Zip::new().file("index.js", &says("after")).file("zeros", &zeros).pack();
    let many = (0..TOO_MANY).fold(Zip::new(), |zip, number| zip.file(&number.to_string(), ""));
    let many_in_tar =
        (0..TOO_MANY).fold(Tar::new(), |tar, number| tar.file(&number.to_string(), ""));
    let said = Tar::new().kind("x", EntryType::GNULongName, &"long".repeat(20 << 10));
    let said_globally = Tar::new().kind("g", EntryType::XGlobalHeader, &"\0".repeat(200 << 20));
    let cases = [
        (ZIP, bomb, "100 times"),
        (TAR, Tar::new().file("zeros", &zeros).pack(), "100 times"),
        (TAR, said_globally.pack(), "100 times"),
        (ZIP, many.pack(), "20000 files"),
        (TAR, many_in_tar.pack(), "20000 files"),
        (TAR, said.pack(), "64 KiB"),
        (ZIP, Bytes::from(vec![0; (64 << 20) + 1]), "64 MiB"),
    ];
    for (kind, archive, limit) in cases {
        let response = refused(&bed, &admin, kind, archive).await;
        let response = response.error(413, "archive_too_large");
        assert!(response.text().contains(limit), "{limit}: {response:?}");
    }
}

#[tokio::test]
async fn an_archive_without_an_entry_file_is_told_as_the_bundler_tells_it() {
    let (bed, admin) = bed_with_function().await;
    let archive = Zip::new().file("a/readme.md", "x").file("b/readme.md", "x").pack();
    let response = refused(&bed, &admin, ZIP, archive).await.error(422, "invalid_source");
    let problems = &response.json()["error"]["problems"];
    assert!(problems[0]["text"].as_str().unwrap().contains("no entry file"), "{problems}");
    assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems}");
}
