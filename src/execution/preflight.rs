//! What browsers ask before a page calls a function of another origin
//! (CORS, <https://fetch.spec.whatwg.org/#cors-preflight-fetch>).
//!
//! They ask without the token that the call itself will carry, so a function
//! that needs one would never be called. The gateway answers in its place:
//! nobody without a token makes a function run. It tells nothing that a 401
//! would not, and every origin may call: a token is nothing that a browser adds
//! by itself, and whether a page may read the answer, the function says.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    AUTHORIZATION, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::reply::ReplyBody;

/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// Whether a browser asks. Who shows a token is let through to the function.
pub fn is_one(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && !headers.contains_key(AUTHORIZATION)
}

/// Every origin may send these methods, or any where none are named, with the
/// headers that it asks for.
pub fn answer<B>(asked: &HeaderMap, methods: &[String]) -> Response<ReplyBody<B>> {
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = match methods {
        [] => asked.get(ACCESS_CONTROL_REQUEST_METHOD).cloned(),
        methods => HeaderValue::try_from(methods.join(", ")).ok(),
    };
    let allowed = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, Some(HeaderValue::from_static("*"))),
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        // By name: `*` stands for all but `Authorization`.
        (ACCESS_CONTROL_ALLOW_HEADERS, asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned()),
        (ACCESS_CONTROL_MAX_AGE, Some(HeaderValue::from_static(MAX_AGE))),
    ];
    let allowed = allowed.into_iter().filter_map(|(name, value)| Some((name, value?)));
    response.headers_mut().extend(allowed);
    response
}
