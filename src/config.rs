//! What the operator decides: flags, else environment, else defaults.
//!
//! The only module that reads the environment. Every mistake is collected, so
//! that an operator mends them in one go, before a port is bound.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::execution::fleet::Settings;
use crate::execution::gateway::Limits;
use crate::function::permissions::OperatorAllows;
use crate::registry::{RegistryConfig, WatchMode};
use crate::sandbox::{Demand, Exceptions, Layers, Mode};
use crate::telemetry::LogFormat;
use crate::{admin, execution};

/// MiB of the machine's memory per process, for the default process limit. A
/// process with the default heap limit that uses all of it takes about so much.
const MEMORY_PER_PROCESS: u64 = 192;
/// A machine that small runs few functions, but it runs them.
const FEWEST_PROCESSES: u64 = 8;

/// The flags that the building of a function depends on: a server's, and those
/// of `doze check`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Folder of the runtime shim
    #[arg(long, env = "DOZE_RUNTIME", value_name = "FOLDER", default_value = "runtime-shim")]
    runtime: PathBuf,
    /// Isolation layers: all that the machine offers, all or nothing, or none
    #[arg(long, env = "DOZE_SANDBOX", value_name = "auto|strict|off", default_value = "auto")]
    sandbox: String,
    /// Isolation layers to leave out, so that a test can prove the others
    #[arg(
        long,
        env = "DOZE_SANDBOX_WITHOUT",
        value_name = "LAYER,…",
        default_value = "",
        hide = true
    )]
    sandbox_without: String,
    /// Permissions that manifests may ask for beyond the harmless ones: run, ffi
    #[arg(long, env = "DOZE_ALLOW_PERMISSIONS", value_name = "KIND,…", default_value = "")]
    allow_permissions: String,
}

/// The flags of a server, as text. [`Config::new`] gives them meaning.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Folder where functions are dropped
    #[arg(long, env = "DOZE_REGISTRY_IN", value_name = "FOLDER", default_value = "registry_in")]
    registry_in: PathBuf,
    /// Folder where functions are published
    #[arg(long, env = "DOZE_REGISTRY", value_name = "FOLDER", default_value = "registry")]
    registry: PathBuf,
    /// Folder for logs, secrets, tokens, caches and what else the server keeps
    #[arg(long, env = "DOZE_DATA", value_name = "FOLDER", default_value = "data")]
    data: PathBuf,
    #[command(flatten)]
    build: BuildArgs,
    /// Address of the gateway
    #[arg(long, env = "DOZE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: String,
    /// Address of the admin API [default: 127.0.0.1:8080; of `execution` alone 127.0.0.1:8081]
    #[arg(long, env = "DOZE_ADMIN", value_name = "ADDRESS")]
    admin: Option<String>,
    /// File of the admin token, made where it is missing [default: admin-token in the data folder]
    #[arg(long, env = "DOZE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// File of the key that encrypts secrets, made where it is missing [default: secrets-key in the data folder]
    #[arg(long, env = "DOZE_SECRETS_KEY_FILE", value_name = "FILE")]
    secrets_key_file: Option<PathBuf>,
    /// Folder of the built dashboard
    #[arg(long, env = "DOZE_DASHBOARD", value_name = "FOLDER", default_value = "dashboard/dist")]
    dashboard: PathBuf,
    /// Where a registry that runs alone finds the admin API of the execution service
    #[arg(
        long,
        env = "DOZE_EXECUTION_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8081"
    )]
    execution_url: String,
    /// Seconds that an unused instance is kept, where its manifest does not say
    #[arg(long, env = "DOZE_IDLE_SECONDS", value_name = "SECONDS", default_value = "60")]
    idle_seconds: String,
    /// Spares kept for each permission profile in use
    #[arg(long, env = "DOZE_SPARES", value_name = "COUNT", default_value = "1")]
    spares: String,
    /// Processes that may run at once [default: from the machine's memory]
    #[arg(long, env = "DOZE_MAX_PROCESSES", value_name = "COUNT")]
    max_processes: Option<String>,
    /// Let the kernel log the system calls that functions are refused
    #[arg(long, env = "DOZE_SANDBOX_LOG", value_name = "true|false", default_value = "false")]
    sandbox_log: String,
    /// Addresses that functions with network access may reach although they are
    /// this machine's or link-local
    #[arg(
        long,
        env = "DOZE_ALLOW_ADDRESSES",
        value_name = "ADDRESS[/BITS|:PORT],…",
        default_value = ""
    )]
    allow_addresses: String,
    /// How changed folders are noticed; `poll` for volumes without file events
    #[arg(long, env = "DOZE_WATCH", value_name = "native|poll", default_value = "native")]
    watch: String,
    /// MiB of disk that the logs of all functions may take up together
    #[arg(long, env = "DOZE_LOGS_MB", value_name = "MIB", default_value = "1024")]
    logs_mb: String,
    /// Log every request to a function
    #[arg(long, env = "DOZE_ACCESS_LOG", value_name = "true|false", default_value = "false")]
    access_log: String,
    /// What is logged: a level, or a filter such as `info,doze=debug`
    #[arg(long, env = "DOZE_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How it is logged
    #[arg(long, env = "DOZE_LOG_FORMAT", value_name = "text|json", default_value = "text")]
    log_format: String,
    /// OpenTelemetry collector that gets the traces of requests, by OTLP over HTTP
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "http://HOST:PORT",
        default_value = ""
    )]
    otlp_endpoint: String,
}

