//! Memory, wherever V8 keeps it.

use serde_json::json;

use super::{servers, told, unharmed, with_neighbour};
use crate::harness::TestBed;

/// Drops a function that keeps as many of what `make` makes when it gets a
/// POST. Where nothing stops it, it has them all and says so.
async fn drop_bomb(bed: &TestBed, name: &str, make: &str, count: usize) {
    let source = format!(
        "const kept: unknown[] = [];
         export default (request: Request) => {{
           while (request.method === 'POST' && kept.length < {count}) kept.push({make});
           return 'fine';
         }};"
    );
    bed.function(name).source(source).manifest(json!({ "memoryMb": 64 })).drop_in().await;
    bed.get(&format!("/{name}")).await.ok();
}

#[tokio::test]
async fn a_full_heap_ends_the_process_and_only_it() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed).await;
        for (name, make) in [
            ("heap", "new Array(1000).fill({})"),
            ("streams", "new ReadableStream({ start() {} })"),
        ] {
            drop_bomb(&bed, name, make, 1 << 20).await;
            bed.post(&format!("/{name}"), "").await.error(502, "function_crashed");
            told(&bed, name, "memoryMb", "64 MiB of heap").await;
            bed.get(&format!("/{name}")).await.ok();
        }
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn memory_beside_the_heap_is_limited_as_well() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed).await;
        // What is mapped counts where nobody counts what is used of it.
        let used = super::has(&bed, "cgroup-memory").await;
        let (fill, limit_mb) = if used { (".fill(1)", 192) } else { ("", 4160) };
        for (name, make) in [
            ("buffers", "new Uint8Array(8 << 20)"),
            ("wasm", "new Uint8Array(new WebAssembly.Memory({ initial: 128 }).buffer)"),
        ] {
            drop_bomb(&bed, name, &format!("{make}{fill}"), limit_mb / 8).await;
            let response = bed.post(&format!("/{name}"), "").await;
            // A control group ends the process. Without one it is refused more.
            if used {
                response.error(502, "function_crashed");
                told(&bed, name, "memoryMb", "64 MiB of heap, 192 MiB in all").await;
            } else {
                response.error(500, "function_error");
                told(&bed, name, "memoryMb", "4160 MiB mapped").await;
            }
        }
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn a_bomb_at_the_top_level_fails_to_start_and_the_log_says_why() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "const kept: unknown[] = []; for (;;) kept.push(new Array(1000).fill({}));";
    let source = format!("{source} export default () => 1;");
    bed.function("top").source(source).manifest(json!({ "memoryMb": 64 })).drop_in().await;
    bed.get("/top").await.error(502, "start_failed");
    told(&bed, "top", "memoryMb", "64 MiB of heap").await;
    unharmed(&bed, &neighbour).await;
}
