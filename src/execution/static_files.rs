//! Published files, served without an instance.

use std::path::Path;

use http::header::{ACCEPT, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use tower_http::services::ServeDir;

use super::instance::Deployment;
use super::reply::ReplyBody;
use crate::function::published::FILES;

/// The file for this request; `None` where there is none and the function
/// itself is to answer.
pub async fn serve<B>(
    deployment: &Deployment,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
    outer: &Uri,
    bare: bool,
) -> Option<Response<ReplyBody<B>>> {
    let manifest = &deployment.release.manifest;
    let folder = manifest.static_folder.as_ref()?;
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let folder = deployment.folder.join(FILES).join(folder);
    let mut found = file(&folder, method, headers, path).await;
    if found.is_none() && manifest.spa && asks_for_page(path, headers) {
        found = file(&folder, method, headers, "/index.html").await;
    }
    let response = found?;
    // Links in a page are relative to its folder, so its name needs the slash.
    if bare {
        return redirect(&format!("{}/", outer.path()), outer.query());
    }
    if response.status().is_redirection()
        && let Some(below) = response.headers().get(LOCATION).and_then(|to| to.to_str().ok())
    {
        let prefix = outer.path().strip_suffix(path).unwrap_or_default();
        return redirect(&format!("{prefix}{below}"), None);
    }
    Some(response)
}

async fn file<B>(
    folder: &Path,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
) -> Option<Response<ReplyBody<B>>> {
    let mut request = Request::builder().method(method).uri(path).body(()).ok()?;
    request.headers_mut().clone_from(headers);
    // What is not there, or cannot be read, is the function's to answer for.
    let response = ServeDir::new(folder).try_call(request).await.ok()?;
    (response.status() != StatusCode::NOT_FOUND).then(|| response.map(ReplyBody::File))
}

fn redirect<B>(path: &str, query: Option<&str>) -> Option<Response<ReplyBody<B>>> {
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut response = Response::new(ReplyBody::Whole(None));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&target).ok()?);
    Some(response)
}

/// Whether a page is asked for, rather than an image or a script: the path's
/// last part has no extension, and the client does not refuse HTML.
fn asks_for_page(path: &str, headers: &HeaderMap) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    let takes_html = |accept: &HeaderValue| {
        accept.to_str().is_ok_and(|types| types.contains("text/html") || types.contains("*/*"))
    };
    !file.contains('.')
        && (!headers.contains_key(ACCEPT) || headers.get_all(ACCEPT).iter().any(takes_html))
}
