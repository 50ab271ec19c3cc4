//! Each layer alone: everything else is switched off, Deno's own permissions
//! too, so that the code below is as free as native code. What it tries must
//! succeed without any layer and fail with this one.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::machine::{As, bed_of, users, users_with};
use super::{ATTEMPT, attempt};
use crate::functions::{IDENTITY, identity};
use crate::harness::{Process, Program, TestBed, runtime_folder, status, until};

/// Every layer that can be left out.
pub(super) const ALL: [&str; 18] = [
    "deno-permissions",
    "no-new-privileges",
    "no-capabilities",
    "resource-limits",
    "own-user",
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "network-namespace",
    "ipc-namespace",
    "landlock-files",
    "landlock-ports",
    "landlock-scopes",
    "seccomp",
    "address-guard",
    "cgroup-memory",
    "cgroup-pids",
    "cgroup-cpu",
];
/// Nobody but root gets a namespace without this one.
const NAMESPACES: [&str; 4] =
    ["mount-namespace", "pid-namespace", "network-namespace", "ipc-namespace"];

/// A server with those layers and no others, and a function without
/// permissions called `free`.
async fn only(layers: &[&str], user: As) -> TestBed {
    let mut kept = layers.to_vec();
    if user == As::PlainUser && layers.iter().any(|layer| NAMESPACES.contains(layer)) {
        kept.push("user-namespace");
    }
    let without: Vec<_> = ALL.into_iter().filter(|layer| !kept.contains(layer)).collect();
    let bed = bed_of(user).env("DOZE_SANDBOX_WITHOUT", &without.join(",")).up().await;
    let in_force = bed.get("/_/ready").await.json();
    for layer in &kept {
        let named = |value: &Value| value.as_str() == Some(layer);
        let list = in_force["isolation"].as_array().expect("a list of layers");
        assert!(list.iter().any(named), "{layer} should be in force: {in_force:#}");
    }
    bed.function("free").source(ATTEMPT).drop_in().await;
    bed
}

/// Fails unless the code succeeds without any layer, and fails with this one.
async fn stops(layer: &str, user: As, code: &str, error: &str) {
    let none = only(&[], user).await;
    let free = attempt(&none, "free", code).await;
    assert!(free.get("value").is_some(), "{user:?}: it should succeed without {layer}: {free}");
    drop(none);
    let alone = only(&[layer], user).await;
    let kept = attempt(&alone, "free", code).await;
    let said = kept["error"].as_str().unwrap_or_default();
    assert!(said.contains(error), "{user:?}: {layer} alone should stop it: {kept}");
}

async fn instance_of(bed: &TestBed) -> Process {
    bed.function("identity").source(IDENTITY).drop_in().await;
    bed.instance(identity(bed.get("/identity").await).pid)
}

const READ_A_FILE_OF_THE_HOST: &str = "return await Deno.readTextFile('/etc/passwd')";

#[tokio::test]
async fn the_mount_namespace_alone_hides_the_hosts_files() {
    for user in users_with(&["mount-namespace"]) {
        stops("mount-namespace", user, READ_A_FILE_OF_THE_HOST, "NotFound").await;
    }
}

#[tokio::test]
async fn landlock_alone_keeps_the_hosts_files() {
    for user in users_with(&["landlock-files"]) {
        stops("landlock-files", user, READ_A_FILE_OF_THE_HOST, "PermissionDenied").await;
    }
}

#[tokio::test]
async fn a_user_of_its_own_alone_keeps_what_is_not_for_everybody() {
    let code = "return await Deno.readTextFile('/etc/shadow')";
    for user in users_with(&["own-user"]) {
        // Its folder must be reached through the test's own.
        stops("own-user", user, code, "PermissionDenied").await;
    }
}

#[tokio::test]
async fn no_two_processes_share_a_user() {
    if users_with(&["own-user"]).is_empty() {
        return;
    }
    let bed = TestBed::start().await;
    bed.function("one").source(IDENTITY).drop_in().await;
    bed.function("two").source(IDENTITY).drop_in().await;
    for name in ["one", "two"] {
        bed.get(&format!("/{name}")).await.ok();
    }
    let mut users: Vec<_> = bed.instances().iter().filter_map(|p| p.status("Uid")).collect();
    assert!(users.len() >= 2, "{users:?}");
    let count = users.len();
    users.sort();
    users.dedup();
    assert_eq!(users.len(), count);
    assert!(users.iter().all(|ids| ids.starts_with("19")), "{users:?}");
}

/// A listener outside the sandbox, and the code that connects to it.
fn reachable() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let code = format!("(await Deno.connect({{ hostname: '127.0.0.1', port: {port} }})).close()");
    (listener, code)
}

