//! A function that is sent instead of dropped.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::archive::{self, ArchiveError, Format, MAX_PACKED};
use super::changing::Changing;
use super::download::download;
use super::functions::Function;
use super::path::FunctionPath;
use super::reply::{ApiError, ErrorBody, media_type};
use super::thread::on_thread;
use crate::registry::{Draft, ENTRY_FILES};

/// Names the file that a single source becomes.
const FILE: &str = "x-doze-file";
/// How long what is sent may take to arrive.
const UPLOAD_TIME: Duration = Duration::from_mins(5);

const ZIP: &str = "application/zip";
const TAR_GZ: [&str; 3] = ["application/gzip", "application/x-gzip", "application/x-tar+gzip"];
const TYPESCRIPT: [&str; 2] = ["text/typescript", "application/typescript"];
const JAVASCRIPT: [&str; 2] = ["text/javascript", "application/javascript"];
const JSON: &str = "application/json";

pub(super) fn routes(changing: Changing) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(deploy)).with_state(changing)
}

/// What was deployed.
#[derive(Debug, Serialize, ToSchema)]
struct Deployed {
    /// The function as it is published now.
    function: Function,
    /// Whether another revision is live than before.
    changed: bool,
}

/// A zip that lies elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Location {
    /// Where, by `http` or `https`.
    #[schema(pattern = "^[Hh][Tt][Tt][Pp][Ss]?://")]
    url: String,
    /// The function's folder in it; all of it where this is missing. If all of
    /// the zip lies in one folder, as those of code hosts do, in that one.
    folder: Option<String>,
}

/// What the header says.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes a header")]
struct EntryHeader {
    /// The entry file that a single source becomes.
    #[param(rename = "x-doze-file", schema_with = entry_files)]
    file: Option<String>,
}

fn entry_files() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(ENTRY_FILES)).build()
}

/// What a body is, by its type.
enum Kind {
    Archive(Format),
    File(&'static str),
    Location,
}

/// Deploy a function
///
/// Replaces the function's folder with what is sent, once that has been built
/// without problems, and waits until the gateway serves it. Nothing is changed
/// otherwise. In an archive where all lies in one folder, that is the
/// function's. A single source file is all that the function then has.
#[utoipa::path(put, path = "/api/functions/{name}", tag = "functions",
    params(
        FunctionPath,
        EntryHeader,
    ),
    request_body(content(
        // Bytes and text as they are have no schema: any value.
        (Value = "application/zip"), (Value = "application/gzip"),
        (Value = "text/typescript"), (Value = "text/javascript"),
        (Location = "application/json"),
    )),
    responses(
        (status = 200, description = "Live, in place of what was there", body = Deployed),
        (status = 201, description = "Live, and new", body = Deployed),
        (status = 400, description = "Not a name, or not of that form", body = ErrorBody),
        (status = 401, description = "The token is missing or wrong", body = ErrorBody),
        (status = 408, description = "The body took too long", body = ErrorBody),
        (status = 409, description = "The name or the folder is taken, or registry_in is read-only",
            body = ErrorBody),
        (status = 413, description = "Too large, packed or unpacked", body = ErrorBody),
        (status = 415, description = "Of an unknown type", body = ErrorBody),
        (status = 422, description = "It has problems, is not an archive, or could not be \
            downloaded", body = ErrorBody),
        (status = 502, description = "Published, and its process does not start", body = ErrorBody),
    ))]
async fn deploy(
    State(changing): State<Changing>,
    FunctionPath(name): FunctionPath,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Deployed>), ApiError> {
    let kind = kind(&headers)?;
    // What cannot be written is not worth sending.
    let draft = changing.registry.draft().await?;
    let bytes = receive(body).await?;
    let draft = lay_out(kind, bytes, draft).await?;
    let deployed = changing.registry.deploy(name.clone(), draft).await?;
    let was = deployed.before.as_ref().and_then(|before| before.revision().cloned());
    let status = if deployed.before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let now = changing.live(&name, deployed.now).await?;
    let changed = now.revision() != was.as_ref();
    let function = changing.shown(now).await?;
    Ok((status, Json(Deployed { function, changed })))
}

fn kind(headers: &HeaderMap) -> Result<Kind, ApiError> {
    let text = media_type(headers);
    let is = |known: &[&str]| known.contains(&&*text);
    Ok(match &*text {
        ZIP => Kind::Archive(Format::Zip),
        JSON => Kind::Location,
        _ if is(&TAR_GZ) => Kind::Archive(Format::TarGz),
        _ if is(&TYPESCRIPT) => Kind::File(entry(headers, "index.ts")?),
        _ if is(&JAVASCRIPT) => Kind::File(entry(headers, "index.js")?),
        _ => {
            let known = [ZIP, TAR_GZ[0], TYPESCRIPT[0], JAVASCRIPT[0], JSON];
            return Err(ApiError::unsupported_media_type(&known));
        }
    })
}

fn entry(headers: &HeaderMap, default: &'static str) -> Result<&'static str, ApiError> {
    let Some(wanted) = headers.get(FILE) else { return Ok(default) };
    ENTRY_FILES.into_iter().find(|known| wanted == known).ok_or_else(|| {
        ApiError::bad_request(format!("expected one of {} in `{FILE}`", ENTRY_FILES.join(", ")))
    })
}

/// The whole body, unless it is too large.
async fn receive(body: Body) -> Result<Bytes, ApiError> {
    let bytes = tokio::time::timeout(UPLOAD_TIME, to_bytes(body, MAX_PACKED)).await;
    let slow = |_| {
        let message = format!("the body took longer than {} seconds", UPLOAD_TIME.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
    };
    bytes.map_err(slow)?.map_err(|error| {
        let error = error.into_inner();
        if error.is::<http_body_util::LengthLimitError>() {
            return ApiError::too_large(format!(
                "the body is larger than {} MiB",
                MAX_PACKED >> 20
            ));
        }
        ApiError::bad_request(format!("the body breaks off: {error}"))
    })
}

/// Writes what was sent into a draft.
async fn lay_out(kind: Kind, bytes: Bytes, mut draft: Draft) -> Result<Draft, ApiError> {
    on_thread("doze-unpack", move || {
        match kind {
            Kind::Archive(format) => archive::unpack(format, &bytes, &mut draft)?,
            Kind::File(name) => archive::lay_out(name, &bytes, &draft)?,
            Kind::Location => {
                let location: Location = serde_json::from_slice(&bytes).map_err(|error| {
                    ApiError::bad_request(format!("expected `url` and perhaps `folder`: {error}"))
                })?;
                let bytes = download(&location.url)?;
                match &location.folder {
                    Some(folder) => archive::unpack_folder(&bytes, folder, &mut draft)?,
                    None => archive::unpack(Format::Zip, &bytes, &mut draft)?,
                }
            }
        }
        Ok(draft)
    })
    .await?
}

impl From<ArchiveError> for ApiError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Invalid(message) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_archive", message)
            }
            ArchiveError::TooLarge(message) => Self::too_large(message),
            ArchiveError::Write(_) => Self::internal(&error),
        }
    }
}

impl ApiError {
    fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "archive_too_large", message)
    }
}
