//! Running a source once, without deploying it.
//!
//! The registry bundles it as it bundles every function; the execution service
//! runs the bundle in a process that ends with the response. Where the two are
//! apart, the same call takes the source at one and the bundle at the other.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call;
use super::changing::Changing;
use super::gateway::Gateway;
use super::reply::{ApiError, ErrorBody, Payload};
use crate::execution::{self, Bundle};
use crate::function::published::Release;
use crate::registry::{Bundled, ENTRY_FILES};

/// Bytes of a source.
const MAX_SOURCE: usize = 1 << 20;
/// Bytes of a call with a source, and of one with a bundle and its source map.
const MAX_CALL: usize = 8 << 20;
const MAX_BUNDLE_CALL: usize = 32 << 20;

/// Takes a source, where it can be bundled.
pub(super) fn routes(changing: Changing) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(invoke))
        .layer(DefaultBodyLimit::max(MAX_CALL))
        .with_state(changing)
}

/// Takes a bundle, where there is nothing to bundle with.
pub(super) fn routes_of_bundles(execution: execution::Handle) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(invoke_bundle))
        .layer(DefaultBodyLimit::max(MAX_BUNDLE_CALL))
        .with_state(execution)
}

/// A source, and the request that it is to answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invocation {
    /// The source. It imports `doze` and `node:` modules and nothing else, and
    /// runs with the permissions of a function that asks for none.
    #[schema(examples("export default () => 6 * 7"))]
    source: String,
    /// What its file is called.
    #[schema(default = "index.ts", pattern = r"^index\.([jt]sx?|m[jt]s|cjs)$")]
    file: Option<String>,
    /// The request's method; `POST` where there is a payload or a body.
    #[schema(default = "GET", pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    method: Option<String>,
    /// The request's path, with its query.
    #[schema(default = "/", pattern = "^[/?]")]
    path: Option<String>,
    /// The request's header fields.
    #[serde(default)]
    #[schema(schema_with = call::header_map)]
    headers: BTreeMap<String, String>,
    /// The request's body, as JSON.
    #[schema(value_type = Value, required = false)]
    payload: Option<Value>,
    /// The request's body, as text, where there is no `payload`.
    body: Option<String>,
}

/// An invocation, with what its fields cannot say of each other.
struct InvocationBody;

impl PartialSchema for InvocationBody {
    fn schema() -> RefOr<Schema> {
        let without = |name| {
            let absent = ObjectBuilder::new().schema_type(Type::Null);
            ObjectBuilder::new().property(name, absent)
        };
        let one = AnyOfBuilder::new().item(without("payload")).item(without("body"));
        AllOfBuilder::new().item(Invocation::schema()).item(one).into()
    }
}

impl ToSchema for InvocationBody {
    fn name() -> Cow<'static, str> {
        "Invocation".into()
    }
}

/// A bundle, and the request that it is to answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct BundleInvocation {
    /// What was bundled, as the registry records it.
    #[schema(value_type = Object)]
    release: Release,
    /// The bundle.
    code: String,
    /// Its source map.
    map: String,
    /// The request's method.
    method: String,
    /// The request's path, with its query.
    path: String,
    /// The request's header fields.
    headers: BTreeMap<String, String>,
    /// The request's body.
    body: String,
}

/// Run a source once
///
/// The answer is the function's own, or the gateway's error about it. What it
/// prints is in its log, `GET /api/functions/invocation%2F{id}/logs` with the
/// id that `x-doze-invocation` tells; its last record is `stop`.
#[utoipa::path(post, path = "/api/invoke", tag = "functions", request_body = InvocationBody,
    responses(
        (status = "default", description = "Whatever the source answers, with a status of its own"),
        (status = 400, description = "Not a call of that form", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 422, description = "The source has problems", body = ErrorBody),
        (status = 502, description = "Its process did not start, or ended", body = ErrorBody),
    ))]