/// Which services a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// Both, in one program.
    Both,
    /// What publishes.
    Registry,
    /// What runs what is published.
    Execution,
}

/// A server's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where functions are dropped.
    pub registry_in: PathBuf,
    /// Where they are published.
    pub registry: PathBuf,
    /// Where logs and caches are kept.
    pub data: PathBuf,
    /// The runtime shim.
    pub runtime: PathBuf,
    /// The gateway's address.
    pub listen: SocketAddr,
    /// The admin API's address.
    pub admin: admin::Address,
    /// The file of the admin token.
    pub admin_token_file: PathBuf,
    /// The file of the key that encrypts secrets.
    pub secrets_key_file: PathBuf,
    /// The built dashboard.
    pub dashboard: PathBuf,
    /// The execution service's admin API.
    pub execution_url: admin::Upstream,
    /// How long an unused instance is kept.
    pub idle: Duration,
    /// Spares kept per profile.
    pub spares: usize,
    /// Processes that may run at once.
    pub max_processes: usize,
    /// Which isolation layers there are.
    pub sandbox: Mode,
    /// Isolation layers that are left out all the same.
    pub sandbox_without: Layers,
    /// Whether the kernel logs what it refuses.
    pub sandbox_log: bool,
    /// Permissions beyond the harmless ones.
    pub operator: OperatorAllows,
    /// Addresses that would be denied.
    pub exceptions: Exceptions,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// Bytes that the logs of all functions may take up together.
    pub logs_room: u64,
    /// Whether every request to a function is logged.
    pub access_log: bool,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The collector of traces.
    pub otlp_endpoint: Option<String>,
}

/// What a build depends on, read.
struct Build {
    runtime: PathBuf,
    sandbox: Mode,
    sandbox_without: Layers,
    operator: OperatorAllows,
}

impl BuildArgs {
    fn read(&self, errors: &mut Errors) -> Option<Build> {
        let modes = "`auto` or `strict` or `off`";
        let sandbox = errors.parse("--sandbox", "DOZE_SANDBOX", &self.sandbox, modes);
        let sandbox_without = errors.parse(
            "--sandbox-without",
            "DOZE_SANDBOX_WITHOUT",
            &self.sandbox_without,
            "names of layers as `/_/ready` has them",
        );
        let (flag, variable) = ("--allow-permissions", "DOZE_ALLOW_PERMISSIONS");
        let operator =
            errors.parse(flag, variable, &self.allow_permissions, "some of `run` and `ffi`");
        Some(Build {
            runtime: self.runtime.clone(),
            sandbox: sandbox?,
            sandbox_without: sandbox_without?,
            operator: operator?,
        })
    }
}

/// What is needed to build a function without a server.
#[derive(Debug, Clone)]
pub struct BuildConfig {
    /// What builds. It publishes nothing, and its folders are nobody's.
    pub registry: RegistryConfig,
    sandbox: Mode,
    sandbox_without: Layers,
}

impl BuildConfig {
    /// Reads what was given, and reports every mistake in it.
    pub fn new(args: &BuildArgs) -> Result<Self, ConfigErrors> {
        let mut errors = Errors(Vec::new());
        let Some(build) = args.read(&mut errors) else { return Err(ConfigErrors(errors.0)) };
        let nowhere = PathBuf::new;
        Ok(Self {
            registry: RegistryConfig {
                esbuild: esbuild(&build.runtime),
                operator: build.operator,
                ..RegistryConfig::new(nowhere(), nowhere(), absolute(&build.runtime))
            },
            sandbox: build.sandbox,
            sandbox_without: build.sandbox_without,
        })
    }

