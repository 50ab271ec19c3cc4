//! What a call's address says.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::reply::ApiError;
use crate::function::FunctionName;
use crate::function::name::NameError;

/// The function that a path names by its part `{name}`. In `ada/hello` the
/// slash is given as `%2F`.
#[derive(Debug)]
pub struct FunctionPath(pub FunctionName);

impl<S: Send + Sync> FromRequestParts<S> for FunctionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let invalid =
            |message: String| ApiError::new(StatusCode::BAD_REQUEST, "invalid_name", message);
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters = parameters.map_err(|rejection| invalid(rejection.body_text()))?;
        let text = parameters.iter().find(|(key, _)| *key == "name").map_or("", |(_, text)| text);
        text.parse().map(Self).map_err(|error: NameError| invalid(error.to_string()))
    }
}
