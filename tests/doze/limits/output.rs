//! Functions that print more than anybody can read.

use serde_json::json;

use super::{told, unharmed, with_neighbour};
use crate::harness::TestBed;

#[tokio::test]
async fn a_flood_of_lines_is_cut_and_the_log_says_so() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "
        export default (request: Request) => {
          while (request.method === 'POST') console.log('flood');
          return 'fine';
        };
    ";
    bed.function("flood").source(source).manifest(json!({ "timeoutSeconds": 2 })).drop_in().await;
    bed.get("/flood").await.ok();
    let flooding = bed.post("/flood", "").spawn();
    while !flooding.is_finished() {
        unharmed(&bed, &neighbour).await;
    }
    flooding.await.unwrap().error(504, "invocation_timeout");
    told(&bed, "flood", "printed lines a second", "500").await;
    let kept = bed.log().records().iter().filter(|r| r.field("message") == Some("flood")).count();
    assert!(kept >= 500, "{kept} lines were kept");
    let count = bed.log().find(|r| r.number("dropped") > Some(0));
    assert!(count.is_some(), "nobody counted what was dropped");
}
