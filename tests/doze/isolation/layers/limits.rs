//! What a process may use up.

use serde_json::json;

use super::{As, instance_of, only, stops, users};
use crate::harness::{Process, TestBed, until};
use crate::isolation::attempt;

#[tokio::test]
async fn a_process_that_opens_too_many_files_is_refused_more() {
    let code = "
        const files = [];
        try {
          while (files.length < 5000) files.push(Deno.openSync('/dev/null'));
        } finally {
          for (const file of files) file.close();
        }
    ";
    for user in users() {
        stops("resource-limits", user, code, "Too many open files").await;
    }
}

#[tokio::test]
async fn a_file_that_grows_too_large_is_refused_to_grow() {
    // It has holes, so that no disk is filled.
    let code = "
        const path = `${Deno.args[0]}/large`;
        const file = Deno.openSync(path, { create: true, write: true });
        try {
          file.truncateSync(2 ** 31);
        } finally {
          Deno.removeSync(path);
        }
    ";
    for user in users() {
        stops("resource-limits", user, code, "too large").await;
    }
}

#[tokio::test]
async fn a_process_that_wants_more_than_one_processor_gets_one() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if !users().contains(&As::Root) || cores == 1 {
        return;
    }
    let bed = only(&["cgroup-cpu"], As::Root).await;
    let process = instance_of(&bed).await;
    assert_eq!(times_held_back(&process), Some(0), "it does nothing yet");
    let source = "
        const spin = 'data:text/javascript,for (;;);';
        const workers = [1, 2, 3].map(() => new Worker(spin, { type: 'module' }));
        export default () => workers.length;
    ";
    bed.function("busy").source(source).drop_in().await;
    bed.get("/busy").await.ok();
    let spins = |process: &Process| times_held_back(process) > Some(0);
    until("the kernel has held it back", || {
        bed.instances().into_iter().find(spins).ok_or("not yet")
    })
    .await;
}

/// How often all of a process's threads had to wait for the next period.
fn times_held_back(process: &Process) -> Option<u64> {
    process.groups().iter().find_map(|group| {
        let text = std::fs::read_to_string(group.join("cpu.stat")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?.parse().ok()
    })
}

#[tokio::test]
async fn a_process_that_outgrows_its_memory_ends_alone_and_the_log_says_why() {
    if !users().contains(&As::Root) {
        return;
    }
    let bed = only(&["cgroup-memory"], As::Root).await;
    let neighbour = instance_of(&bed).await;
    let source = "
        const kept: Uint8Array[] = [];
        export default (request: Request) => {
          while (request.method === 'POST') kept.push(new Uint8Array(8 << 20).fill(1));
          return 'fine';
        };
    ";
    let manifest = json!({ "memoryMb": 64 });
    bed.function("hungry").source(source).manifest(manifest).drop_in().await;
    bed.get("/hungry").await.ok();
    bed.post("/hungry", "").await.error(502, "function_crashed");
    bed.logged("the reason", |record| record.names("hungry") && record.holds("memory limit")).await;
    assert!(neighbour.is_alive());
    assert_eq!(bed.get("/hungry").await.ok().text(), "fine");
}

#[tokio::test]
async fn a_process_that_starts_too_many_others_is_refused_more() {
    if !users().contains(&As::Root) {
        return;
    }
    let code = "
        const programs = [];
        for (let i = 0; i < 150; i++) {
          programs.push(new Deno.Command('/bin/sleep', { args: ['5'] }).spawn());
        }
        return programs.length;
    ";
    stops("cgroup-pids", As::Root, code, "").await;
}

#[tokio::test]
async fn nothing_of_a_control_group_is_left() {
    if !users().contains(&As::Root) {
        return;
    }
    // Any other server that starts cleans up as well.
    let mut bed = TestBed::new().alone().up().await;
    let instance = instance_of(&bed).await;
    let groups = instance.groups();
    assert!(!groups.is_empty());
    bed.server().kill().await;
    bed.gone(&instance).await;
    assert!(groups.iter().any(|group| group.exists()), "a killed server cannot clean up");
    bed.restart().await;
    until("the next server has cleaned up", || {
        let left: Vec<_> = groups.iter().filter(|group| group.exists()).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let instance = instance_of(&bed).await;
    let groups = instance.groups();
    bed.stop();
    assert!(groups.iter().all(|group| !group.exists()), "{groups:?}");
}

/// Without a PID namespace nothing but its control group holds it together.
#[tokio::test]
async fn what_a_process_leaves_in_another_session_ends_with_it() {
    if !users().contains(&As::Root) {
        return;
    }
    let bed = only(&["cgroup-memory", "cgroup-pids", "cgroup-cpu"], As::Root).await;
    let code =
        "return new Deno.Command('/usr/bin/setsid', { args: ['/bin/sleep', '100'] }).spawn().pid";
    let left = attempt(&bed, "free", code).await["value"].as_u64().expect("it runs");
    let left = Process::read(u32::try_from(left).unwrap()).expect("it runs");
    bed.post("/free", "Deno.exit()").await.error(502, "function_crashed");
    bed.gone(&left).await;
}
