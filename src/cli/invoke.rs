//! `doze invoke`: call a function as its callers do, or run source once.

mod answer;
mod printed;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgGroup, Args};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Map, Value, json};

use super::client::{Address, Call, Client, ClientArgs, INVOCATION_HEADER, Wire};
use super::failure::Failure;
use super::output::Progress;
use crate::function::FunctionName;
use printed::Printed;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["name", "source"])))]
pub(super) struct InvokeArgs {
    /// The function's name
    name: Option<FunctionName>,
    /// Run this file once instead, without deploying it; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    source: Option<PathBuf>,
    /// The method [default: GET, with data POST]
    #[arg(long, short = 'X')]
    method: Option<Method>,
    /// The path below the function's name, with a query
    #[arg(long, default_value = "/", value_parser = path)]
    path: String,
    /// A header, such as `accept: text/html`; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent, or `@` and the file that holds it. JSON is sent as JSON
    #[arg(long, short, value_name = "TEXT|@FILE")]
    data: Option<String>,
    /// Send what comes on standard input
    #[arg(long, conflicts_with = "data")]
    stdin: bool,
    /// Print status, headers and body as JSON
    #[arg(long)]
    json: bool,
    /// Address of the gateway [default: what the server says]
    #[arg(long, env = "DOZE_GATEWAY", value_name = "URL")]
    gateway: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &InvokeArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let data = data(args)?;
    let method = args.method.clone().unwrap_or(match data {
        Some(_) => Method::POST,
        None => Method::GET,
    });
    let began = Instant::now();
    match (&args.name, &args.source) {
        (Some(name), _) => {
            let gateway = match &args.gateway {
                Some(gateway) => Address::read(gateway)?,
                None => Address::read(&client.gateway()?)?,
            };
            let request = request(&gateway, args, name, method, data)?;
            let progress = Progress::start(format!("waiting for `{name}`"));
            let response = Wire::new().send(request, &gateway)?;
            drop(progress);
            answer::show(response, began, args.json, Some((&client, name)))
        }
        (None, source) => {
            let source = source.as_deref().unwrap_or(Path::new("-"));
            let call =
                Call::new(Method::POST, "/api/invoke").json(&order(args, source, &method, data)?);
            let call = call.folder(source.parent().map(Path::to_owned));
            let progress = Progress::start("running the source");
            let response = client.send(call)?;
            drop(progress);
            let id = response.headers().get(INVOCATION_HEADER);
            let id = id.and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
            let printed = id.and_then(|id| Printed::follow(client, &id));
            let shown = answer::show(response, began, args.json, None);
            if let Some(printed) = printed {
                printed.finish();
            }
            shown
        }
    }
}

/// The request as the gateway gets it from anybody.
fn request(
    gateway: &Address,
    args: &InvokeArgs,
    name: &FunctionName,
    method: Method,
    data: Option<Vec<u8>>,
) -> Result<Request<Option<Vec<u8>>>, Failure> {
    // Only what lies below the name is left out of a function's own address.
    let path = if args.path == "/" { "" } else { &args.path };
    let mut request = Request::builder().method(method).uri(format!("{gateway}/{name}{path}"));
    let has_type = args.headers.iter().any(|(name, _)| name == http::header::CONTENT_TYPE);
    if let (Some(data), false) = (&data, has_type) {
        request = request.header(http::header::CONTENT_TYPE, content_type(data));
    }
    for (name, value) in &args.headers {
        request = request.header(name, value);
    }
    request.body(data).map_err(|error| Failure::because("the request cannot be made", &error))
}

/// What `POST /api/invoke` is told.
fn order(
    args: &InvokeArgs,
    source: &Path,
    method: &Method,
    data: Option<Vec<u8>>,
) -> Result<Value, Failure> {
    let is_stdin = source == Path::new("-");
    if is_stdin && args.stdin {
        return Err(Failure::usage("standard input cannot be both the source and the data")
            .hint("give one of them as a file"));
    }
    let text = if is_stdin { read_stdin() } else { fs::read(source) };
    let text = text.map_err(|error| {
        Failure::because(format!("the source `{}` cannot be read", source.display()), &error)
    })?;
    let text = String::from_utf8(text).map_err(|_| Failure::new("the source is not text"))?;
    let extension = source.extension().and_then(|extension| extension.to_str()).unwrap_or("ts");
    let mut headers = Map::new();
    for (name, value) in &args.headers {
        headers.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into());
    }
    let has_type = headers.contains_key("content-type");
    if let (Some(data), false) = (&data, has_type) {
        headers.insert("content-type".to_owned(), content_type(data).into());
    }
    let mut order = json!({
        "source": text, "file": format!("index.{extension}"),
        "method": method.as_str(), "path": args.path, "headers": headers,
    });
    if let Some(data) = data {
        // As text and not as `payload`, so that it arrives as it was written.
        let body = String::from_utf8(data);
        order["body"] = body.map_err(|_| Failure::new("the data is not text"))?.into();
    }
    Ok(order)
}

fn data(args: &InvokeArgs) -> Result<Option<Vec<u8>>, Failure> {
    let (data, from) = match &args.data {
        Some(text) => match text.strip_prefix('@') {
            Some(file) => (fs::read(file), file),
            None => return Ok(Some(text.clone().into_bytes())),
        },
        None if args.stdin => (read_stdin(), "standard input"),
        None => return Ok(None),
    };
    data.map(Some).map_err(|error| Failure::because(format!("{from} cannot be read"), &error))
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    std::io::stdin().lock().read_to_end(&mut data)?;
    Ok(data)
}

fn content_type(data: &[u8]) -> &'static str {
    if serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok() {
        "application/json"
    } else if std::str::from_utf8(data).is_ok() {
        "text/plain;charset=utf-8"
    } else {
        "application/octet-stream"
    }
}

fn path(text: &str) -> Result<String, String> {
    let path = if text.starts_with(['/', '?']) { text.to_owned() } else { format!("/{text}") };
    let is_path = path.parse::<http::uri::PathAndQuery>().is_ok() && !path.contains('#');
    if is_path { Ok(path) } else { Err("expected a path such as `/users/1?page=2`".to_owned()) }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = text.split_once(':').and_then(|(name, value)| {
        Some((name.trim().parse().ok()?, HeaderValue::from_str(value.trim()).ok()?))
    });
    parsed.ok_or_else(|| "expected a header such as `accept: text/html`".to_owned())
}
