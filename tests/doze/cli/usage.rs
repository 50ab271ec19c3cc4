//! What is said when something is asked that cannot be done.

use std::fs;
use std::net::TcpListener;

use super::terminal::CommandLine;
use crate::harness::TestBed;

/// Every verb that speaks to a server, as it is typed.
const SPOKEN: [&[&str]; 16] = [
    &["deploy", "hello"],
    &["list"],
    &["show", "hello"],
    &["invoke", "hello"],
    &["invoke", "--source", "hello/index.ts"],
    &["logs", "hello"],
    &["rollback", "hello"],
    &["refresh", "hello"],
    &["remove", "hello", "--yes"],
    &["instances"],
    &["token", "hello", "create"],
    &["token", "hello", "list"],
    &["token", "hello", "revoke", "id"],
    &["secret", "list"],
    &["secret", "remove", "KEY"],
    &["open"],
];

/// A place with a function and no server.
fn place() -> TestBed {
    let bed = TestBed::new();
    fs::create_dir(bed.path("hello")).expect("a folder can be made");
    fs::write(bed.path("hello/index.ts"), "export default () => 'hi'").expect("a file");
    bed
}

#[tokio::test]
async fn without_a_token_it_is_said_where_one_is_looked_for() {
    let bed = place();
    for args in SPOKEN {
        let outcome = CommandLine::new(&bed.path(""), args).run().await;
        let outcome = outcome.fails(1, &["DOZE_TOKEN", "data/admin-token", "hint: "]);
        assert_eq!(outcome.stdout, "");
    }
    let line = CommandLine::new(&bed.path(""), &["list"]);
    line.clone().env("DOZE_DATA", "kept").run().await.fails(1, &["kept/admin-token"]);
    line.clone().env("DOZE_ADMIN_TOKEN_FILE", "t").run().await.fails(1, &["`t`"]);
    // Set to nothing is not set.
    line.env("DOZE_TOKEN", "").run().await.fails(1, &["data/admin-token"]);
}

#[tokio::test]
async fn without_a_server_it_is_said_how_to_start_one() {
    let bed = place();
    // Bound, and closed again: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let server = format!("http://{}", free.expect("an address"));
    for args in SPOKEN {
        let line = CommandLine::new(&bed.path(""), args).env("DOZE_SERVER", &server);
        let outcome = line.env("DOZE_TOKEN", "0123456789abcdef").run().await;
        let outcome = outcome.fails(1, &[&server, "hint: ", "doze up", "--server"]);
        assert_eq!(outcome.stdout, "");
    }
}

#[tokio::test]
async fn the_gateway_is_not_the_admin_api() {
    let bed = TestBed::new();
    // The gateway is a server, and not the admin API.
    let bed = bed.up().await;
    for args in [&["list"][..], &["show", "hello"]] {
        let line = CommandLine::new(&bed.path(""), args).env("DOZE_SERVER", bed.address());
        line.run().await.fails(1, &["is a gateway", "hint: ", "--server"]);
    }
}

#[tokio::test]
async fn a_command_line_that_cannot_be_meant_is_a_usage_error() {
    let bed = place();
    for (args, texts) in [
        (&["list", "--server", "ftp://here"][..], &["ftp://here", "hint: "][..]),
        (&["invoke"], &["--source"]),
        (&["invoke", "hello", "--source", "x.ts"], &["cannot be used with"]),
        (&["invoke", "hello", "--header", "nonsense"], &["--header", "accept: text/html"]),
        (&["invoke", "hello", "--path", "a b"], &["--path"]),
        (&["invoke", "--source", "-", "--stdin"], &["standard input", "hint: "]),
        (&["logs", "hello", "--since", "yesterday"], &["--since", "10m"]),
        (&["logs", "hello", "--level", "loud"], &["debug", "error"]),
        (&["show", "a/b/c"], &["owner/name"]),
        (&["deploy", "nowhere"], &["`nowhere`", "hint: "]),
        (&["deploy", "hello", "--folder", "sub"], &["--folder", "URL"]),
        (&["deploy", "hello", "--name", "a b"], &["--name"]),
        (&["secret"], &["set", "list", "remove"]),
    ] {
        let line = CommandLine::new(&bed.path(""), args).env("DOZE_TOKEN", "0123456789abcdef");
        let outcome = line.run().await.fails(2, texts);
        assert_eq!(outcome.stdout, "");
    }
}

#[tokio::test]
async fn colour_is_for_terminals_and_only_where_it_is_wanted() {
    let bed = TestBed::new();
    let line = CommandLine::new(&bed.path(""), &["list"]);
    let colour = "\u{1b}[";
    assert!(!line.run().await.fails(1, &["error: "]).stderr.contains(colour));
    let seen = line.run_at_terminal("", "").await.fails(1, &["error", "hint"]).stderr;
    assert!(seen.contains(colour), "{seen:?}");
    let seen =
        line.env("NO_COLOR", "1").run_at_terminal("", "").await.fails(1, &["error: "]).stderr;
    assert!(!seen.contains(colour), "{seen:?}");
}
