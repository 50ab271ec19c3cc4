//! A browser's session: `POST /api/session` takes the operator's token and
//! gives a cookie that scripts cannot read, and a second secret that only the
//! page's own scripts have.
//!
//! Every request needs both. Browsers send cookies to all ports of a host, so
//! a function that is called in the browser sees this one; alone it is useless
//! there, and in a form on somebody else's page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header::{COOKIE as COOKIES, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Access, random};
use super::reply::{ApiError, ErrorBody, Payload};

/// The cookie's name. The gateway knows it, and takes it out of what functions see.
pub const COOKIE: &str = crate::execution::headers::OPERATORS_COOKIE;
/// The header that carries the second secret.
const CSRF: &str = "x-doze-csrf";
/// A session ends this long after it was opened.
const LIFE: Duration = Duration::from_hours(12);
/// Sessions at once; the oldest makes room.
const MOST: usize = 100;

/// The sessions that are open. They end with the server.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    csrf: String,
    opened: Instant,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one: the cookie's value and the second secret.
    fn open(&self) -> (String, String) {
        let (id, csrf) = (random(), random());
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.opened.elapsed() < LIFE);
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.opened);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(id.clone(), Session { csrf: csrf.clone(), opened: Instant::now() });
        (id, csrf)
    }

    fn is_open(&self, id: &str, csrf: &str) -> bool {
        self.lock().get(id).is_some_and(|session| {
            session.opened.elapsed() < LIFE
                && bool::from(session.csrf.as_bytes().ct_eq(csrf.as_bytes()))
        })
    }
}

/// Whether a request belongs to an open session.
pub(super) fn check(sessions: &Sessions, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(id) = id(headers) else {
        return Err(ApiError::unauthorized("a bearer token is needed"));
    };
    let csrf = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if sessions.is_open(&id, csrf) {
        Ok(())
    } else {
        Err(ApiError::unauthorized("the session has ended, or this is not its own page"))
    }
}

fn id(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIES).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| Cookie::split_parse(line.to_owned())).flatten();
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| cookie.value().to_owned())
}

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Access>> {
    OpenApiRouter::new().routes(routes!(open, close))
}

/// What opens a session.
#[derive(Debug, Deserialize, ToSchema)]
struct Credentials {
    /// The operator's token.
    token: String,
}

/// An open session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Opened {
    /// Goes with every request in the header `x-doze-csrf`.
    csrf: String,
    /// Seconds until the session ends.
    expires_in: u64,
}

/// Open a session
#[utoipa::path(post, path = "/api/session", tag = "session", security(()),
    request_body = Credentials,
    responses(
        (status = 200, description = "Open; the cookie is set", body = Opened),
        (status = 400, description = "Not JSON of that form", body = ErrorBody),
        (status = 401, description = "Not the operator's token", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 415, description = "Not JSON", body = ErrorBody),
    ))]
async fn open(
    State(access): State<Arc<Access>>,
    Payload(credentials): Payload<Credentials>,
) -> Result<impl IntoResponse, ApiError> {
    if !access.is_token(credentials.token.trim()) {
        return Err(ApiError::unauthorized("this is not the operator's token"));
    }
    let (id, csrf) = access.sessions.open();
    let opened = Opened { csrf, expires_in: LIFE.as_secs() };
    Ok((set_cookie(id, LIFE), Json(opened)))
}

/// Close a session
#[utoipa::path(delete, path = "/api/session", tag = "session", security(()),
    responses((status = 204, description = "Closed, if it was open")))]
async fn close(State(access): State<Arc<Access>>, headers: HeaderMap) -> impl IntoResponse {
    if let Some(id) = id(&headers)
        && check(&access.sessions, &headers).is_ok()
    {
        access.sessions.lock().remove(&id);
    }
    (StatusCode::NO_CONTENT, set_cookie(String::new(), Duration::ZERO))
}

fn set_cookie(value: String, life: Duration) -> AppendHeaders<[(http::HeaderName, String); 1]> {
    let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    let cookie = Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(cookie::time::Duration::seconds(seconds));
    AppendHeaders([(SET_COOKIE, cookie.to_string())])
}