#[tokio::test]
async fn each_of_three_layers_alone_keeps_a_function_without_permission_from_any_network() {
    for (layer, error) in [
        ("network-namespace", "unreachable"),
        ("landlock-ports", "PermissionDenied"),
        ("seccomp", "not permitted"),
    ] {
        for user in users_with(&[layer]) {
            let (_listener, code) = reachable();
            stops(layer, user, &code, error).await;
        }
    }
}

#[tokio::test]
async fn datagrams_leave_neither() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let code = format!(
        "const {{ createSocket }} = process.getBuiltinModule('node:dgram');
         return await new Promise((done, failed) => {{
           const socket = createSocket('udp4');
           socket.on('error', failed);
           socket.send('x', {port}, '127.0.0.1', (error) => error ? failed(error) : done('sent'));
         }})"
    );
    for layer in ["network-namespace", "seccomp"] {
        for user in users_with(&[layer]) {
            stops(layer, user, &code, "").await;
        }
    }
}

#[tokio::test]
async fn the_guard_alone_keeps_a_networked_function_from_this_machine_however_it_is_named() {
    for user in users_with(&["address-guard"]) {
        let (listener, _) = reachable();
        let port = listener.local_addr().unwrap().port();
        let hosts = [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ];
        for (layers, reached) in [(vec![], true), (vec!["address-guard"], false)] {
            let bed = only(&layers, user).await;
            let gateway = bed.address().to_owned();
            let manifest = json!({ "permissions": ["--allow-net"] });
            bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
            for host in hosts {
                let name = host.trim_matches(['[', ']']);
                let code =
                    format!("(await Deno.connect({{ hostname: '{name}', port: {port} }})).close()");
                let answer = attempt(&bed, "net", &code).await;
                assert_eq!(answer.get("value").is_some(), reached, "{user:?} {host}: {answer}");
            }
            let code = format!("return (await fetch('http://{gateway}/_/health')).status");
            let answer = attempt(&bed, "net", &code).await;
            assert_eq!(answer.get("value").is_some(), reached, "{user:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_guard_watches_datagrams_too() {
    for user in users_with(&["address-guard"]) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let code = |host: &str| {
            format!(
                "const {{ createSocket }} = process.getBuiltinModule('node:dgram');
                 return await new Promise((done, failed) => {{
                   const socket = createSocket('udp4');
                   socket.send('x', {port}, '{host}', (error) => error ? failed(error) : done('sent'));
                 }})"
            )
        };
        let bed = only(&["address-guard"], user).await;
        let manifest = json!({ "permissions": ["--allow-net"] });
        bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
        let answer = attempt(&bed, "net", &code("127.0.0.1")).await;
        assert!(answer["error"].is_string(), "{answer}");
        let nothing = socket.recv(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn what_the_operator_excepts_is_reached() {
    for user in users() {
        let (listener, code) = reachable();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bed = bed_of(user).flag("--allow-addresses", address).up().await;
        let manifest = json!({ "permissions": ["--allow-net"] });
        bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
        assert_eq!(attempt(&bed, "net", &code).await, json!({ "value": null }), "{user:?}");
        if !users_with(&["address-guard"]).contains(&user) {
            continue;
        }
        let port = other.local_addr().unwrap().port();
        let code = format!("await Deno.connect({{ hostname: '127.0.0.1', port: {port} }})");
        let answer = attempt(&bed, "net", &code).await;
        assert!(answer["error"].is_string(), "{user:?}: {answer}");
    }
}

#[tokio::test]
async fn each_of_three_layers_alone_keeps_signals_from_the_server() {
    for layer in ["pid-namespace", "landlock-scopes", "seccomp"] {
        for user in users_with(&[layer]) {
            let free = only(&[], user).await;
            // Says nothing to a process that runs.
            let code = |bed: &TestBed| {
                let server = bed.server_pid();
                format!("Deno.kill({server}, 'SIGCONT')")
            };
            let answer = attempt(&free, "free", &code(&free)).await;
            assert!(answer.get("value").is_some(), "{user:?}: {answer}");
            drop(free);
            let kept = only(&[layer], user).await;
            let answer = attempt(&kept, "free", &code(&kept)).await;
            assert!(answer["error"].is_string(), "{user:?}: {layer}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_filter_alone_lets_no_program_be_run() {
    for user in users() {
        let code = "return (await new Deno.Command('/bin/true').output()).code";
        stops("seccomp", user, code, "").await;
    }
}

/// Calls the kernel itself, as native code would; `value` is `-errno` where
/// that fails.
const NATIVE: &str = "
    const libc = Deno.dlopen('libc.so.6', {
      syscall: { parameters: Array(7).fill('i64'), result: 'i64' },
      __errno_location: { parameters: [], result: 'pointer' },
    }).symbols;
    const call = (...words) => {
      while (words.length < 7) words.push(0);
      const result = Number(libc.syscall(...words.map((word) => BigInt(word))));
      if (result >= 0) return result;
      return -new Deno.UnsafePointerView(libc.__errno_location()).getInt32();
    };
";

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn the_filter_alone_refuses_what_no_function_needs() {
    const EPERM: i64 = -1;
    const ENOSYS: i64 = -38;
    for user in users() {
        let bed = only(&["seccomp"], user).await;
        for (what, call, answer) in [
            ("ptrace", "call(101, 0, 0, 0, 0)", EPERM),
            ("process_vm_readv", "call(310, Deno.ppid, 0, 0, 0, 0, 0)", EPERM),
            ("pidfd_getfd", "call(438, 0, 0, 0)", EPERM),
            ("unshare of a user namespace", "call(272, 0x10000000)", EPERM),
            ("setns", "call(308, 0, 0)", EPERM),
            ("mount", "call(165, 0, 0, 0, 0, 0)", EPERM),
            ("bpf", "call(321, 0, 0, 0)", EPERM),
            ("io_uring_setup", "call(425, 8, 0)", EPERM),
            ("userfaultfd", "call(323, 1)", EPERM),
            ("perf_event_open", "call(298, 0, 0, 0, 0, 0)", EPERM),
            ("keyctl", "call(250, 0, 0)", EPERM),
            ("setsid, to leave its group", "call(112)", EPERM),
            ("setpgid, to leave its group", "call(109, 0, 0)", EPERM),
            ("PR_SET_PDEATHSIG, to survive the server", "call(157, 1, 0)", EPERM),
            ("fork", "call(57)", EPERM),
            ("clone of a process", "call(56, 17, 0, 0, 0, 0)", EPERM),
            ("clone3, which is unknown here", "call(435, 0, 0)", ENOSYS),
            ("tgkill of the server", "call(234, Deno.ppid, Deno.ppid, 0)", EPERM),
            ("AF_INET", "call(41, 2, 1, 0)", EPERM),
            ("AF_INET6", "call(41, 10, 2, 0)", EPERM),
            ("AF_NETLINK", "call(41, 16, 3, 0)", EPERM),
            ("AF_PACKET", "call(41, 17, 3, 0)", EPERM),
            ("AF_VSOCK", "call(41, 40, 1, 0)", EPERM),
            ("TIOCSTI", "call(16, 0, 0x5412, 0)", EPERM),
            ("a system call of the other numbering", "call(0x40000000 + 101, 0, 0, 0, 0)", EPERM),
        ] {
            let code = format!("{NATIVE} return {call}");
            let found = attempt(&bed, "free", &code).await;
            assert_eq!(found, json!({ "value": answer }), "{user:?}: {what}");
        }
        let none = only(&[], user).await;
        let free = attempt(&none, "free", &format!("{NATIVE} return call(157, 1, 9)")).await;
        assert_eq!(free, json!({ "value": 0 }), "without the filter the kernel is reached");
    }
}

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn a_networked_function_listens_nowhere() {
    for layer in ["address-guard", "landlock-ports"] {
        for user in users_with(&[layer]) {
            let bed = only(&[layer], user).await;
            let manifest = json!({ "permissions": ["--allow-net"] });
            bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
            let answer = attempt(&bed, "net", "Deno.listen({ port: 0 }).close()").await;
            assert!(answer["error"].is_string(), "{user:?} {layer}: {answer}");
        }
    }
    for user in users_with(&["address-guard"]) {
        let bed = only(&["address-guard"], user).await;
        let manifest = json!({ "permissions": ["--allow-net"] });
        bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
        // A socket that nobody has bound gets a port when it listens.
        let code = format!("{NATIVE} const s = call(41, 2, 1, 0); return [s > 0, call(50, s, 1)]");
        assert_eq!(attempt(&bed, "net", &code).await, json!({ "value": [true, -13] }), "{user:?}");
    }
}

#[tokio::test]
async fn strict_starts_with_the_minimum_and_names_what_is_missing_of_it() {
    let kernel = ["landlock-files", "landlock-scopes", "seccomp", "address-guard"];
    for user in users_with(&[&NAMESPACES[..], &kernel].concat()) {
        let bed = bed_of(user).flag("--sandbox", "strict").up().await;
        bed.function("hello").source(IDENTITY).drop_in().await;
        bed.get("/hello").await.ok();
    }
    let bed = TestBed::new();
    let output = Program::doze("up")
        .flag("--listen", "127.0.0.1:0")
        .flag("--runtime", runtime_folder().display())
        .flag("--sandbox", "strict")
        .env("DOZE_SANDBOX_WITHOUT", "seccomp,landlock-files")
        .output(&bed.path(""))
        .await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (_, lacking) = said.split_once("demands; not in force:").expect("it says why");
    assert!(lacking.lines().any(|line| line.trim().starts_with("seccomp")), "{said}");
    assert!(lacking.lines().any(|line| line.trim().starts_with("landlock-files")), "{said}");
}

#[tokio::test]
async fn what_deno_keeps_of_one_process_reaches_no_other() {
    let bed = only(&[], users()[0]).await;
    bed.function("other").source(ATTEMPT).drop_in().await;
    // Even with every right, what it writes there is its own.
    let code = "
        const folder = `${Deno.args[0]}/deno`;
        for (const { name, isFile } of Deno.readDirSync(folder)) {
          if (isFile) Deno.writeTextFileSync(`${folder}/${name}`, 'poison');
        }
        return [...Deno.readDirSync(folder)].length > 0;
    ";
    assert_eq!(attempt(&bed, "free", code).await, json!({ "value": true }));
    let code = "
        const folder = `${Deno.args[0]}/deno`;
        const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
        return files.map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`).slice(0, 6));
    ";
    let texts = attempt(&bed, "other", code).await;
    let texts = texts["value"].as_array().unwrap();
    assert!(!texts.is_empty() && texts.iter().all(|text| text != "poison"), "{texts:?}");
}

#[tokio::test]
async fn the_machines_name_is_not_told() {
    for user in users_with(&["ipc-namespace"]) {
        let free = only(&[], user).await;
        let real = attempt(&free, "free", "return Deno.hostname()").await;
        assert_ne!(real, json!({ "value": "function" }));
        drop(free);
        let kept = only(&["ipc-namespace"], user).await;
        let told = attempt(&kept, "free", "return Deno.hostname()").await;
        assert_eq!(told, json!({ "value": "function" }), "{user:?}");
    }
}

#[tokio::test]
async fn rights_are_given_up_for_good() {
    // A container may have taken these from the tests themselves.
    let own = |field| status(std::process::id(), field);
    for user in users() {
        let bed = only(&[], user).await;
        let free = instance_of(&bed).await;
        assert_eq!(free.status("NoNewPrivs"), own("NoNewPrivs"));
        assert_eq!(free.status("Seccomp_filters"), own("Seccomp_filters"));
        if user == As::Root {
            assert_eq!(free.status("CapEff"), own("CapEff"));
        }
        drop(bed);

        let bed = only(&["no-new-privileges"], user).await;
        assert_eq!(instance_of(&bed).await.status("NoNewPrivs").as_deref(), Some("1"));
        drop(bed);

        let bed = only(&["no-capabilities"], user).await;
        let kept = instance_of(&bed).await;
        for field in ["CapEff", "CapPrm"] {
            assert_eq!(kept.status(field).as_deref(), Some("0000000000000000"), "{field}");
        }
        drop(bed);

        let bed = only(&["seccomp"], user).await;
        let kept = instance_of(&bed).await;
        assert_eq!(kept.status("Seccomp").as_deref(), Some("2"));
        assert_ne!(kept.status("Seccomp_filters"), own("Seccomp_filters"));
    }
}

#[tokio::test]
async fn a_process_that_outgrows_its_memory_ends_alone_and_the_log_says_why() {
    for user in users_with(&["cgroup-memory"]) {
        let bed = only(&["cgroup-memory"], user).await;
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
        bed.logged("the reason", |record| record.names("hungry") && record.holds("memory limit"))
            .await;
        assert!(neighbour.is_alive());
        assert_eq!(bed.get("/hungry").await.ok().text(), "fine");
    }
}

#[tokio::test]
async fn a_process_that_starts_too_many_others_is_refused_more() {
    let code = "
        const programs = [];
        for (let i = 0; i < 150; i++) {
          programs.push(new Deno.Command('/bin/sleep', { args: ['5'] }).spawn());
        }
        return programs.length;
    ";
    for user in users_with(&["cgroup-pids"]) {
        stops("cgroup-pids", user, code, "").await;
    }
}

#[tokio::test]
async fn nothing_of_a_control_group_is_left() {
    for user in users_with(&["cgroup-memory"]) {
        let mut bed = bed_of(user).up().await;
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
}
