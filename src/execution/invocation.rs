//! A bundle that runs once: one process, one request, and nothing is left.

use std::convert::Infallible;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Full};

use super::fleet::Fleet;
use super::headers::{Passage, RequestId, strip};
use super::inbound::Inbound;
use super::instance::{Deployment, Temporary};
use super::life::StopReason;
use super::pool::{Pool, Serves};
use super::profile::Profile;
use super::proxy;
use super::reply::{REQUEST_ID, ReplyBody};
use super::request_body::RequestBodyError;
use super::status::Standing;
use crate::function::manifest::{Manifest, Mode};
use crate::function::published::{BUNDLE, FILES, Release, SOURCE_MAP};
use crate::http1::body::Framing;

/// The owner of everything that runs once. Its functions are in no router, so
/// that it takes no name from anybody.
const OWNER: &str = "invocation";
/// Names the run to its caller, and in the log.
const INVOCATION: HeaderName = HeaderName::from_static("x-doze-invocation");

/// What is to run.
#[derive(Debug)]
pub struct Bundle {
    /// How it was built.
    pub release: Release,
    /// The code.
    pub code: Vec<u8>,
    /// Its source map.
    pub map: Vec<u8>,
}

type RequestBody = MapErr<Full<Bytes>, fn(Infallible) -> RequestBodyError>;

/// What is there of a run until its response has ended.
#[derive(Debug)]
struct Run(Arc<Pool>);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.end(Serves::Removed, StopReason::Removed);
    }
}

/// The body of a run's response.
pub struct RunBody {
    inner: ReplyBody<RequestBody>,
    _run: Run,
}

/// Runs a bundle in a process of its own, with the manifest of a function that
/// has none.
pub async fn invoke(
    fleet: &Arc<Fleet>,
    bundle: Bundle,
    request: Request<Bytes>,
) -> io::Result<Response<RunBody>> {
    let id = RequestId::fresh();
    let run = prepare(fleet, bundle, id.as_str())?;
    let (mut parts, body) = request.into_parts();
    // It is not a connection that could change its protocol.
    strip(&mut parts.headers);
    let path = parts.uri.path().to_owned();
    let framing = if body.is_empty() { Framing::Empty } else { Framing::Length(body.len() as u64) };
    let body: RequestBody = Full::new(body).map_err(|never| match never {});
    let passage = Passage { request_id: &id, name: run.0.name.as_str(), path: &path };
    let body = (framing != Framing::Empty).then_some(body);
    let mut request = Inbound { parts, body, framing, client: "127.0.0.1".into() };
    let limit = Manifest::default().timeout_seconds;
    let response = proxy::forward(&run.0, &mut request, passage, limit).await;
    let mut response = response.unwrap_or_else(|failure| failure.into_response(id.as_str()));
    let id = HeaderValue::from(id);
    response.headers_mut().insert(REQUEST_ID, id.clone());
    response.headers_mut().insert(INVOCATION, id);
    Ok(response.map(|inner| RunBody { inner, _run: run }))
}

fn prepare(fleet: &Arc<Fleet>, bundle: Bundle, id: &str) -> io::Result<Run> {
    let Bundle { release, code, map } = bundle;
    let name = format!("{OWNER}/{id}").parse().map_err(io::Error::other)?;
    let manifest = Manifest { mode: Mode::Oneshot, ..Manifest::default() };
    let release = Release { manifest, ..release };
    let folder = fleet.run_folder().join(format!("invocation-{id}"));
    let pool = Pool::new(name, Arc::clone(fleet));
    DirBuilder::new().mode(0o700).create(&folder)?;
    // Its process may outlive the response, and is told of in the lines of the
    // source, for which the map is read here.
    let temporary = Some(Arc::new(Temporary(folder.clone())));
    write(&folder, &code, &map)?;
    let profile = Profile::of(&release, folder.join(FILES));
    let name = pool.name.clone();
    let code_cache = Arc::default();
    let deployment = Arc::new(Deployment { name, release, folder, profile, code_cache, temporary });
    pool.publish(&deployment, Standing::default());
    Ok(Run(pool))
}

fn write(folder: &Path, code: &[u8], map: &[u8]) -> io::Result<()> {
    fs::write(folder.join(BUNDLE), code)?;
    fs::write(folder.join(SOURCE_MAP), map)
}

impl Body for RunBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
