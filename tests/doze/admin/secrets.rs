//! Secrets: set and removed by the operator, seen by the functions that name
//! them and by nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Admin, Connection, Request, Response, TestBed, until};

/// A text that nothing else holds.
const VALUE: &str = "correct horse battery staple";
const TELLS: &str = "export default () => Deno.env.get('API_KEY');";

fn path(name: &str) -> String {
    format!("/api/secrets/{name}")
}

async fn set(admin: &Admin, name: &str, value: &str) -> Response {
    let request = admin.request("PUT", &path(name)).header("content-type", "application/json");
    request.body(json!({ "value": value }).to_string()).await
}

async fn set_well(admin: &Admin, name: &str, value: &str) {
    let response = set(admin, name, value).await;
    assert_eq!((response.status, response.text()), (204, ""), "{response:?}");
}

fn names_key() -> Value {
    json!({ "secrets": ["API_KEY"] })
}

#[tokio::test]
async fn a_function_gets_its_secret_with_the_next_request_after_it_was_set() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("asks").source(TELLS).manifest(names_key()).drop_in().await;
    bed.get("/asks").await.error(502, "start_failed");
    bed.logged("what is missing", |r| {
        r.names("asks") && r.holds("the secret `API_KEY` is not set")
    })
    .await;

    set_well(&admin, "API_KEY", VALUE).await;
    assert_eq!(bed.get("/asks").await.ok().text(), VALUE);

    bed.stop();
    bed.restart().await;
    bed.function("asks").live().await;
    assert_eq!(bed.get("/asks").await.ok().text(), VALUE);
}

#[tokio::test]
async fn a_secret_is_listed_by_name_and_its_value_is_nowhere() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("asks").source(TELLS).manifest(names_key()).drop_in().await;
    bed.function("ada/asks").source(TELLS).manifest(names_key()).drop_in().await;
    bed.function("other").source(TELLS).drop_in().await;
    set_well(&admin, "UNUSED", "x").await;
    set_well(&admin, "API_KEY", VALUE).await;
    assert_eq!(bed.get("/asks").await.ok().text(), VALUE);
    assert_eq!(bed.get("/other").await.status, 204);

    let list = admin.get("/api/secrets").await.ok();
    assert!(!list.text().contains(VALUE), "{list:?}");
    let secrets = &list.json()["secrets"];
    assert_eq!(secrets[0]["name"], "API_KEY");
    assert_eq!(secrets[0]["usedBy"], json!(["ada/asks", "asks"]));
    assert!(secrets[0]["updatedAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{list:?}");
    assert_eq!(secrets[1]["name"], "UNUSED");
    assert_eq!(secrets[1]["usedBy"], json!([]));

    // Not in a file of the server, its log, a command line or an environment.
    let mut places = files(&bed.path(""));
    for pid in bed.instances().iter().map(|it| it.pid).chain([bed.server_pid()]) {
        places.extend(["cmdline", "environ"].map(|of| PathBuf::from(format!("/proc/{pid}/{of}"))));
    }
    assert!(places.len() > 10, "{places:?}");
    for place in places {
        let content = fs::read(&place).unwrap_or_default();
        let found = content.windows(VALUE.len()).any(|part| part == VALUE.as_bytes());
        assert!(!found, "it is in {}", place.display());
    }
    assert!(bed.log().find(|record| record.holds(VALUE)).is_none());
}

