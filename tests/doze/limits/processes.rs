//! Processes and threads.

use serde_json::json;

use super::{servers, told, unharmed, with_neighbour};
use crate::harness::{TestBed, until_asked};

/// The limit, of which Deno's own threads take a part.
const TASKS: usize = 96;

#[tokio::test]
async fn a_fork_bomb_is_refused_more_processes() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed.flag("--allow-permissions", "run")).await;
        let source = format!(
            "export default () => {{
               for (let n = 0; n < {TASKS}; n++) {{
                 new Deno.Command('/bin/sleep', {{ args: ['60'] }}).spawn();
               }}
             }};"
        );
        let manifest = json!({ "permissions": ["--allow-run"] });
        bed.function("forks").source(source).manifest(manifest).drop_in().await;
        let response = bed.post("/forks", "").await;
        // Deno itself may be the one that wants a thread and gets none.
        if response.status != 500 {
            response.error(502, "function_crashed");
        }
        told(&bed, "forks", "processes and threads", &TASKS.to_string()).await;
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn a_worker_bomb_ends_at_the_memory_or_the_threads_of_its_process() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed).await;
        let source = format!(
            "const kept: Worker[] = [];
             const code = 'data:text/javascript,postMessage(1)';
             export default async (request: Request) => {{
               while (request.method === 'POST' && kept.length < {TASKS}) {{
                 const worker = new Worker(code, {{ type: 'module' }});
                 kept.push(worker);
                 await new Promise((go) => worker.onmessage = go);
               }}
               return 'fine';
             }};"
        );
        bed.function("workers").source(source).drop_in().await;
        let response = bed.post("/workers", "").await;
        if response.status != 500 {
            response.error(502, "function_crashed");
        }
        told(&bed, "workers", "limit", "").await;
        served_again(&bed, "/workers").await;
        unharmed(&bed, &neighbour).await;
    }
}

async fn served_again(bed: &TestBed, path: &str) {
    until_asked("it serves again", async || {
        let response = bed.get(path).await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
}
