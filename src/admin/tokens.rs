//! The tokens with which functions are called: made, listed, revoked. A token's
//! text is in one answer only.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Execution;
use super::path::{FunctionPath, TokenPath};
use super::reply::{ApiError, ErrorBody, Payload};
use crate::execution::Handle;
use crate::execution::tokens::{TokenInfo, TokensError};
use crate::function::FunctionName;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Execution> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// A function's tokens.
#[derive(Debug, Serialize, ToSchema)]
struct Tokens {
    /// The oldest first.
    tokens: Vec<Token>,
}

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Token {
    /// Names it.
    id: String,
    /// How it begins.
    prefix: String,
    /// What it is for.
    label: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last let somebody in.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<TokenInfo> for Token {
    fn from(TokenInfo { id, prefix, label, created_at, last_used_at }: TokenInfo) -> Self {
        Self { id, prefix, label, created_at, last_used_at }
    }
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    /// Its text, which is shown this once.
    token: String,
    #[serde(flatten)]
    made: Token,
}

/// What a token is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for, on one line.
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$")]
    label: Option<String>,
}

/// List a function's tokens
#[utoipa::path(get, path = "/api/functions/{name}/tokens", tag = "tokens",
    params(FunctionPath),
    responses(
        (status = 200, description = "Never a token's text", body = Tokens),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 500, description = "They cannot be read", body = ErrorBody),
    ))]
async fn list(
    State(execution): State<Handle>,
    FunctionPath(function): FunctionPath,
) -> Result<Json<Tokens>, ApiError> {
    known(&execution, &function)?;
    let tokens = execution.tokens(&function)?.into_iter().map(Token::from).collect();
    Ok(Json(Tokens { tokens }))
}

/// Make a token
///
/// Callers send it as `Authorization: Bearer …` where the function's `auth` is
/// `"token"`.
#[utoipa::path(post, path = "/api/functions/{name}/tokens", tag = "tokens",
    params(FunctionPath),
    request_body = NewToken,
    responses(
        (status = 201, description = "Made; its text is shown this once", body = MadeToken),
        (status = 400, description = "Not a name, or not a label", body = ErrorBody),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 404, description = "No such function", body = ErrorBody),
        (status = 409, description = "It has too many", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
        (status = 500, description = "It cannot be kept", body = ErrorBody),
    ))]
async fn make(
    State(execution): State<Handle>,
    FunctionPath(function): FunctionPath,
    Payload(NewToken { label }): Payload<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    known(&execution, &function)?;
    let (info, token) = block_in_place(|| execution.make_token(&function, label))?;
    Ok((StatusCode::CREATED, Json(MadeToken { token, made: info.into() })))
}

/// Revoke a token
///
/// From now on it lets nobody in; requests that are running are finished.
#[utoipa::path(delete, path = "/api/functions/{name}/tokens/{id}", tag = "tokens",
    params(
        FunctionPath,
        ("id" = String, Path, description = "The token's id"),
    ),
    responses(
        (status = 204, description = "Revoked"),
        (status = 400, description = "Not a name", body = ErrorBody),
        (status = 401, description = "No token or session", body = ErrorBody),
        (status = 404, description = "No such function or token", body = ErrorBody),
        (status = 500, description = "It cannot be forgotten", body = ErrorBody),
    ))]
async fn revoke(
    State(execution): State<Handle>,
    FunctionPath(function): FunctionPath,
    TokenPath(id): TokenPath,
) -> Result<StatusCode, ApiError> {
    known(&execution, &function)?;
    block_in_place(|| execution.revoke_token(&function, &id))?;
    Ok(StatusCode::NO_CONTENT)
}

fn known(execution: &Handle, function: &FunctionName) -> Result<(), ApiError> {
    if execution.knows(function) {
        return Ok(());
    }
    let message = format!("no function is published as `{function}`");
    Err(ApiError::not_found("function_not_found", message))
}

impl From<Arc<TokensError>> for ApiError {
    fn from(error: Arc<TokensError>) -> Self {
        match &*error {
            TokensError::Label => Self::bad_request(error.to_string()),
            TokensError::TooMany => {
                Self::new(StatusCode::CONFLICT, "too_many_tokens", error.to_string())
            }
            TokensError::Unknown(_) => Self::not_found("token_not_found", error.to_string()),
            _ => Self::internal(&*error),
        }
    }
}
