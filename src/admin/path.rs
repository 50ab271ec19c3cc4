//! What a call's address says.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::reply::ApiError;
use crate::execution::instance::InstanceId;
use crate::function::FunctionName;
use crate::function::name::NameError;

/// The function that a path names by its part `{name}`. In `ada/hello` the
/// slash is given as `%2F`.
#[derive(Debug)]
pub struct FunctionPath(pub FunctionName);

impl<S: Send + Sync> FromRequestParts<S> for FunctionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let name = part(parts, state, "name").await.parse();
        name.map(Self).map_err(|error: NameError| {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid_name", error.to_string())
        })
    }
}

/// How every description of a call names its function.
impl IntoParams for FunctionPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(FunctionName::PATTERN))
            .examples([serde_json::json!("hello")]);
        let parameter = ParameterBuilder::new()
            .name("name")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The function; the slash of `ada/hello` is given as `%2F`"))
            .schema(Some(name.build()));
        vec![parameter.build()]
    }
}

/// The token that a path names by its part `{id}`.
#[derive(Debug)]
pub struct TokenPath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for TokenPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(part(parts, state, "id").await))
    }
}

/// The process that a path names by its part `{id}`.
#[derive(Debug)]
pub struct InstancePath(pub InstanceId);

impl<S: Send + Sync> FromRequestParts<S> for InstancePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = part(parts, state, "id").await;
        id.parse().map(Self).map_err(|_| ApiError::no_such_instance(&id))
    }
}

/// A part of the path, decoded; empty where that is no text.
async fn part<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> String {
    let Ok(all) = RawPathParams::from_request_parts(parts, state).await else {
        return String::new();
    };
    let found = all.iter().find(|(key, _)| *key == name);
    found.map_or_else(String::new, |(_, text)| text.to_owned())
}

/// What comes after the question mark.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}
