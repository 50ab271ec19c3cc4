//! What a function writes, and what it holds open.

use serde_json::{Value, json};

use super::{servers, told, unharmed, with_neighbour};
use crate::harness::{TestBed, until_asked};

/// What a function may write, in MiB.
const SCRATCH: u64 = 64;

fn writes() -> Value {
    json!({ "permissions": ["--allow-read", "--allow-write"] })
}

/// Writes more than there is when it gets a POST; how much, in the log.
const FILL: &str = "
    const block = new Uint8Array(1 << 20).fill(7);
    export default (request: Request) => {
      for (let n = 0; request.method === 'POST'; n++) {
        Deno.writeFileSync(`file-${n}`, block);
        console.log('written', n + 1);
      }
      return [...Deno.readDirSync('.')].map(({ name }) => name).sort();
    };
";

#[tokio::test]
async fn all_files_together_are_limited_by_the_kernel() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed).await;
        if !super::has(&bed, "mount-namespace").await {
            continue;
        }
        bed.function("fill").source(FILL).manifest(writes()).drop_in().await;
        bed.post("/fill", "").await.error(500, "function_error");
        told(&bed, "fill", "limit of files", "64 MiB").await;
        let most = |n: u64| {
            let text = format!("written {n}");
            bed.log().find(|record| record.names("fill") && record.field("message") == Some(&text))
        };
        assert!(most(SCRATCH / 2).is_some(), "{}", bed.log().tail(3));
        assert!(most(SCRATCH).is_none(), "Deno's cache takes some of it");
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn many_empty_files_are_too_many_as_well() {
    for bed in servers() {
        let (bed, neighbour) = with_neighbour(bed).await;
        let source = "
            export default (request: Request) => {
              for (let n = 0; request.method === 'POST'; n++) Deno.writeTextFileSync(`${n}`, '');
              return 'fine';
            };
        ";
        bed.function("empty").source(source).manifest(writes()).drop_in().await;
        bed.post("/empty", "").await.error(500, "function_error");
        told(&bed, "empty", "limit of files", "64 MiB").await;
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn denos_own_cache_is_no_way_around_it() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    // Needs no permission at all.
    let source = "
        const block = new Uint8Array(8 << 20).fill(7);
        export default async (request: Request) => {
          const cache = await caches.open('one');
          for (let n = 0; request.method === 'POST'; n++) {
            await cache.put(`http://a.example/${n}`, new Response(block));
          }
          return 'fine';
        };
    ";
    bed.function("cache").source(source).drop_in().await;
    bed.post("/cache", "").await.error(500, "function_error");
    told(&bed, "cache", "limit of files", "64 MiB").await;
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn without_a_tree_of_its_own_a_function_that_writes_too_much_is_ended() {
    for bed in servers() {
        let bed = bed.env("DOZE_SANDBOX_WITHOUT", "mount-namespace");
        let (bed, neighbour) = with_neighbour(bed).await;
        let slowly = "
            const block = new Uint8Array(1 << 20).fill(7);
            export default async (request: Request) => {
              for (let n = 0; request.method === 'POST'; n++) {
                Deno.writeFileSync(`file-${n}`, block);
                await new Promise((go) => setTimeout(go, 1));
              }
              return [...Deno.readDirSync('.')].length;
            };
        ";
        bed.function("fill").source(slowly).manifest(writes()).drop_in().await;
        let own = bed.get("/fill").await.ok().json();
        bed.post("/fill", "").await.error(502, "function_crashed");
        told(&bed, "fill", "limit of files", "64 MiB").await;
        assert_eq!(bed.get("/fill").await.ok().json(), own, "nothing is left of it");
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn what_one_process_wrote_the_next_one_does_not_find() {
    for bed in servers() {
        let bed = bed.up().await;
        let source = "
            export default (request: Request) => {
              if (request.method === 'POST') Deno.writeTextFileSync('new', 'x');
              if (request.method === 'DELETE') Deno.exit(0);
              return [...Deno.readDirSync('.')].map(({ name }) => name).sort();
            };
        ";
        let function = bed.function("keeps").source(source).file("data.txt", "own");
        function.manifest(writes()).drop_in().await;
        let before = bed.get("/keeps").await.ok().json();
        let after = bed.post("/keeps", "").await.ok().json();
        assert_eq!(after.as_array().unwrap().len(), before.as_array().unwrap().len() + 1);
        bed.request("DELETE", "/keeps").await.error(502, "function_crashed");
        assert_eq!(bed.get("/keeps").await.ok().json(), before);
    }
}

#[tokio::test]
async fn a_function_without_free_descriptors_harms_nobody_and_recovers() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "
        const kept: unknown[] = [];
        export default (request: Request) => {
          while (request.method === 'POST') kept.push(Deno.openSync('own.txt'));
          return 'fine';
        };
    ";
    bed.function("open").source(source).file("own.txt", "").manifest(writes()).drop_in().await;
    let response = bed.post("/open", "").await;
    // Without one for the next connection, Deno ends.
    if response.status != 500 {
        response.error(502, "function_crashed");
    }
    told(&bed, "open", "open files", "4096").await;
    until_asked("it serves again", async || {
        let response = bed.get("/open").await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
    unharmed(&bed, &neighbour).await;
}
