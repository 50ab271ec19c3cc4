//! Who may use the admin API: whoever has the operator's token, or a session
//! that was opened with it.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, openapi};

use super::address::Address;
use super::reply::ApiError;
use super::session::{self, Sessions};
use crate::private_file::{self, FileError};

/// Random bytes in a token.
const BYTES: usize = 32;
/// Characters of a token that somebody chose; a guess must stay hopeless.
const SHORTEST: usize = 16;

/// Why the operator's token cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no token.
    #[error("`{}` must hold one line of at least {SHORTEST} visible characters; remove it to have one made", .0.display())]
    Invalid(PathBuf),
}

/// Who may use the admin API.
#[derive(Debug)]
pub struct Access {
    token: String,
    origin: TokenOrigin,
    /// Browsers that have shown the token.
    pub sessions: Sessions,
}

#[derive(Debug)]
enum TokenOrigin {
    Made,
    Read(PathBuf),
}

impl Access {
    /// Reads the token, or makes one where there is none.
    pub fn open(path: &Path) -> Result<Self, TokenError> {
        let made = random();
        // Never there without its text: two services may share the file.
        let (token, origin) = match private_file::create(path, format!("{made}\n").as_bytes()) {
            Ok(()) => (made, TokenOrigin::Made),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text = fs::read_to_string(path).map_err(FileError::at("read", path))?;
                (text.trim().to_owned(), TokenOrigin::Read(path.to_owned()))
            }
            Err(error) => return Err(FileError::at("write", path)(error).into()),
        };
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Invalid(path.to_owned()));
        }
        Ok(Self { token, origin, sessions: Sessions::default() })
    }

    /// The operator's token, for the service that shares it.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Says where the dashboard is. The token itself is shown once only.
    pub(super) fn announce(&self, address: &Address) {
        tracing::info!(%address, "admin is listening");
        let Address::Tcp(mut address) = address.clone() else { return };
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        match &self.origin {
            // For the person at the terminal and not for the log, which others may read.
            TokenOrigin::Made => {
                eprintln!("\n  Dashboard: http://{address}/#token={}\n", self.token);
            }
            TokenOrigin::Read(path) => {
                tracing::info!(token_file = %path.display(), "dashboard at http://{address}/");
            }
        }
    }

    /// Whether this is the operator's token, in a time that does not tell how
    /// much of it is right.
    pub(super) fn is_token(&self, text: &str) -> bool {
        self.token.as_bytes().ct_eq(text.as_bytes()).into()
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let text = value.to_str().unwrap_or_default();
            let bearer = text.split_once(' ').filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
            return match bearer {
                Some((_, token)) if self.is_token(token.trim()) => Ok(()),
                _ => Err(ApiError::unauthorized("this is not the operator's token")),
            };
        }
        session::check(&self.sessions, headers)
    }
}

/// Lets a request pass that shows the token or a session.
pub(super) async fn require(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    access.check(request.headers())?;
    Ok(next.run(request).await)
}

/// A secret that nobody guesses, in characters that need no escaping.
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; BYTES]>())
}

/// Tells the API's description how one gets in.
pub(super) struct Described;

impl Modify for Described {
    fn modify(&self, description: &mut openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The operator's token, from the file `admin-token`"))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let session = ApiKeyValue::with_description(
            session::COOKIE,
            "What `POST /api/session` sets; every request needs the header `x-doze-csrf` as well",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_for_its_owner_only_and_read_after_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/admin-token");
        let first = Access::open(&path).unwrap();
        let second = Access::open(&path).unwrap();
        assert_eq!(first.token, second.token);
        assert!(first.is_token(&second.token) && !first.is_token("") && !first.is_token("x"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 1);
    }

    #[test]
    fn a_token_that_is_too_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin-token");
        fs::write(&path, "secret\n").unwrap();
        assert!(matches!(Access::open(&path), Err(TokenError::Invalid(_))));
    }
}