async fn invoke(
    State(changing): State<Changing>,
    Payload(invocation): Payload<Invocation>,
) -> Result<Response, ApiError> {
    let file = match &invocation.file {
        None => ENTRY_FILES[0],
        Some(file) => ENTRY_FILES.into_iter().find(|known| known == file).ok_or_else(|| {
            let known = ENTRY_FILES.join(", ");
            ApiError::bad_request(format!("expected `file` to be one of {known}"))
        })?,
    };
    if invocation.source.len() > MAX_SOURCE {
        let message = format!("`source` is longer than {} MiB", MAX_SOURCE >> 20);
        return Err(ApiError::too_large_a_body(message));
    }
    // Before anything is built for it.
    invocation.request()?;
    let bundled = changing.registry.bundle(file, invocation.source.clone()).await?;
    let call = invocation.bundled(bundled)?;
    match &changing.gateway {
        Gateway::Here(execution) => run(execution, call).await,
        Gateway::There(remote) => {
            let call = serde_json::to_vec(&call).map_err(|error| ApiError::internal(&error))?;
            let request = Request::post("/api/invoke")
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(call))
                .map_err(|error| ApiError::internal(&error))?;
            remote.send(request).await
        }
    }
}

/// Run a bundle once
///
/// What `doze registry` sends after it has bundled a source.
#[utoipa::path(post, path = "/api/invoke", tag = "functions", request_body = BundleInvocation,
    responses(
        (status = "default", description = "Whatever the bundle answers, with a status of its own"),
        (status = 400, description = "Not a call of that form", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 502, description = "Its process did not start, or ended", body = ErrorBody),
    ))]
async fn invoke_bundle(
    State(execution): State<execution::Handle>,
    Payload(call): Payload<BundleInvocation>,
) -> Result<Response, ApiError> {
    run(&execution, call).await
}

impl Invocation {
    /// Its request without the body, or what is wrong with it.
    fn request(&self) -> Result<http::request::Builder, ApiError> {
        if self.payload.is_some() && self.body.is_some() {
            return Err(ApiError::bad_request("expected `payload` or `body`, and not both"));
        }
        request(&self.method(), self.path.as_deref().unwrap_or("/"), &self.headers)
    }

    fn method(&self) -> String {
        let has_body = self.payload.is_some() || self.body.is_some();
        self.method.clone().unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned())
    }

    fn bundled(self, bundled: Bundled) -> Result<BundleInvocation, ApiError> {
        let text = |bytes| String::from_utf8(bytes).map_err(|error| ApiError::internal(&error));
        let method = self.method();
        let mut headers = self.headers;
        let is_typed = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        let kind = match (&self.payload, &self.body) {
            (Some(_), _) => Some("application/json"),
            (None, Some(_)) => Some("text/plain;charset=utf-8"),
            (None, None) => None,
        };
        if let Some(kind) = kind.filter(|_| !is_typed) {
            headers.insert("content-type".to_owned(), kind.to_owned());
        }
        let payload = self.payload.map(|payload| payload.to_string());
        Ok(BundleInvocation {
            release: bundled.release,
            code: text(bundled.code)?,
            map: text(bundled.map)?,
            method,
            path: self.path.unwrap_or_else(|| "/".to_owned()),
            headers,
            body: payload.or(self.body).unwrap_or_default(),
        })
    }
}

fn request(
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
) -> Result<http::request::Builder, ApiError> {
    let wrong = |what: &str, text: &str| {
        ApiError::bad_request(format!("`{}` is not {what}", text.escape_debug()))
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("a method", method))?;
    if !path.starts_with(['/', '?']) {
        return Err(wrong("a path; it begins with a slash", path));
    }
    let target: PathAndQuery = call::target(path).parse().map_err(|_| wrong("a path", path))?;
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("a header field's name", name))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| wrong("a header field's value", value))?;
        request = request.header(name, value);
    }
    Ok(request)
}

/// Runs a bundle here.
async fn run(execution: &execution::Handle, call: BundleInvocation) -> Result<Response, ApiError> {
    let BundleInvocation { release, code, map, method, path, headers, body } = call;
    let request = request(&method, &path, &headers)?.body(Bytes::from(body));
    let request = request.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let bundle = Bundle { release, code: code.into_bytes(), map: map.into_bytes() };
    let response = execution.invoke(bundle, request).await;
    let mut response = response.map_err(|error| ApiError::internal(&error))?.map(Body::new);
    // It comes from the same place as the dashboard, and must not speak for it.
    let headers = response.headers_mut();
    for name in [SET_COOKIE, STRICT_TRANSPORT_SECURITY, HeaderName::from_static("clear-site-data")]
    {
        headers.remove(name);
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    Ok(response)
}