/// Every plain file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_changes_of_a_secret_under_load_fail_no_request() {
    const LAST: u64 = 10;
    let mut bed = TestBed::new().alone().up().await;
    let admin = bed.admin().await;
    set_well(&admin, "API_KEY", "0").await;
    let slow = "export default async () => {
        await new Promise((go) => setTimeout(go, 5));
        return Number(Deno.env.get('API_KEY'));
    };";
    bed.function("busy").source(slow).manifest(names_key()).drop_in().await;
    bed.function("apart").source(IDENTITY).drop_in().await;
    let apart = identity(bed.get("/apart").await);

    let done = Arc::new(AtomicBool::new(false));
    let newest_seen = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (done, newest_seen) = (Arc::clone(&done), Arc::clone(&newest_seen));
        let address = bed.address().to_owned();
        callers.spawn(async move {
            let mut connection = Connection::open(&address).await;
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let request = Request::new(&address, "GET", "/busy");
                let now = connection.send(request).await.ok().json().as_u64().expect("a number");
                assert!(now >= seen, "{now} after {seen}");
                seen = now;
                newest_seen.fetch_max(seen, Ordering::Relaxed);
            }
        });
    }
    for number in 1..=LAST {
        set_well(&admin, "API_KEY", &number.to_string()).await;
        until(&format!("{number} is seen"), || {
            if let Some(Err(error)) = callers.try_join_next() {
                std::panic::resume_unwind(error.into_panic());
            }
            let seen = newest_seen.load(Ordering::Relaxed);
            if seen == number { Ok(()) } else { Err(seen) }
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;
    assert_eq!(identity(bed.get("/apart").await), apart);
}

#[tokio::test]
async fn a_removed_secret_ends_the_instances_that_have_it_after_their_requests() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    set_well(&admin, "API_KEY", VALUE).await;
    bed.function("held").source(HOLDING).manifest(names_key()).drop_in().await;
    bed.function("apart").source(IDENTITY).drop_in().await;
    let (held, apart) = (bed.get("/held").await, identity(bed.get("/apart").await));
    let instance = bed.instance(identity(held).pid);
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;

    let removed = admin.request("DELETE", &path("API_KEY")).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    bed.get("/held").await.error(502, "start_failed");
    assert!(instance.is_alive());
    upload.finish();
    identity(response.await.unwrap());
    bed.gone(&instance).await;
    assert_eq!(identity(bed.get("/apart").await), apart);

    let again = admin.request("DELETE", &path("API_KEY")).await;
    again.error(404, "secret_not_found");
    assert_eq!(admin.get("/api/secrets").await.ok().json(), json!({ "secrets": [] }));
}

#[tokio::test]
async fn a_function_that_starts_by_itself_starts_once_its_secret_is_set() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "console.log('has', Deno.env.get('API_KEY').length); export default () => 1;";
    let manifest = json!({ "secrets": ["API_KEY"], "warmupOnStart": true });
    bed.function("eager").source(source).manifest(manifest).drop_in().await;
    set_well(&admin, "API_KEY", VALUE).await;
    bed.printed("eager", &format!("has {}", VALUE.len())).await;
}

#[tokio::test]
async fn what_is_no_secret_is_refused_and_so_is_whoever_has_no_token() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    for name in ["1A", "A-B", "A%20B", "A%00", "%FF"] {
        set(&admin, name, "x").await.error(400, "invalid_name");
    }
    set(&admin, "A", &"x".repeat(65_537)).await.error(400, "bad_request");
    set(&admin, "A", "a\0b").await.error(400, "bad_request");
    set_well(&admin, "A", &"x".repeat(65_536)).await;
    for body in ["", "{}", r#"{"value": 1}"#, r#"{"value": "x", "more": 1}"#] {
        let request = admin.request("PUT", &path("A")).header("content-type", "application/json");
        request.body(body).await.error(400, "bad_request");
    }
    for (method, path) in [("GET", "/api/secrets"), ("PUT", &path("A")), ("DELETE", &path("A"))] {
        admin.anonymous(method, path).await.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_damaged_file_stops_only_what_needs_it_and_is_kept() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("asks").source(TELLS).manifest(names_key()).drop_in().await;
    bed.function("plain").source("export default () => 'plain'").drop_in().await;
    set_well(&admin, "API_KEY", VALUE).await;
    bed.stop();
    let file = bed.path("data/secrets");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[1..]).unwrap();

    bed.restart().await;
    bed.expect_error("the secrets cannot be read");
    bed.expect_error("failed to answer a call of the admin API");
    for name in ["asks", "plain"] {
        bed.known(name).await;
    }
    assert_eq!(bed.get("/plain").await.ok().text(), "plain");
    bed.get("/asks").await.error(502, "start_failed");
    let admin = bed.admin().await;
    for refused in [admin.get("/api/secrets").await, set(&admin, "API_KEY", "new").await] {
        let refused = refused.error(500, "internal");
        assert!(refused.text().contains("is damaged"), "{refused:?}");
    }
    assert_eq!(fs::read(&file).unwrap(), &whole[1..]);

    bed.stop();
    fs::write(&file, whole).unwrap();
    bed.restart().await;
    bed.known("asks").await;
    assert_eq!(bed.get("/asks").await.ok().text(), VALUE);
}
