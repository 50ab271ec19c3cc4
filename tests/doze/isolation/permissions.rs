//! What an author's code meets with every layer in force.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use serde_json::{Value, json};

use super::{ATTEMPT, attempt};
use crate::functions::{IDENTITY, identity};
use crate::harness::{RawConnection, TestBed};

/// Fails unless the attempt was refused for want of that permission.
async fn refused(bed: &TestBed, function: &str, code: &str, permission: &str) {
    was_refused(bed, function, code, permission).await.unwrap_or_else(|wrong| panic!("{wrong}"));
}

async fn was_refused(
    bed: &TestBed,
    function: &str,
    code: &str,
    permission: &str,
) -> Result<(), String> {
    let answer = attempt(bed, function, code).await;
    let error = answer["error"].as_str().unwrap_or_default();
    let by_deno = error.contains("NotCapable") || error.contains("PermissionDenied");
    let named = error.contains(&format!("--allow-{permission}"));
    if by_deno && named { Ok(()) } else { Err(format!("{code}\ngave {answer}")) }
}

#[tokio::test]
async fn a_function_without_permissions_reaches_nothing() {
    let bed = TestBed::new().env("SECRET_OF_THE_SERVER", "1234").up().await;
    bed.function("bare").source(ATTEMPT).file("secret.txt", "own file").drop_in().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let gateway = bed.address();
    let mut wrong = Vec::new();
    for (code, permission) in [
        (format!("await Deno.connect({{ hostname: '127.0.0.1', port: {port} }})"), "net"),
        (format!("await fetch('http://127.0.0.1:{port}/')"), "net"),
        (format!("await fetch('http://{gateway}/')"), "net"),
        ("await fetch('http://169.254.169.254/')".to_owned(), "net"),
        ("Deno.listen({ port: 0 })".to_owned(), "net"),
        ("new WebSocket('ws://127.0.0.1:1/')".to_owned(), "net"),
        ("await Deno.readTextFile('/etc/passwd')".to_owned(), "read"),
        ("await Deno.readTextFile('./secret.txt')".to_owned(), "read"),
        ("[...Deno.readDirSync('.')]".to_owned(), "read"),
        ("await Deno.writeTextFile('./x', '')".to_owned(), "write"),
        ("await Deno.writeTextFile('/tmp/x', '')".to_owned(), "write"),
        ("Deno.makeTempFileSync()".to_owned(), "write"),
        ("await new Deno.Command('/bin/true').output()".to_owned(), "run"),
        ("Deno.kill(process.ppid)".to_owned(), "run"),
        ("Deno.dlopen('libc.so.6', {})".to_owned(), "ffi"),
        ("Deno.hostname()".to_owned(), "sys"),
        ("Deno.networkInterfaces()".to_owned(), "sys"),
    ] {
        wrong.extend(was_refused(&bed, "bare", &code, permission).await.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // These do not say why they failed.
    for code in [
        "process.getBuiltinModule('node:child_process').execSync('true')",
        "await Deno.resolveDns('example.com', 'A')",
    ] {
        let answer = attempt(&bed, "bare", code).await;
        assert!(answer["error"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_function_sees_its_own_variables_and_no_others() {
    let bed = TestBed::new().env("SECRET_OF_THE_SERVER", "1234").up().await;
    let manifest = json!({ "env": { "OWN": "mine", "OTHER": "" } });
    bed.function("env").source(ATTEMPT).manifest(manifest).drop_in().await;
    bed.function("bare").source(ATTEMPT).drop_in().await;
    // The second function may well get the spare that was made for the first.
    let own = attempt(&bed, "env", "return Deno.env.toObject()").await;
    assert_eq!(own, json!({ "value": { "OWN": "mine", "OTHER": "" } }));
    let none = attempt(&bed, "bare", "return Deno.env.toObject()").await;
    assert_eq!(none, json!({ "value": {} }));
    for instance in bed.instances() {
        let Some(environment) = seen(std::fs::read(format!("/proc/{}/environ", instance.pid)))
        else {
            continue;
        };
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(!environment.contains("1234"), "{environment:?}");
        assert!(!environment.contains("mine"), "{environment:?}");
    }
}

#[tokio::test]
async fn a_process_gets_no_file_that_was_open_where_its_server_was_started() {
    let open = tempfile::tempfile().unwrap();
    fcntl(&open, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let bed = TestBed::start().await;
    bed.function("bare").source(IDENTITY).drop_in().await;
    let instance = bed.instance(identity(bed.get("/bare").await).pid);
    let opened = |pid| {
        let links = std::fs::read_dir(format!("/proc/{pid}/fd"))?;
        let mut count = 0;
        for link in links {
            match std::fs::metadata(link?.path()) {
                Ok(target) if target.ino() == open.metadata()?.ino() => count += 1,
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(count)
    };
    assert_ne!(seen(opened(bed.server_pid())), Some(0), "the test is of no use");
    assert_ne!(seen(opened(instance.pid)), Some(1));
}

/// What `/proc` tells of a process, unless it is hidden: a server that makes no
/// user namespaces hides from its own user, and a user of its own from a root
/// without that right. What cannot be seen from here is said.
fn seen<T>(found: std::io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            eprintln!("not looked at: the process is hidden from these tests");
            None
        }
        found => Some(found.expect("the process runs")),
    }
}

#[tokio::test]
async fn a_function_never_sees_the_token_that_opens_its_process() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (request: Request) => {
          const copies = [request, request.clone(), new Request(request)];
          return copies.flatMap((copy) => [...copy.headers.keys(), copy.headers.get("x-doze-token")]);
        };
    "#;
    bed.function("token").source(source).drop_in().await;
    let seen = bed.get("/token").await.ok();
    assert!(!seen.text().contains("x-doze-token"), "{seen:?}");
    let values = seen.json();
    let known = ["host", "x-request-id", "traceparent"];
    for value in values.as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(known.contains(&value) || value.starts_with("x-forwarded-"), "{value}");
    }
}

#[tokio::test]
async fn a_process_answers_nobody_without_its_token() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let instance = bed.instance(identity(bed.get("/hello").await).pid);
    let socket = instance.folder().join("http.sock");
    for token in ["", "x-doze-token: 0123456789abcdef0123456789abcdef\r\n"] {
        let mut connection = RawConnection::open_path(&socket).await;
        let request = format!("GET http://t/ HTTP/1.1\r\nhost: t\r\n{token}\r\n");
        connection.send(request).await.unwrap();
        let response = connection.response(false).await;
        assert_eq!((response.status, response.text()), (403, String::new()));
    }
}

#[tokio::test]
async fn a_named_host_and_port_is_reached_and_no_other() {
    let bed = TestBed::new().flag("--allow-addresses", "127.0.0.1").up().await;
    let named = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let [named_port, other_port] = [&named, &other].map(|l| l.local_addr().unwrap().port());
    let manifest = json!({ "permissions": [format!("--allow-net=127.0.0.1:{named_port}")] });
    bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
    let connect = |port: u16| {
        format!("(await Deno.connect({{ hostname: '127.0.0.1', port: {port} }})).close()")
    };
    assert_eq!(attempt(&bed, "net", &connect(named_port)).await, json!({ "value": null }));
    refused(&bed, "net", &connect(other_port), "net").await;
    refused(&bed, "net", "await Deno.readTextFile('/etc/passwd')", "read").await;
}

#[tokio::test]
async fn a_named_folder_is_read_and_nothing_beside_it() {
    let bed = TestBed::start().await;
    let manifest = json!({ "permissions": ["--allow-read=./data"] });
    bed.function("read")
        .source(ATTEMPT)
        .manifest(manifest)
        .file("data/in/x.txt", "readable")
        .file("beside.txt", "not readable")
        .drop_in()
        .await;
    let read = |path: &str| format!("return await Deno.readTextFile('{path}')");
    let value = attempt(&bed, "read", &read("./data/in/x.txt")).await;
    assert_eq!(value, json!({ "value": "readable" }));
    for path in ["./beside.txt", "./data/../beside.txt", "/etc/passwd", "/proc/self/environ"] {
        refused(&bed, "read", &read(path), "read").await;
    }
    refused(&bed, "read", "await Deno.writeTextFile('./data/in/x.txt', '')", "write").await;
}

#[tokio::test]
async fn a_program_is_run_where_the_operator_allows_it_by_name() {
    let bed = TestBed::new().flag("--allow-permissions", "run").up().await;
    let manifest = json!({ "permissions": ["--allow-run=/bin/true"] });
    bed.function("run").source(ATTEMPT).manifest(manifest).drop_in().await;
    let run = |program: &str| format!("return (await new Deno.Command('{program}').output()).code");
    assert_eq!(attempt(&bed, "run", &run("/bin/true")).await, json!({ "value": 0 }));
    refused(&bed, "run", &run("/bin/false"), "run").await;
}

/// The folder between the two services may hold what another operator, or
/// nobody, has allowed.
#[tokio::test]
async fn a_permission_counts_only_where_the_operator_who_runs_it_allows_it() {
    let bed = TestBed::new().with_server("execution").await.listening().await;
    let bed = bed.flag("--allow-permissions", "run").with_registry().await;
    let manifest = json!({ "permissions": ["--allow-run=/bin/true"] });
    bed.function("run").source(ATTEMPT).manifest(manifest).write();
    bed.known("run").await;
    let code = "return (await new Deno.Command('/bin/true').output()).code";
    bed.post("/run", code).await.error(502, "start_failed");
}

#[tokio::test]
async fn what_a_function_writes_is_its_own_and_harms_no_published_file() {
    let bed = TestBed::start().await;
    let manifest = json!({ "permissions": ["--allow-read=./scratch", "--allow-write=./scratch"] });
    bed.function("write")
        .source(ATTEMPT)
        .manifest(manifest)
        .file("scratch/given.txt", "given")
        .drop_in()
        .await;
    let code = "
        await Deno.writeTextFile('./scratch/new.txt', 'new');
        await Deno.writeTextFile('./scratch/given.txt', 'changed');
        return await Deno.readTextFile('./scratch/new.txt');
    ";
    assert_eq!(attempt(&bed, "write", code).await, json!({ "value": "new" }));
    refused(&bed, "write", "await Deno.writeTextFile('./outside.txt', '')", "write").await;
    let given = bed.path("registry_in/write/scratch/given.txt");
    assert_eq!(std::fs::read_to_string(given).unwrap(), "given");
    assert!(!bed.path("registry_in/write/scratch/new.txt").exists());
}

#[tokio::test]
async fn a_function_that_eats_memory_ends_alone() {
    let bed = TestBed::start().await;
    bed.function("neighbour").source(IDENTITY).drop_in().await;
    let neighbour = identity(bed.get("/neighbour").await);
    let source = r#"
        const kept: number[][] = [];
        export default (request: Request) => {
          while (request.method === "POST") kept.push(new Array(100_000).fill(Math.random()));
          return "fine";
        };
    "#;
    let manifest = json!({ "memoryMb": 64, "timeoutSeconds": 30 });
    bed.function("hungry").source(source).manifest(manifest).drop_in().await;
    bed.get("/hungry").await.ok();
    bed.post("/hungry", "").await.error(502, "function_crashed");
    assert_eq!(identity(bed.get("/neighbour").await), neighbour);
    assert_eq!(bed.get("/hungry").await.ok().text(), "fine");
}

#[tokio::test]
async fn a_process_has_no_way_to_more_rights_and_limits_of_its_own() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    bed.function("other").source(IDENTITY).drop_in().await;
    let instance = bed.instance(identity(bed.get("/hello").await).pid);
    let other = bed.instance(identity(bed.get("/other").await).pid);

    assert_eq!(instance.status("NoNewPrivs").as_deref(), Some("1"));
    assert_eq!(instance.limit("Max core file size").as_deref(), Some("0"));
    let files = instance.limit("Max open files").unwrap();
    assert!(files.parse::<u64>().unwrap() <= 4096, "{files}");
    assert_ne!(instance.limit("Max file size").as_deref(), Some("unlimited"));

    let of_test = nix::unistd::getsid(None).unwrap().as_raw();
    let (group, session) = instance.group_and_session().unwrap();
    assert_ne!(i32::try_from(session).unwrap(), of_test);
    let (other_group, other_session) = other.group_and_session().unwrap();
    assert_ne!((group, session), (other_group, other_session));
}
