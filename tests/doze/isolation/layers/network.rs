//! Whom a process reaches, and who reaches it.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use serde_json::json;

use super::{NATIVE, bed_of, only, stops, users, users_with};
use crate::isolation::{ATTEMPT, attempt};

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
        let mut hosts = [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ]
        .map(str::to_owned)
        .to_vec();
        hosts.extend(names_of_loopback());
        for (layers, reached) in [(vec![], true), (vec!["address-guard"], false)] {
            let bed = only(&layers, user).await;
            let gateway = bed.address().to_owned();
            let manifest = json!({ "permissions": ["--allow-net"] });
            bed.function("net").source(ATTEMPT).manifest(manifest).drop_in().await;
            for host in &hosts {
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

/// Names that look like any other machine's and lead to 127.0.0.1 here.
fn names_of_loopback() -> Vec<String> {
    let file = fs::read_to_string("/etc/hosts").expect("this machine has names");
    let names: Vec<_> = file
        .lines()
        .filter_map(|line| line.strip_prefix("127.0.0.1")?.split('#').next())
        .flat_map(str::split_whitespace)
        .filter(|name| !name.contains("localhost"))
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        eprintln!("not tried: no name but `localhost` leads to 127.0.0.1 here");
    }
    names
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