    /// What it asks of the machine.
    pub fn demand(&self) -> std::io::Result<Demand> {
        Ok(Demand {
            mode: self.sandbox,
            without: self.sandbox_without,
            exceptions: Exceptions::default(),
            log_refusals: false,
            this_program: std::env::current_exe()?,
            reads: Vec::new(),
        })
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors(Vec<String>);

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads what was given, and reports every mistake in it.
    pub fn new(args: ServerArgs, services: Services) -> Result<Self, ConfigErrors> {
        let mut errors = Errors(Vec::new());
        let address = "host:port with a numeric host, such as 127.0.0.1:8000";
        let number = "a whole number";
        let listen = errors.parse("--listen", "DOZE_LISTEN", &args.listen, address);
        let admin = args.admin.as_deref().unwrap_or(match services {
            Services::Both | Services::Registry => "127.0.0.1:8080",
            // Beside a registry on the same machine.
            Services::Execution => "127.0.0.1:8081",
        });
        let admin = errors.parse(
            "--admin",
            "DOZE_ADMIN",
            admin,
            "host:port with a numeric host, or unix:PATH of a socket",
        );
        let idle = errors.idle(&args.idle_seconds);
        let spares = errors.parse("--spares", "DOZE_SPARES", &args.spares, number);
        let max_processes = match &args.max_processes {
            None => Some(default_processes()),
            Some(text) => errors.above_zero("--max-processes", "DOZE_MAX_PROCESSES", text),
        };
        let build = args.build.read(&mut errors);
        let execution_url = errors.parse(
            "--execution-url",
            "DOZE_EXECUTION_URL",
            &args.execution_url,
            "http://host:port, or unix:PATH of a socket",
        );
        let yes_or_no = "`true` or `false`";
        let sandbox_log =
            errors.parse("--sandbox-log", "DOZE_SANDBOX_LOG", &args.sandbox_log, yes_or_no);
        let exceptions = errors.parse(
            "--allow-addresses",
            "DOZE_ALLOW_ADDRESSES",
            &args.allow_addresses,
            "addresses such as 127.0.0.1:5432 or 10.0.0.0/8",
        );
        let watch = errors.choose(
            "--watch",
            "DOZE_WATCH",
            &args.watch,
            &[("native", WatchMode::Native), ("poll", WatchMode::Poll(RegistryConfig::POLL))],
        );
        let logs_mb = errors.above_zero::<u32>("--logs-mb", "DOZE_LOGS_MB", &args.logs_mb);
        let access_log =
            errors.parse("--access-log", "DOZE_ACCESS_LOG", &args.access_log, yes_or_no);
        let filter = "a level (error, warn, info, debug, trace) or a list of `target=level`";
        let log = crate::telemetry::is_filter(&args.log).then(|| args.log.clone());
        let log = errors.require("--log", "DOZE_LOG", &args.log, filter, log);
        let log_format = errors.choose(
            "--log-format",
            "DOZE_LOG_FORMAT",
            &args.log_format,
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        );
        errors.check_collector(&args.otlp_endpoint);

        let config = (|| {
            let build = build?;
            Some(Self {
                registry_in: args.registry_in,
                registry: args.registry,
                admin_token_file: args
                    .admin_token_file
                    .unwrap_or_else(|| args.data.join("admin-token")),
                secrets_key_file: args
                    .secrets_key_file
                    .unwrap_or_else(|| args.data.join(execution::secrets::KEY_FILE)),
                data: args.data,
                runtime: build.runtime,
                listen: listen?,
                admin: admin?,
                dashboard: args.dashboard,
                execution_url: execution_url?,
                idle: idle?,
                spares: spares?,
                max_processes: max_processes?,
                sandbox: build.sandbox,
                sandbox_without: build.sandbox_without,
                sandbox_log: sandbox_log?,
                operator: build.operator,
                exceptions: exceptions?,
                watch: watch?,
                logs_room: u64::from(logs_mb?) << 20,
                access_log: access_log?,
                log: log?,
                log_format: log_format?,
                otlp_endpoint: Some(args.otlp_endpoint).filter(|text| !text.is_empty()),
            })
        })();
        config.filter(|_| errors.0.is_empty()).ok_or(ConfigErrors(errors.0))
    }

    /// What the registry service needs of it.
    pub fn registry(&self) -> RegistryConfig {
        let paths =
            (absolute(&self.registry_in), absolute(&self.registry), absolute(&self.runtime));
        RegistryConfig {
            esbuild: esbuild(&self.runtime),
            operator: self.operator.clone(),
            watch: self.watch,
            ..RegistryConfig::new(paths.0, paths.1, paths.2)
        }
    }

    /// What the admin API needs of it.
    pub fn admin(&self) -> admin::Config {
        admin::Config {
            listen: self.admin.clone(),
            token_file: absolute(&self.admin_token_file),
            dashboard: absolute(&self.dashboard),
            execution: self.execution_url.clone(),
        }
    }

    /// What it asks of the machine.
    pub fn demand(&self) -> std::io::Result<Demand> {
        let execution = self.execution();
        Ok(Demand {
            mode: self.sandbox,
            without: self.sandbox_without,
            exceptions: self.exceptions.clone(),
            log_refusals: self.sandbox_log,
            this_program: std::env::current_exe()?,
            reads: vec![execution.deno, execution.shim],
        })
    }

    /// What the execution service needs of it.
    pub fn execution(&self) -> execution::Config {
        execution::Config {
            registry: absolute(&self.registry),
            data: absolute(&self.data),
            logs_room: self.logs_room,
            access_log: self.access_log,
            secrets_key: absolute(&self.secrets_key_file),
            listen: self.listen,
            deno: tool(&self.runtime, "@deno", &format!("{}-glibc", platform()), "deno"),
            shim: absolute(&self.runtime).join("dist/boot.js"),
            poll: matches!(self.watch, WatchMode::Poll(_)),
            limits: Limits::default(),
            settings: Settings {
                idle: self.idle,
                spares: self.spares,
                max_processes: self.max_processes,
                operator: self.operator.clone(),
            },
        }
    }
}

/// The configuration in force, one `NAME value` per line.
impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watch = if self.watch == WatchMode::Native { "native" } else { "poll" };
        write!(
            f,
            "registry_in={} registry={} data={} runtime={} listen={} admin={} idle_seconds={} spares={} \
             max_processes={} sandbox={:?} allow_permissions={} watch={watch} log={} otlp_endpoint={}",
            self.registry_in.display(),
            self.registry.display(),
            self.data.display(),
            self.runtime.display(),
            self.listen,
            self.admin,
            self.idle.as_secs_f64(),
            self.spares,
            self.max_processes,
            self.sandbox,
            self.operator,
            self.log,
            self.otlp_endpoint.as_deref().unwrap_or("none"),
        )
    }
}

