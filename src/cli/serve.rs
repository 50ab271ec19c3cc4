//! `doze up`, `doze registry`, `doze execution`: run servers until a signal.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Config, Services};
use crate::sandbox::{Mode, Sandbox, Spawner};
use crate::{admin, execution, registry, shutdown, telemetry};

pub(super) fn run(services: Services, config: &Config) -> ExitCode {
    let collector = config.otlp_endpoint.as_deref();
    // Kept to the end: what it has not sent by then it sends when it goes.
    let _exporter = match telemetry::start(&config.log, config.log_format, collector) {
        Ok(exporter) => exporter,
        Err(error) => {
            eprintln!("doze: failed to export traces: {}", super::chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("doze-supervisor")
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(serve(services, config)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doze: failed to {}", super::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    services: Services,
    config: &Config,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing::info!(%config, version = env!("CARGO_PKG_VERSION"), "starting");
    // Installed first: a signal that comes during the start ends the start.
    let signal = shutdown::signal()?;
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        // The sender is dropped only after everything has ended.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::spawn(async move {
        signal.await;
        stop.send_replace(true);
        // Keeps the channel, and with it the meaning of its end.
        stop.closed().await;
    });

    // The ports first: whoever mistyped one should not wait for a build.
    let bound = match services {
        Services::Registry => None,
        Services::Both | Services::Execution => Some(execution::Bound::new(config.execution())?),
    };
    let admin = admin::Bound::new(config.admin())?;
    let sandbox = Arc::new(Sandbox::find(&config.demand()?)?);
    tracing::info!("isolation of every process:\n{}", sandbox.report());
    if config.sandbox == Mode::Off {
        tracing::warn!(
            "the sandbox is off: functions have only Deno's permissions between them and this machine"
        );
    }
    let spawner = Spawner::start(sandbox)?;
    let execution = bound.map(|bound| bound.start(spawner.clone())).transpose()?;
    let (registry, commands) = registry::handle();
    let handles = admin::Services {
        registry: (services != Services::Execution).then_some(registry),
        execution: execution.as_ref().map(execution::Running::handle),
    };
    let admin = async {
        admin.run(handles, until(stopped.clone())).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let registry = async {
        if services != Services::Execution {
            let stopped = until(stopped.clone());
            registry::run(config.registry(), spawner.clone(), commands, stopped).await?;
            tracing::info!("registry stopped");
        }
        Ok(())
    };
    let execution = async {
        if let Some(running) = execution {
            running.until(until(stopped.clone())).await;
        }
        Ok(())
    };
    tokio::try_join!(registry, execution, admin)?;
    Ok(())
}
