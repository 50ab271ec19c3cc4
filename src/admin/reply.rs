//! How the admin API answers: errors in the gateway's form, an id for every
//! request.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::function::{FunctionName, Problem};

/// Names the request to its caller and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Marks a response as an error of the API.
const ERROR: HeaderName = HeaderName::from_static("x-doze-error");

/// Why a call did nothing.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    problems: Vec<Problem>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetails,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorDetails {
    /// A word that does not change.
    code: &'static str,
    /// A sentence for a person.
    message: String,
    /// The request's id, as in the log.
    request_id: String,
    /// Everything that is wrong with a function.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Problem>,
}

impl ApiError {
    /// An error with a status, its word and a sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), problems: Vec::new() }
    }

    /// The caller has not shown who he is.
    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The request is not what the description asks for.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// The body is of none of these types.
    pub fn unsupported_media_type(expected: &[&str]) -> Self {
        let expected: Vec<_> = expected.iter().map(|kind| format!("`{kind}`")).collect();
        let message = format!("expected `content-type` to be {}", expected.join(" or "));
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// The body is larger than it may be.
    pub fn too_large_a_body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    /// Something of this kind does not exist; `code` ends in `_not_found`.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// No function of that name is published.
    pub fn no_such_function(name: &FunctionName) -> Self {
        Self::not_found("function_not_found", format!("no function is published as `{name}`"))
    }

    /// No process has that id.
    pub fn no_such_instance(id: &str) -> Self {
        Self::not_found("instance_not_found", format!("there is no instance `{id}`"))
    }

    /// Everything that is wrong with a function's source.
    pub fn problems(problems: Vec<Problem>) -> Self {
        let count = problems.len();
        let message =
            format!("the function has {count} problem{}", if count == 1 { "" } else { "s" });
        let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_source", message);
        Self { problems, ..error }
    }

    /// The machine was in the way; the log says more.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let message = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        tracing::error!(error = message, "failed to answer a call of the admin API");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The same error, with what comes before it.
    pub(super) fn after(self, what: &str) -> Self {
        Self { message: format!("{what}; {}", self.message), ..self }
    }

    /// No such route.
    pub(super) fn no_such_route() -> Self {
        Self::not_found("not_found", "there is nothing at this path; `/docs` lists what there is")
    }

    /// The route takes other methods.
    pub(super) fn method_not_allowed() -> Self {
        let message = "this path does not take this method; `/docs` lists what there is";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(ERROR, HeaderValue::from_static(self.code));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"doze\""));
        }
        // The body needs the request's id, which only `identify` knows.
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every request an id, and every error its body.
pub(super) async fn identify(request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let ApiError { code, message, problems, .. } = error;
        let details = ErrorDetails { code, message, request_id: id.clone(), problems };
        let body = Json(ErrorBody { error: details }).into_response();
        let (parts, body) = body.into_parts();
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        // A relayed response, or a function's, says by itself what is in its log.
        headers.entry(REQUEST_ID).or_insert(id);
    }
    tracing::debug!(%method, path, id, status = response.status().as_u16(), "admin request");
    response
}

/// What a body is, in lower case and without parameters.
pub fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body as it is, unless it is too large or breaks off.
#[derive(Debug)]
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|rejection| unread(rejection.status(), rejection.body_text()))
    }
}

/// A JSON body whose mistakes are answered in the API's own form.
#[derive(Debug)]
pub struct Payload<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Payload<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(ApiError::unsupported_media_type(&["application/json"]))
            }
            Err(rejection) => Err(unread(rejection.status(), rejection.body_text())),
        }
    }
}

/// Why a body was not read.
fn unread(status: StatusCode, message: String) -> ApiError {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large_a_body(message),
        _ => ApiError::bad_request(message),
    }
}
