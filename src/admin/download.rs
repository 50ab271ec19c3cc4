//! An archive that lies elsewhere.

use std::time::Duration;

use axum::http::StatusCode;
use ureq::config::AutoHeaderValue;
use ureq::{Agent, Error};

use super::archive::MAX_PACKED;
use super::reply::ApiError;

/// All of it, whatever the other side does.
const TIME: Duration = Duration::from_mins(1);
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Code hosts send one to another address once or twice.
const MAX_REDIRECTS: u32 = 5;

/// Downloads an archive. Blocks. The address is the operator's, who may name
/// any machine that this one reaches.
pub(super) fn download(url: &str) -> Result<Vec<u8>, ApiError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return Err(ApiError::bad_request("expected a `url` that begins with http:// or https://"));
    }
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIME))
        .timeout_connect(Some(CONNECT_TIME))
        .max_redirects(MAX_REDIRECTS)
        .max_redirects_will_error(true)
        .http_status_as_error(true)
        // What is packed is not packed again.
        .accept_encoding(AutoHeaderValue::None)
        .user_agent(concat!("doze/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(|error| failed(&error))?;
    let body = response.body_mut().with_config().limit(MAX_PACKED as u64).read_to_vec();
    body.map_err(|error| failed(&error))
}

fn failed(error: &Error) -> ApiError {
    match error {
        Error::BodyExceedsLimit(_) => {
            let most = MAX_PACKED >> 20;
            let message = format!("what lies at the url is larger than {most} MiB");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "archive_too_large", message)
        }
        // As with an archive that is none: the call is well made, and what it
        // names cannot be used.
        _ => {
            let message = format!("the archive could not be downloaded: {error}");
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "download_failed", message)
        }
    }
}
