//! A function's `registry.json`, changed by a verb that needs it to say
//! something.

use http::Method;
use serde_json::{Value, json};

use super::client::{Call, Client};
use super::failure::Failure;
use super::output;
use crate::function::FunctionName;

const PATH: &str = "/manifest";

/// Lets a function see a secret.
pub(super) fn name_secret(
    client: &Client,
    name: &FunctionName,
    secret: &str,
) -> Result<(), Failure> {
    let manifest = client.call(Call::of(name, Method::GET, PATH))?;
    let mut secrets = manifest["secrets"].as_array().cloned().unwrap_or_default();
    if secrets.iter().any(|named| named == secret) {
        return Ok(());
    }
    secrets.push(secret.into());
    change(client, name, &json!({ "secrets": secrets }))?;
    output::say(format_args!("`{name}` names it under `secrets`"));
    Ok(())
}

/// Lets only those call a function who have a token of it.
pub(super) fn demand_token(client: &Client, name: &FunctionName) -> Result<(), Failure> {
    change(client, name, &json!({ "auth": "token" }))?;
    output::say(format_args!("`{name}` answers nobody without a token"));
    Ok(())
}

/// Whether a function is known to answer whoever calls it; an execution service
/// that runs alone does not know.
pub(super) fn is_open(client: &Client, name: &FunctionName) -> bool {
    let manifest = client.call(Call::of(name, Method::GET, PATH));
    manifest.is_ok_and(|manifest| manifest["auth"] != "token")
}

fn change(client: &Client, name: &FunctionName, patch: &Value) -> Result<(), Failure> {
    client.call(Call::of(name, Method::PATCH, PATH).json(patch)).map(drop)
}
