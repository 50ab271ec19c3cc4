//! `doze deploy`.

use std::fs;
use std::io::Write;

use super::terminal::{CommandLine, Outcome};
use crate::harness::TestBed;

async fn run(bed: &mut TestBed, args: &[&str]) -> Outcome {
    CommandLine::of(bed, &[&["deploy"], args].concat()).await.run().await
}

fn write(bed: &TestBed, path: &str, text: &str) {
    let file = bed.path(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder can be made");
    fs::write(file, text).expect("a file can be written");
}

fn says(text: &str) -> String {
    format!("export default () => '{text}'")
}

#[tokio::test]
async fn a_folder_is_live_when_the_program_ends() {
    let mut bed = TestBed::start().await;
    write(
        &bed,
        "work/greet/index.ts",
        "import { text } from './lib/text.ts';\nimport pad from 'pad';\nexport default () => pad(text);",
    );
    write(&bed, "work/greet/lib/text.ts", "export const text = 'hi';");
    write(&bed, "work/greet/node_modules/pad/index.js", "module.exports = (text) => `  ${text}`;");
    write(&bed, "work/greet/.env", "KEY=secret");
    let outcome = run(&mut bed, &["work/greet"]).await.ok();
    assert_eq!(outcome.stdout, format!("http://{}/greet\n", bed.address()));
    assert!(outcome.stderr.contains("`greet` is live"), "{outcome:?}");
    assert!(outcome.stderr.contains("left out: .env"), "{outcome:?}");
    assert_eq!(bed.get("/greet").await.ok().text(), "  hi");
    assert!(!bed.path("registry_in/greet/.env").exists());

    let again = run(&mut bed, &["work/greet"]).await.ok();
    assert!(again.stderr.contains("was live already"), "{again:?}");
    write(&bed, "work/greet/lib/text.ts", "export const text = 'hello';");
    run(&mut bed, &["work/greet"]).await.ok();
    assert_eq!(bed.get("/greet").await.ok().text(), "  hello");
}

#[tokio::test]
async fn one_file_is_a_function_called_as_itself_or_as_one_says() {
    let mut bed = TestBed::start().await;
    write(&bed, "echo.mjs", &says("file"));
    let outcome = run(&mut bed, &["echo.mjs"]).await.ok();
    assert_eq!(outcome.stdout, format!("http://{}/echo\n", bed.address()));
    assert_eq!(bed.get("/echo").await.ok().text(), "file");
    run(&mut bed, &["echo.mjs", "--name", "ada/echo"]).await.ok();
    assert_eq!(bed.get("/ada/echo").await.ok().text(), "file");
}

#[tokio::test]
async fn an_archive_is_sent_as_it_is() {
    let mut bed = TestBed::start().await;
    let mut zip = zip::ZipWriter::new(fs::File::create(bed.path("packed.zip")).expect("a file"));
    zip.start_file("index.ts", zip::write::SimpleFileOptions::default()).expect("an entry");
    zip.write_all(says("zip").as_bytes()).expect("its text");
    zip.finish().expect("an archive");
    run(&mut bed, &["packed.zip"]).await.ok();
    assert_eq!(bed.get("/packed").await.ok().text(), "zip");

    write(&bed, "broken.tar.gz", "nonsense");
    run(&mut bed, &["broken.tar.gz"]).await.fails(1, &["archive"]);
}

#[tokio::test]
async fn every_problem_is_told_where_an_editor_finds_it_and_nothing_changes() {
    let mut bed = TestBed::start().await;
    write(&bed, "greet/index.ts", &says("good"));
    run(&mut bed, &["greet"]).await.ok();
    write(&bed, "greet/index.ts", "export default (");
    write(&bed, "greet/registry.json", r#"{"idleSecond": 1}"#);
    let outcome = run(&mut bed, &["greet"]).await;
    let place = "greet/index.ts:1:17: ";
    let outcome = outcome.fails(1, &[place, "greet/registry.json: `idleSecond`", "2 problems"]);
    assert_eq!(outcome.stdout, "");
    assert_eq!(bed.get("/greet").await.ok().text(), "good");
}

#[tokio::test]
async fn a_script_gets_what_the_api_answers() {
    let mut bed = TestBed::start().await;
    write(&bed, "greet/index.ts", &says("hi"));
    let answer = run(&mut bed, &["greet", "--json"]).await.ok().json();
    assert_eq!((&answer["function"]["name"], &answer["changed"]), (&"greet".into(), &true.into()));
    assert_eq!(answer["function"]["state"], "live");
}
