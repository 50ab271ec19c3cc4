//! The command line and the environment of a server.

use std::net::TcpListener;
use std::process::Output;

use tempfile::TempDir;

use crate::harness::Program;

/// Runs a command line that should end by itself.
async fn outcome(program: Program) -> (Option<i32>, String) {
    let folder = TempDir::new().expect("a temporary folder");
    let Output { status, stdout, stderr } = program.output(folder.path()).await;
    let stdout = String::from_utf8_lossy(&stdout);
    assert_eq!(stdout, "", "talk belongs to stderr");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[tokio::test]
async fn an_unknown_flag_is_a_usage_error() {
    for verb in ["up", "registry", "execution"] {
        let (code, text) = outcome(Program::doze(verb).arg("--nonsense")).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--nonsense"), "{text}");
    }
    let (code, text) = outcome(Program::doze("nonsense")).await;
    assert_eq!(code, Some(2), "{text}");
}

#[tokio::test]
async fn every_bad_value_is_reported_at_once_before_a_port_is_bound() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = Program::doze("up")
        // A server that got as far as binding would complain about this.
        .flag("--listen", taken.local_addr().unwrap())
        .flag("--admin", "not an address")
        .flag("--idle-seconds", "never")
        .flag("--max-processes", "0")
        .env("DOZE_SPARES", "many")
        .env("DOZE_SANDBOX", "perhaps")
        .env("DOZE_LOG", "doze=loudest")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector");
    let (code, text) = outcome(program).await;
    assert_eq!(code, Some(64), "{text}");
    for (name, variable, value) in [
        ("--admin", "DOZE_ADMIN", "not an address"),
        ("--idle-seconds", "DOZE_IDLE_SECONDS", "never"),
        ("--max-processes", "DOZE_MAX_PROCESSES", "0"),
        ("--spares", "DOZE_SPARES", "many"),
        ("--sandbox", "DOZE_SANDBOX", "perhaps"),
        ("--log", "DOZE_LOG", "doze=loudest"),
        ("--otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector"),
    ] {
        let named = text
            .lines()
            .any(|line| (line.contains(name) || line.contains(variable)) && line.contains(value));
        assert!(named, "{name} {value} is not in\n{text}");
    }
    assert!(!text.contains("in use"), "{text}");
}

#[tokio::test]
async fn a_bad_variable_is_told_by_the_variable_s_name() {
    let (code, text) = outcome(Program::doze("up").env("DOZE_LISTEN", "nowhere")).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("DOZE_LISTEN") && text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin"] {
        let other = if flag == "--listen" { "--admin" } else { "--listen" };
        let program = Program::doze("up")
            .flag("--runtime", crate::harness::runtime_folder().display())
            .flag(flag, &address)
            .flag(other, "127.0.0.1:0");
        let (code, text) = outcome(program).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&address) && text.contains("in use"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[tokio::test]
async fn variables_configure_a_server_and_flags_win() {
    let folder = TempDir::new().unwrap();
    let mut server = Program::doze("up")
        .env("DOZE_RUNTIME", crate::harness::runtime_folder().display().to_string())
        .env("DOZE_LISTEN", "127.0.0.2:0")
        .env("DOZE_ADMIN", "127.0.0.1:0")
        .env("DOZE_LOG_FORMAT", "json")
        .flag("--listen", "127.0.0.3:0")
        .start(folder.path());
    let address = server.address().await;
    assert!(address.starts_with("127.0.0.3:"), "{address}");
    // Folders have defaults, and what a server needs it makes.
    let complaints = server.stop();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert!(folder.path().join("registry").is_dir());
}

#[tokio::test]
async fn servers_of_one_user_that_start_together_leave_each_other_alone() {
    let folder = TempDir::new().unwrap();
    for _ in 0..3 {
        let program = Program::doze("execution")
            .flag("--runtime", crate::harness::runtime_folder().display())
            .flag("--listen", "127.0.0.1:0")
            .flag("--admin", "127.0.0.1:0")
            .flag("--log-format", "json")
            .flag("--spares", 0);
        let mut servers: Vec<_> = (0..10).map(|_| program.start(folder.path())).collect();
        for server in &mut servers {
            server.address().await;
        }
        for server in servers {
            let complaints = server.stop();
            assert!(complaints.is_empty(), "{complaints:?}");
        }
    }
}
