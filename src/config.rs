//! What the operator decides: flags, else environment, else defaults.
//!
//! The only module that reads the environment. Every mistake is collected, so
//! that an operator mends them in one go, before a port is bound.
//!
//! - `args`: the flags and variables, as text
//! - `errors`: mistakes, collected
//! - `build`: what it takes to build a function
//! - `machine`: what follows from the machine

mod args;
mod errors;
mod build;
mod machine;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::execution::fleet::Settings;
use crate::execution::gateway::Limits;
use crate::function::permissions::OperatorAllows;
use crate::registry::{RegistryConfig, WatchMode};
use crate::sandbox::{Demand, Exceptions, Layers, Mode};
use crate::telemetry::LogFormat;
use crate::{admin, execution};
pub use args::{BuildArgs, ServerArgs};
pub use build::BuildConfig;
pub use errors::ConfigErrors;
use errors::Errors;
use machine::{absolute, esbuild, platform, tool};

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

impl Config {
    /// Reads what was given, and reports every mistake in it.
    pub fn new(args: ServerArgs, services: Services) -> Result<Self, ConfigErrors> {
        let mut errors = Errors::default();
        let build = args.build.read(&mut errors);
        let address = "host:port with a numeric host, such as 127.0.0.1:8000";
        let listen = errors.parse("listen", &args.listen, address);
        let admin = args.admin.as_deref().unwrap_or(match services {
            Services::Both | Services::Registry => "127.0.0.1:8080",
            // Beside a registry on the same machine.
            Services::Execution => "127.0.0.1:8081",
        });
        let address = "host:port with a numeric host, or unix:PATH of a socket";
        let admin = errors.parse("admin", admin, address);
        let address = "http://host:port, or unix:PATH of a socket";
        let execution_url = errors.parse("execution-url", &args.execution_url, address);
        let idle = args.idle_seconds.parse().ok().filter(|s| (0.0..=86_400.0).contains(s));
        let seconds = "a number of seconds from 0 to 86400";
        let idle = errors.require("idle-seconds", &args.idle_seconds, seconds, idle);
        let spares = errors.parse("spares", &args.spares, "a whole number");
        let max_processes = match &args.max_processes {
            None => Some(machine::default_processes()),
            Some(text) => errors.above_zero("max-processes", text),
        };
        let yes_or_no = "`true` or `false`";
        let sandbox_log = errors.parse("sandbox-log", &args.sandbox_log, yes_or_no);
        let addresses = "addresses such as 127.0.0.1:5432 or 10.0.0.0/8";
        let exceptions = errors.parse("allow-addresses", &args.allow_addresses, addresses);
        let watches =
            [("native", WatchMode::Native), ("poll", WatchMode::Poll(RegistryConfig::POLL))];
        let watch = errors.choose("watch", &args.watch, &watches);
        let logs_mb = errors.above_zero::<u32>("logs-mb", &args.logs_mb);
        let access_log = errors.parse("access-log", &args.access_log, yes_or_no);
        let filter = "a level (error, warn, info, debug, trace) or a list of `target=level`";
        let log = crate::telemetry::is_filter(&args.log).then(|| args.log.clone());
        let log = errors.require("log", &args.log, filter, log);
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = errors.choose("log-format", &args.log_format, &formats);
        errors.require_as(
            "otlp-endpoint",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &args.otlp_endpoint,
            "an address such as http://127.0.0.1:4318, without TLS",
            is_collector(&args.otlp_endpoint).then_some(()),
        );

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
                idle: Duration::from_secs_f64(idle?),
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
        config.filter(|_| errors.is_empty()).ok_or(errors.into())
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

/// Whether this is a collector's address; it may be left out.
fn is_collector(text: &str) -> bool {
    let plain = |uri: http::Uri| {
        uri.scheme_str() == Some("http")
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    };
    text.is_empty() || text.parse().is_ok_and(plain)
}
