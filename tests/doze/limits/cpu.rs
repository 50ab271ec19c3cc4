//! Code that does not give the processor back, and handlers that do not heed
//! that nobody waits for them any more.

use serde_json::json;
use tokio::task::JoinSet;

use super::{has, told, unharmed, with_neighbour};
use crate::functions::{Identity, identity};
use crate::harness::{Record, TestBed, preempts, threads, until, until_asked};

/// Who answers a GET, in functions that do something bad when they get a POST.
const WHO: &str = "{ id: '', pid: Number(Deno.args[0].split('/i').pop()) }";

/// The function `busy`, which computes for 20 ms before it answers.
async fn busy(bed: &TestBed) -> Identity {
    let source = format!(
        "export default () => {{
           for (const end = performance.now() + 20; performance.now() < end;);
           return {WHO};
         }};"
    );
    bed.function("busy").source(source).drop_in().await;
    identity(bed.get("/busy").await)
}

#[tokio::test]
async fn a_spin_in_a_handler_or_a_microtask_is_timed_out_and_killed() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    for (name, spin) in [
        ("handler", "while (true);"),
        ("microtask", "const spin = (): unknown => Promise.resolve().then(spin); spin();"),
        // The response has been made and cannot be sent.
        ("after", "queueMicrotask(() => { while (true); }); return 'made';"),
    ] {
        let source = format!(
            "export default (request: Request) => {{
               if (request.method === 'POST') {{ {spin} }}
               return {WHO};
             }};"
        );
        let manifest = json!({ "timeoutSeconds": 0.3 });
        bed.function(name).source(source).manifest(manifest).drop_in().await;
        let instance = bed.instance(identity(bed.get(&format!("/{name}")).await).pid);
        bed.post(&format!("/{name}"), "").await.error(504, "invocation_timeout");
        told(&bed, name, "timeoutSeconds", "300ms").await;
        bed.gone(&instance).await;
        unharmed(&bed, &neighbour).await;
    }
}

