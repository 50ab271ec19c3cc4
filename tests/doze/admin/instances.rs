//! The processes that run, as the operator sees them, and the end of one.

use serde_json::{Value, json};

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Admin, TestBed, until_asked};

/// The processes that serve a function, or the spares.
async fn instances(admin: &Admin, function: Option<&str>) -> Vec<Value> {
    let list = admin.get("/api/instances").await.ok().json();
    let list = list["instances"].as_array().expect("a list");
    list.iter().filter(|one| one["function"] == json!(function)).cloned().collect()
}

/// Waits until there is one such process, and it is in that state.
async fn only(admin: &Admin, function: Option<&str>, state: &str) -> Value {
    until_asked(&format!("one instance of {function:?} is {state}"), async || {
        match &instances(admin, function).await[..] {
            [one] if one["state"] == state => Ok(one.clone()),
            others => Err(json!(others)),
        }
    })
    .await
}

async fn retire(admin: &Admin, instance: &Value) {
    let id = instance["id"].as_str().expect("an id");
    let response = admin.request("DELETE", &format!("/api/instances/{id}")).await;
    assert_eq!(response.status, 202, "{response:?}");
}

#[tokio::test]
async fn a_process_is_shown_as_a_spare_busy_and_idle() {
    let mut bed = TestBed::start().await;
    bed.function("held").source(HOLDING).drop_in().await;
    let admin = bed.admin().await;
    let spare = only(&admin, None, "spare").await;
    assert_eq!(spare["revision"], Value::Null);

    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;
    let busy = only(&admin, Some("held"), "busy").await;
    assert_eq!(busy["id"], spare["id"]);
    assert_eq!(busy["startedAt"], spare["startedAt"]);
    assert_eq!(busy["revision"], bed.published("held")["revision"]);
    assert_eq!(busy["inFlight"], 1);
    assert_eq!(busy["idleSince"], Value::Null);

    upload.finish();
    let answered = identity(response.await.unwrap());
    let idle = only(&admin, Some("held"), "idle").await;
    assert_eq!(idle["id"], format!("i{}", answered.pid));
    assert_eq!(idle["inFlight"], 0);
    assert!(idle["idleSince"].as_str().unwrap() > idle["startedAt"].as_str().unwrap(), "{idle}");

    // What the kernel says of that very process.
    let process = bed.instance(answered.pid);
    assert_eq!(idle["pid"], process.pid);
    let resident = process.status("VmRSS").unwrap();
    let resident: u64 = resident.trim_end_matches(" kB").parse().unwrap();
    let told = idle["memoryBytes"].as_u64().unwrap() / 1024;
    assert!((resident / 2..resident * 2).contains(&told), "{told} and {resident} kB");
    assert!(idle["cpuSeconds"].as_f64().unwrap() > 0.0, "{idle}");
    let socket = idle["address"].as_str().unwrap().strip_prefix("unix:").unwrap();
    assert_eq!(std::path::Path::new(socket), process.folder().join("http.sock"));

    let function = admin.function("GET", "held", "").await.ok().json();
    assert_eq!(function["instances"][0]["id"], idle["id"]);
}

#[tokio::test]
async fn a_retired_process_finishes_its_requests_and_another_one_serves_the_next() {
    let mut bed = TestBed::start().await;
    bed.function("held").source(HOLDING).drop_in().await;
    let admin = bed.admin().await;
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;
    let busy = only(&admin, Some("held"), "busy").await;

    retire(&admin, &busy).await;
    let other = identity(bed.get("/held").await);
    let draining = instances(&admin, Some("held")).await;
    let draining = draining.iter().find(|one| one["id"] == busy["id"]).unwrap();
    assert_eq!(draining["state"], "draining");
    // Asked for once more, it is still the same order.
    retire(&admin, &busy).await;

    upload.finish();
    let old = identity(response.await.unwrap());
    assert_eq!(busy["id"], format!("i{}", old.pid));
    assert_ne!(old.id, other.id);
    let fits = |record: &crate::harness::Record| {
        record.message() == "instance stopped" && record.field("reason") == Some("retired")
    };
    bed.logged("why it ended", fits).await;
    until_asked("it is not there any more", async || {
        let left = instances(&admin, Some("held")).await;
        if left.iter().any(|one| one["id"] == busy["id"]) { Err(json!(left)) } else { Ok(()) }
    })
    .await;
    let path = format!("/api/instances/{}", busy["id"].as_str().unwrap());
    admin.request("DELETE", &path).await.error(404, "instance_not_found");
}

#[tokio::test]
async fn a_retired_spare_is_replaced() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    let spare = only(&admin, None, "spare").await;
    retire(&admin, &spare).await;
    until_asked("another spare is there", async || {
        let spares = instances(&admin, None).await;
        match &spares[..] {
            [other] if other["id"] != spare["id"] => Ok(()),
            _ => Err(json!(spares)),
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_process_cannot_be_retired() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    for id in ["i999999", "999", "i", "x", "%FF", "i1%20"] {
        let response = admin.request("DELETE", &format!("/api/instances/{id}")).await;
        response.error(404, "instance_not_found");
    }
    admin.anonymous("DELETE", "/api/instances/i1").await.error(401, "unauthorized");
}

#[tokio::test]
async fn the_server_tells_where_its_gateway_is_what_confines_functions_and_what_was_decided() {
    let mut bed = TestBed::new().flag("--idle-seconds", 12.5).flag("--spares", 2).up().await;
    let admin = bed.admin().await;
    let server = admin.get("/api/server").await.ok().json();
    assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server["gateway"]["address"], bed.address());
    assert_eq!(server["settings"]["idleSeconds"], 12.5);
    assert_eq!(server["settings"]["spares"], 2);
    let ready = bed.get("/_/ready").await.ok().json();
    assert_eq!(server["isolation"]["inForce"], ready["isolation"]);
    assert_eq!(server["isolation"]["missing"], ready["isolationMissing"]);
    assert!(server["memoryBytes"].as_u64().unwrap() > 1 << 20, "{server}");
    assert!(server["uptimeSeconds"].as_u64().unwrap() < 3600, "{server}");
}
