//! `/metrics`, read as strictly as its standard is written, and what is built
//! on its names.

mod openmetrics;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::functions::IDENTITY;
use crate::harness::{Admin, TestBed};
use openmetrics::Page;

async fn page(admin: &Admin) -> Page {
    let response = admin.get("/metrics").await.ok();
    let form = response.header("content-type").expect("a form");
    assert!(form.starts_with("application/openmetrics-text; version=1.0.0"), "{form}");
    Page::read(response.text())
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(path).expect("a document")
}

#[tokio::test]
async fn the_metrics_are_well_formed_and_tell_what_happened() {
    let mut bed = TestBed::start().await;
    let failing = "export default () => new Response('', { status: 500 });";
    bed.function("ada/good").source(IDENTITY).drop_in().await;
    bed.function("bad").source(failing).drop_in().await;
    bed.function("never-called").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    for _ in 0..3 {
        bed.get("/ada/good").await.ok();
    }
    assert_eq!(bed.get("/bad").await.status, 500);

    let page = page(&admin).await;
    let good = "{faas_name=\"ada/good\"}";
    assert_eq!(page.count(&format!("faas_invocations_total{good}")), 3);
    assert_eq!(page.count(&format!("faas_errors_total{good}")), 0);
    assert_eq!(page.count("faas_invocations_total{faas_name=\"bad\"}"), 0);
    assert_eq!(page.count("faas_errors_total{faas_name=\"bad\"}"), 1);
    assert_eq!(page.count(&format!("faas_invoke_duration_seconds_count{good}")), 3);
    let starts =
        |start: &str| format!("faas_coldstarts_total{{faas_name=\"ada/good\",start=\"{start}\"}}");
    assert_eq!(page.count(&starts("cold")) + page.count(&starts("spare")), 1);
    let started = |start: &str| format!("faas_init_duration_seconds_count{{start=\"{start}\"}}");
    assert_eq!(page.count(&started("cold")) + page.count(&started("spare")), 2);
    assert!(page.count(&format!("faas_mem_usage_bytes{good}")) > 1 << 20);
    assert_eq!(page.count("faas_instances{state=\"idle\"}"), 2);
    assert_eq!(page.count("doze_functions{state=\"live\"}"), 3);
    assert!(page.count("doze_processes{}") >= 2);
    assert!(page.count("process_resident_memory_bytes{}") > 1 << 20);
    // A function that nobody called costs no series.
    assert!(!page.text().contains("never-called"));
}

#[tokio::test]
async fn a_retired_instance_is_counted_by_its_reason() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    let instance = bed.instance(crate::functions::identity(bed.get("/hello").await).pid);
    let number = instance.own_number().unwrap();
    let response = admin.request("DELETE", &format!("/api/instances/i{number}")).await;
    assert_eq!(response.status, 202);
    bed.gone(&instance).await;
    crate::harness::until_asked("its end is counted", async || {
        let page = page(&admin).await;
        let counted = page.count("doze_instance_stops_total{reason=\"retired\"}");
        if counted == 1 { Ok(()) } else { Err(counted) }
    })
    .await;
}

#[tokio::test]
async fn who_has_no_token_reads_no_metrics() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.anonymous("GET", "/metrics").await.error(401, "unauthorized");
}

#[tokio::test]
async fn the_documents_and_the_dashboard_name_every_metric_and_no_other() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    bed.get("/hello").await.ok();
    let admin = bed.admin().await;
    let page = page(&admin).await;
    let name = regex::Regex::new(r"\b(?:faas|doze|process)_[a-z_]+").unwrap();
    let named = |text: &str| -> BTreeSet<String> {
        name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
    };

    let table: String =
        document("observability.md").lines().filter(|line| line.starts_with("| `")).collect();
    let told: BTreeSet<_> = page.families().map(ToOwned::to_owned).collect();
    let mut documented = named(&table);
    // A label, named as in OpenTelemetry.
    documented.remove("faas_name");
    assert_eq!(documented, told);

    let dashboard: serde_json::Value =
        serde_json::from_str(&document("grafana-dashboard.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            queries.push(variable["query"].as_str().unwrap().to_owned());
        }
    }
    assert!(queries.len() > 8, "{queries:?}");
    for query in queries {
        let mut used = named(&query);
        used.remove("faas_name");
        assert!(!used.is_empty(), "{query}");
        for used in used {
            assert!(page.has_sample(&used), "`{used}` in `{query}` is no metric");
        }
    }
}