#[tokio::test]
async fn a_spin_at_the_top_level_fails_to_start() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    bed.function("top").source("while (true); export default () => 1;").drop_in().await;
    bed.get("/top").await.error(502, "start_failed");
    let limit = "not ready within 10 seconds";
    let warns = |record: &Record| record.warns() && record.names("top") && record.holds(limit);
    bed.logged(limit, warns).await;
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn a_handler_that_ignores_its_signal_costs_its_process_once_the_others_are_done() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = format!(
        "let go = () => {{}};
         export default (request: Request) => {{
           if (request.method === 'POST') return new Promise(() => {{}});
           if (!request.url.endsWith('/stream')) return go(), {WHO};
           return new ReadableStream({{
             start(body) {{
               body.enqueue(new TextEncoder().encode('begun '));
               go = () => {{ body.enqueue(new TextEncoder().encode('done')); body.close(); }};
             }},
           }});
         }};"
    );
    bed.function("deaf").source(source).manifest(json!({ "timeoutSeconds": 0.3 })).drop_in().await;
    let instance = bed.instance(identity(bed.get("/deaf").await).pid);
    let mut stream = bed.get("/deaf/stream").open().await;
    stream.read_to("begun ").await;
    bed.post("/deaf", "").await.error(504, "invocation_timeout");
    told(&bed, "deaf", "timeoutSeconds", "300ms").await;
    let ignored = "did not react when its request was aborted";
    bed.logged(ignored, |record| record.names("deaf") && record.holds(ignored)).await;
    // It gets no new requests, and what it serves goes on.
    assert_ne!(bed.instance(identity(bed.get("/deaf").await).pid), instance);
    assert!(instance.is_alive());
    drop(stream);
    bed.gone(&instance).await;
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn who_uses_much_of_a_processor_lets_the_others_go_first_until_he_uses_little() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    // It ends when it is told to, by memory that both see.
    let source = format!(
        "const spin = `data:text/javascript,
           onmessage = ({{ data }}) => {{
             postMessage(1);
             while (Atomics.load(data, 0) === 0);
             close();
           }};`;
         const end = new Int32Array(new SharedArrayBuffer(4));
         export default async (request: Request) => {{
           if (request.method === 'POST') {{
             const worker = new Worker(spin, {{ type: 'module' }});
             worker.postMessage(end);
             await new Promise((go) => worker.onmessage = go);
           }} else {{
             Atomics.store(end, 0, 1);
           }}
           return {WHO};
         }};"
    );
    bed.function("busy").source(source).drop_in().await;
    let goes_last = |who: &Identity| bed.instance(who.pid).goes_last();
    if goes_last(&neighbour).is_none() {
        eprintln!("not tried: no control groups with `cpu.idle` here");
        return;
    }
    let busy = identity(bed.post("/busy", "").await);
    for (word, told) in [("he goes last", true), ("he is one of them again", false)] {
        until(word, || {
            let found = goes_last(&busy);
            if found == Some(told) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
        assert_eq!(identity(bed.get("/busy").await), busy);
    }
    assert_eq!(goes_last(&neighbour), Some(false));
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn who_is_called_often_takes_the_processor_from_nobody_until_he_rests() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let busy = busy(&bed).await;
    let preempts = |who: &Identity| bed.instance(who.pid).preempts();
    until_asked("he takes it from nobody", async || {
        for _ in 0..5 {
            assert_eq!(identity(bed.get("/busy").await), busy);
        }
        if preempts(&busy) { Err("he does") } else { Ok(()) }
    })
    .await;
    assert!(preempts(&neighbour));
    until("he is like others again", || if preempts(&busy) { Ok(()) } else { Err("no") }).await;
}

#[tokio::test]
async fn who_answers_all_the_time_goes_last_only_while_others_are_called() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let busy = busy(&bed).await;
    let goes_last = || bed.instance(busy.pid).goes_last();
    if goes_last().is_none() {
        eprintln!("not tried: no control groups with `cpu.idle` here");
        return;
    }
    for (word, others) in [("he goes last", true), ("he is alone", false)] {
        until_asked(word, async || {
            let calls = (0..20).map(|_| bed.get("/busy").into_future());
            for response in calls.collect::<JoinSet<_>>().join_all().await {
                assert_eq!(identity(response), busy);
            }
            if others {
                unharmed(&bed, &neighbour).await;
            }
            if goes_last() == Some(others) { Ok(()) } else { Err("not yet") }
        })
        .await;
    }
}

#[tokio::test]
async fn a_lane_that_carries_much_takes_the_processor_from_nobody_until_it_carries_little() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let lanes = threads(bed.server_pid(), "doze-lane");
    assert!(!lanes.is_empty());
    let all_preempt = || lanes.iter().all(|lane| preempts(*lane));
    assert!(all_preempt());
    for (word, calls, told) in [("one does not", 200, false), ("all do", 1, true)] {
        until_asked(word, async || {
            let calls = (0..calls).map(|_| bed.get("/neighbour").into_future());
            for response in calls.collect::<JoinSet<_>>().join_all().await {
                assert_eq!(identity(response), neighbour);
            }
            if all_preempt() == told { Ok(()) } else { Err("not yet") }
        })
        .await;
    }
}

#[tokio::test]
async fn all_threads_of_a_function_together_get_one_processor() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    if !has(&bed, "cgroup-cpu").await {
        return;
    }
    let source = format!(
        "const spin = 'data:text/javascript,while (true);';
         export default () => {{
           for (let n = 0; n < 4; n++) new Worker(spin, {{ type: 'module' }});
           return {WHO};
         }};"
    );
    bed.function("threads").source(source).drop_in().await;
    let instance = bed.instance(identity(bed.get("/threads").await).pid);
    let groups = instance.groups();
    until("the kernel holds it back", || {
        let texts =
            groups.iter().filter_map(|group| std::fs::read_to_string(group.join("cpu.stat")).ok());
        let text = texts.collect::<String>();
        let count = text.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        if count.is_some_and(|count| count != "0") { Ok(()) } else { Err(text) }
    })
    .await;
    unharmed(&bed, &neighbour).await;
}
