//! What a process may do to others, and with which rights.

use serde_json::json;

use super::{As, NATIVE, instance_of, only, stops, users, users_with};
use crate::functions::IDENTITY;
use crate::harness::{TestBed, status};
use crate::isolation::attempt;

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

/// Who runs the server runs every process as himself then.
#[tokio::test]
async fn a_user_namespace_alone_keeps_processes_of_one_user_apart() {
    for (layers, reached) in [(vec![], true), (vec!["user-namespace"], false)] {
        let bed = only(&layers, As::PlainUser).await;
        let neighbour = instance_of(&bed).await.pid;
        for file in ["environ", "maps"] {
            let code = format!("return await Deno.readTextFile('/proc/{neighbour}/{file}')");
            let answer = attempt(&bed, "free", &code).await;
            assert_eq!(answer.get("value").is_some(), reached, "{file}: {answer}");
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
