//! The admin API: see what is published and running, and change it.
//!
//! - where it is: [`address`]
//! - who may: [`access`] (the operator's token), [`session`] (a browser's)
//! - how a request to a function is described that is sent from here: `call`
//! - what there is: one file for each thing, such as [`functions`]; each brings
//!   its routes, and their description comes from the code
//! - what changes a function: `deploy` (what was sent, by way of `archive` and
//!   `download`), `manifest`, `actions`; what runs without being deployed:
//!   `invoke`
//! - where the two services are apart, `relay` leads from the registry to what
//!   only the execution service knows
//! - how it is asked: [`path`]; how it answers: [`reply`]; what it looks like:
//!   [`pages`]
//!
//! It sees the two services by their handles and never their internals. Which
//! routes there are depends on which services this program runs.

pub mod address;
pub mod access;
pub mod session;
pub mod secrets;
pub mod tokens;
pub mod schema;
pub mod reply;
pub mod path;
pub mod functions;
pub mod activity;
pub mod instances;
pub mod revisions;
pub mod logs;
pub mod server;
pub mod events;
pub mod metrics;
mod changing;
mod gateway;
mod deploy;
mod archive;
mod download;
mod thread;
mod manifest;
mod actions;
mod call;
mod invoke;
mod relay;
pub mod try_it;
pub mod pages;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{execution, registry};
use access::{Access, Described, TokenError};
pub use address::Address;
use address::Listener;
use changing::Changing;
use gateway::Gateway;
use relay::Remote;
pub use relay::Upstream;
use reply::ApiError;

/// What the admin API needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Address,
    /// The file that holds the operator's token.
    pub token_file: PathBuf,
    /// The built dashboard.
    pub dashboard: PathBuf,
    /// The execution service's admin API, for a registry alone.
    pub execution: Upstream,
}

/// The services that this program runs.
#[derive(Debug, Clone, Default)]
pub struct Services {
    /// What changes functions.
    pub registry: Option<registry::Handle>,
    /// What runs them.
    pub execution: Option<execution::Handle>,
}

/// Why there is no admin API.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Its address cannot be had.
    #[error("listen on {address} for the admin API; another one is chosen with `--admin`")]
    Listen {
        /// The address.
        address: Address,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The operator's token cannot be read or made.
    #[error("read the admin token")]
    Token(#[from] TokenError),
    /// It ended by itself.
    #[error("serve the admin API")]
    Serve(#[source] io::Error),
}

/// An address that is bound and on which nothing is answered yet.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    access: Arc<Access>,
    config: Config,
}

impl Bound {
    /// Binds the address, and reads or makes the token.
    pub fn new(config: Config) -> Result<Self, AdminError> {
        let address = config.listen.clone();
        let listener = Listener::bind(&address)
            .map_err(|source| AdminError::Listen { address: address.clone(), source })?;
        let access = Arc::new(Access::open(&config.token_file)?);
        Ok(Self { listener, access, config })
    }

    /// Serves until `shutdown`.
    pub async fn run(
        self,
        services: Services,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), AdminError> {
        let Self { listener, access, config } = self;
        access.announce(&listener.address().map_err(AdminError::Serve)?);
        let app = app(services, access, &config);
        tokio::select! {
            served = listener.serve(app) => served.map_err(AdminError::Serve),
            // Nothing here is worth a delay: whoever follows a log would hold
            // the server for as long as he likes.
            () = shutdown => Ok(()),
        }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "doze",
        description = "See, steer and publish the functions of one doze server.",
        license(name = "MIT", identifier = "MIT")
    ),
    modifiers(&Described),
    security(("token" = []), ("session" = [])),
)]
struct Description;

/// Every route, with what all of them share around it.
fn app(services: Services, access: Arc<Access>, config: &Config) -> Router {
    let (api, description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(
            protected(services, &access, config)
                .layer(from_fn_with_state(Arc::clone(&access), access::require)),
        )
        .merge(session::routes().with_state(access))
        .merge(schema::routes())
        .split_for_parts();
    api.merge(pages::routes(description, &config.dashboard))
        .fallback(|| async { ApiError::no_such_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(from_fn(reply::identify))
}

/// The execution service, as what is answered from it needs it.
#[derive(Debug, Clone)]
struct Execution {
    handle: execution::Handle,
    feed: Arc<events::Feed>,
}

impl FromRef<Execution> for execution::Handle {
    fn from_ref(execution: &Execution) -> Self {
        execution.handle.clone()
    }
}

impl FromRef<Execution> for Arc<events::Feed> {
    fn from_ref(execution: &Execution) -> Self {
        Arc::clone(&execution.feed)
    }
}

/// What the execution service answers, wherever it runs.
fn of_execution() -> OpenApiRouter<Execution> {
    OpenApiRouter::new()
        .merge(functions::routes())
        .merge(revisions::routes())
        .merge(logs::routes())
        .merge(activity::routes())
        .merge(instances::routes())
        .merge(secrets::routes())
        .merge(tokens::routes())
        .merge(server::routes())
        .merge(metrics::routes())
        .merge(try_it::routes())
        .merge(events::routes())
}

/// What changes functions.
fn of_registry(registry: registry::Handle, gateway: Gateway) -> OpenApiRouter {
    let changing = Changing { registry, gateway };
    OpenApiRouter::new()
        .merge(deploy::routes(changing.clone()))
        .merge(manifest::routes(changing.clone()))
        .merge(actions::routes(changing.clone()))
        .merge(invoke::routes(changing))
}

/// What needs the operator's token.
fn protected(services: Services, access: &Access, config: &Config) -> OpenApiRouter {
    let here = |execution: &execution::Handle| {
        let feed = Arc::new(events::Feed::new(execution.clone()));
        of_execution().with_state(Execution { handle: execution.clone(), feed })
    };
    match (services.registry, services.execution) {
        (Some(registry), Some(execution)) => {
            here(&execution).merge(of_registry(registry, Gateway::Here(execution)))
        }
        (None, Some(execution)) => here(&execution).merge(invoke::routes_of_bundles(execution)),
        (Some(registry), None) => {
            let remote = Remote::new(config.execution.clone(), access.token());
            let own = of_registry(registry, Gateway::There(remote.clone()));
            own.merge(remote.routes(of_execution().into_openapi()))
        }
        (None, None) => OpenApiRouter::new(),
    }
}
