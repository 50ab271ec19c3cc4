//! How a server ends, and what is left of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, available_parallelism};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Connection, Process, Request, TestBed, until, until_asked};

const ENDLESS: &str = r#"
    export default () =>
      new ReadableStream({
        async pull(body) {
          await new Promise((go) => setTimeout(go, 20));
          body.enqueue(new TextEncoder().encode("on and "));
        },
      });
"#;

/// The processes that are there now: an instance of `hello` and a spare.
async fn an_instance_and_a_spare(bed: &TestBed) -> Vec<Process> {
    bed.function("hello").source(IDENTITY).drop_in().await;
    identity(bed.get("/hello").await);
    until("an instance and a spare are there", || {
        let instances = bed.instances();
        if instances.len() >= 2 { Ok(instances) } else { Err(instances.len()) }
    })
    .await
}

#[tokio::test]
async fn a_running_request_ends_in_peace_and_no_process_is_left() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut bed = TestBed::start().await;
        bed.function("held").source(HOLDING).drop_in().await;
        let (mut upload, request) = bed.request("POST", "/held").uploading();
        let response = request.spawn();
        bed.printed("held", "holds 1").await;
        let processes = bed.instances();

        bed.server().signal(signal);
        until_asked("new connections are refused or turned away", async || {
            match bed.get("/held").try_send().await {
                Err(_) => Ok(()),
                Ok(response) => response.is_error(503, "shutting_down"),
            }
        })
        .await;
        upload.send("the rest").await;
        upload.finish();
        identity(response.await.unwrap());

        let status = bed.server().end().await;
        assert!(status.success(), "{signal}: {status}");
        for process in processes {
            assert!(process.is_gone(), "{process:?}");
        }
    }
}

#[tokio::test]
async fn a_kept_connection_is_turned_away_while_the_server_drains() {
    let mut bed = TestBed::start().await;
    bed.function("held").source(HOLDING).drop_in().await;
    let mut kept = Connection::open(bed.address()).await;
    let ask = |bed: &TestBed| Request::new(bed.address(), "GET", "/held");
    identity(kept.send(ask(&bed)).await);
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;

    bed.server().signal(Signal::SIGTERM);
    let request = ask(&bed);
    let mut request = Some(request);
    until_asked("the kept connection is closed or turned away", async || {
        let request = request.take().unwrap_or_else(|| ask(&bed));
        match kept.try_send(request).await {
            Err(_) => Ok(()),
            Ok(response) => response.is_error(503, "shutting_down"),
        }
    })
    .await;
    upload.finish();
    identity(response.await.unwrap());
    assert!(bed.server().end().await.success());
}

#[tokio::test]
async fn what_never_ends_is_cut_off_when_the_grace_period_is_over() {
    let mut bed = TestBed::start().await;
    bed.function("endless").source(ENDLESS).drop_in().await;
    let mut stream = bed.get("/endless").open().await;
    stream.read_to("on and ").await;
    let processes = bed.instances();

    bed.server().signal(Signal::SIGTERM);
    let status = bed.server().end().await;
    assert!(status.success(), "{status}");
    for process in processes {
        assert!(process.is_gone(), "{process:?}");
    }
    // The reader sees that it did not come to its end.
    let broken = loop {
        match stream.try_chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "a body that was cut off looked complete");
}

#[tokio::test]
async fn no_function_process_survives_a_killed_server_by_a_second() {
    let mut bed = TestBed::start().await;
    an_instance_and_a_spare(&bed).await;
    let spin = "export default () => { console.log('spins'); for (;;); }";
    bed.function("spin").source(spin).drop_in().await;
    let mut spinning = bed.raw().await;
    spinning.send("GET /spin HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    bed.printed("spin", "spins").await;
    let processes = bed.server().processes();
    assert!(processes.len() >= 2, "{processes:?}");

    bed.server().kill().await;
    let killed = Instant::now();
    while processes.iter().any(Process::is_alive) {
        let alive: Vec<_> = processes.iter().filter(|process| process.is_alive()).collect();
        assert!(killed.elapsed() < Duration::from_secs(1), "{alive:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_that_follows_a_killed_one_cleans_up_and_works() {
    let mut bed = TestBed::start().await;
    let before = an_instance_and_a_spare(&bed).await;
    bed.server().kill().await;
    bed.restart().await;
    until_asked("it serves", async || {
        let response = bed.get("/hello").await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
    until("the killed server's processes and folders are gone", || {
        let is_left = |process: &&Process| process.is_alive() || process.folder().exists();
        let left: Vec<_> = before.iter().filter(is_left).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_the_first_one_s_grace() {
    let mut bed = TestBed::start().await;
    bed.function("endless").source(ENDLESS).drop_in().await;
    let mut stream = bed.get("/endless").open().await;
    stream.read_to("on and ").await;
    let processes = bed.instances();
    bed.server().signal(Signal::SIGTERM);
    bed.server().signal(Signal::SIGTERM);
    bed.server().end().await;
    until("every process is gone", || {
        if processes.iter().all(|process| !process.is_alive()) { Ok(()) } else { Err("not all") }
    })
    .await;
}

/// Keeps every processor busy until it is dropped.
struct Busy {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Busy {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let spin = |_| {
            let over = Arc::clone(&over);
            thread::spawn(move || while !over.load(Ordering::Relaxed) {})
        };
        let threads = (0..2 * available_parallelism().map_or(1, usize::from)).map(spin).collect();
        Self { over, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A spare boots in what others leave of the processors, and ends in that too.
#[tokio::test]
async fn nothing_is_left_of_what_was_being_started_where_every_processor_is_busy() {
    let _busy = Busy::start();
    for _ in 0..3 {
        let bed = TestBed::start().await;
        bed.function("hello").source(IDENTITY).drop_in().await;
        identity(bed.get("/hello").await);
        // The harness stops it, and looks at what is left.
        drop(bed);
    }
}
