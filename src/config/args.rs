//! The flags and variables, as text. What they mean is found out later, so that
//! all mistakes can be told at once.

use std::path::PathBuf;

use clap::Args;

/// The flags that the building of a function depends on: a server's, and those
/// of `doze check`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Folder of the runtime shim
    #[arg(long, env = "DOZE_RUNTIME", value_name = "FOLDER", default_value = "runtime-shim")]
    pub(super) runtime: PathBuf,
    /// Isolation layers: all that the machine offers, all or nothing, or none
    #[arg(long, env = "DOZE_SANDBOX", value_name = "auto|strict|off", default_value = "auto")]
    pub(super) sandbox: String,
    /// Isolation layers to leave out, so that a test can prove the others
    #[arg(
        long,
        env = "DOZE_SANDBOX_WITHOUT",
        value_name = "LAYER,…",
        default_value = "",
        hide = true
    )]
    pub(super) sandbox_without: String,
    /// Permissions that manifests may ask for beyond the harmless ones: run, ffi
    #[arg(long, env = "DOZE_ALLOW_PERMISSIONS", value_name = "KIND,…", default_value = "")]
    pub(super) allow_permissions: String,
}

/// The flags of a server, as text. `Config::new` gives them meaning.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Folder where functions are dropped
    #[arg(long, env = "DOZE_REGISTRY_IN", value_name = "FOLDER", default_value = "registry_in")]
    pub(super) registry_in: PathBuf,
    /// Folder where functions are published
    #[arg(long, env = "DOZE_REGISTRY", value_name = "FOLDER", default_value = "registry")]
    pub(super) registry: PathBuf,
    /// Folder for logs, secrets, tokens, caches and what else the server keeps
    #[arg(long, env = "DOZE_DATA", value_name = "FOLDER", default_value = "data")]
    pub(super) data: PathBuf,
    #[command(flatten)]
    pub(super) build: BuildArgs,
    /// Address of the gateway
    #[arg(long, env = "DOZE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(super) listen: String,
    /// Address of the admin API [default: 127.0.0.1:8080; of `execution` alone 127.0.0.1:8081]
    #[arg(long, env = "DOZE_ADMIN", value_name = "ADDRESS")]
    pub(super) admin: Option<String>,
    /// File of the admin token, made where it is missing [default: admin-token in the data folder]
    #[arg(long, env = "DOZE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(super) admin_token_file: Option<PathBuf>,
    /// File of the key that encrypts secrets, made where it is missing [default: secrets-key in the data folder]
    #[arg(long, env = "DOZE_SECRETS_KEY_FILE", value_name = "FILE")]
    pub(super) secrets_key_file: Option<PathBuf>,
    /// Folder of the built dashboard
    #[arg(long, env = "DOZE_DASHBOARD", value_name = "FOLDER", default_value = "dashboard/dist")]
    pub(super) dashboard: PathBuf,
    /// Where a registry that runs alone finds the admin API of the execution service
    #[arg(
        long,
        env = "DOZE_EXECUTION_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8081"
    )]
    pub(super) execution_url: String,
    /// Seconds that an unused instance is kept, where its manifest does not say
    #[arg(long, env = "DOZE_IDLE_SECONDS", value_name = "SECONDS", default_value = "60")]
    pub(super) idle_seconds: String,
    /// Spares kept for each permission profile in use
    #[arg(long, env = "DOZE_SPARES", value_name = "COUNT", default_value = "1")]
    pub(super) spares: String,
    /// Processes that may run at once [default: from the machine's memory]
    #[arg(long, env = "DOZE_MAX_PROCESSES", value_name = "COUNT")]
    pub(super) max_processes: Option<String>,
    /// Let the kernel log the system calls that functions are refused
    #[arg(long, env = "DOZE_SANDBOX_LOG", value_name = "true|false", default_value = "false")]
    pub(super) sandbox_log: String,
    /// Addresses that functions with network access may reach although they are
    /// this machine's or link-local
    #[arg(
        long,
        env = "DOZE_ALLOW_ADDRESSES",
        value_name = "ADDRESS[/BITS|:PORT],…",
        default_value = ""
    )]
    pub(super) allow_addresses: String,
    /// How changed folders are noticed; `poll` for volumes without file events
    #[arg(long, env = "DOZE_WATCH", value_name = "native|poll", default_value = "native")]
    pub(super) watch: String,
    /// MiB of disk that the logs of all functions may take up together
    #[arg(long, env = "DOZE_LOGS_MB", value_name = "MIB", default_value = "1024")]
    pub(super) logs_mb: String,
    /// Log every request to a function
    #[arg(long, env = "DOZE_ACCESS_LOG", value_name = "true|false", default_value = "false")]
    pub(super) access_log: String,
    /// What is logged: a level, or a filter such as `info,doze=debug`
    #[arg(long, env = "DOZE_LOG", value_name = "FILTER", default_value = "info")]
    pub(super) log: String,
    /// How it is logged
    #[arg(long, env = "DOZE_LOG_FORMAT", value_name = "text|json", default_value = "text")]
    pub(super) log_format: String,
    /// OpenTelemetry collector that gets the traces of requests, by OTLP over HTTP
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "http://HOST:PORT",
        default_value = ""
    )]
    pub(super) otlp_endpoint: String,
}
