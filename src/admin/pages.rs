//! What a person sees: the dashboard, and the API's description.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Html;
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Nothing is loaded from elsewhere, and nobody else may frame it.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Served where the dashboard was not built.
const NOT_BUILT: &str = "<!doctype html><title>doze</title><p>The dashboard is not built. \
    Run <code>make dashboard</code>, or name its folder with <code>--dashboard</code>. \
    The API works without it: <a href=/docs>/docs</a>.";

pub(super) fn routes(description: OpenApi, dashboard: &Path) -> Router {
    let docs = SwaggerUi::new("/docs")
        .url("/openapi.json", description)
        .config(Config::default().persist_authorization(false).try_it_out_enabled(true));
    let index = dashboard.join("index.html");
    let router: Router = Router::from(docs);
    let router = if index.is_file() {
        // Pages have addresses of their own, which the page itself resolves.
        let page = get_service_of(&index);
        router
            .route_service("/", page.clone())
            .route_service("/functions/{*rest}", page.clone())
            .route_service("/instances", page.clone())
            .route_service("/secrets", page.clone())
            .route_service("/isolation", page)
            .nest_service("/assets", ServeDir::new(dashboard.join("assets")))
    } else {
        router.route("/", get(|| async { Html(NOT_BUILT) }))
    };
    let header = |name: HeaderName, value| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    router
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        .layer(header(CACHE_CONTROL, "no-cache"))
}

fn get_service_of(file: &Path) -> ServeFile {
    ServeFile::new(file)
}