/// Collects what is wrong.
struct Errors(Vec<String>);

impl Errors {
    fn idle(&mut self, text: &str) -> Option<Duration> {
        let seconds: Option<f64> = text.parse().ok();
        let idle = seconds.filter(|seconds| (0.0..=86_400.0).contains(seconds));
        let expected = "a number of seconds from 0 to 86400";
        self.require("--idle-seconds", "DOZE_IDLE_SECONDS", text, expected, idle)
            .map(Duration::from_secs_f64)
    }

    fn require<T>(
        &mut self,
        flag: &str,
        variable: &str,
        text: &str,
        expected: &str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.0.push(format!("{flag} ({variable}): expected {expected}, found `{text}`"));
        }
        value
    }

    fn parse<T: FromStr>(
        &mut self,
        flag: &str,
        variable: &str,
        text: &str,
        expected: &str,
    ) -> Option<T> {
        self.require(flag, variable, text, expected, text.parse().ok())
    }

    fn above_zero<T: FromStr + Default + PartialOrd>(
        &mut self,
        flag: &str,
        variable: &str,
        text: &str,
    ) -> Option<T> {
        let value = text.parse().ok().filter(|value| *value > T::default());
        self.require(flag, variable, text, "a whole number above 0", value)
    }

    /// A collector's address may be left out.
    fn check_collector(&mut self, text: &str) {
        let plain = |uri: http::Uri| {
            uri.scheme_str() == Some("http")
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        };
        let valid = text.is_empty() || text.parse().is_ok_and(plain);
        let (flag, variable) = ("--otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let expected = "an address such as http://127.0.0.1:4318, without TLS";
        self.require(flag, variable, text, expected, valid.then_some(()));
    }

    fn choose<T: Copy>(
        &mut self,
        flag: &str,
        variable: &str,
        text: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let words: Vec<_> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.require(flag, variable, text, &words.join(" or "), found)
    }
}

/// Functions run in other folders, so every path must be whole.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The name that npm packages have for this machine.
fn platform() -> String {
    let processor = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "x64",
        other => other,
    };
    format!("linux-{processor}")
}

/// A program that npm has installed.
fn tool(runtime: &Path, scope: &str, package: &str, file: &str) -> PathBuf {
    absolute(runtime).join("node_modules").join(scope).join(package).join(file)
}

/// The bundler.
fn esbuild(runtime: &Path) -> PathBuf {
    tool(runtime, "@esbuild", &platform(), "bin/esbuild")
}

/// As many processes as fit into the machine's memory, or into the share of it
/// that a container has.
fn default_processes() -> usize {
    let kilobytes = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u64>().ok()).map(|bytes| bytes >> 10);
    let megabytes = kilobytes.into_iter().chain(limit).min().unwrap_or(0) >> 10;
    usize::try_from((megabytes / MEMORY_PER_PROCESS).max(FEWEST_PROCESSES)).unwrap_or(usize::MAX)
}
