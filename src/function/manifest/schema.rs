//! `registry.json` as an editor knows it: a JSON Schema, made of the fields.

use serde_json::{Map, Value, json};

use super::fields::FIELDS;
use super::{Manifest, SCHEMA};

/// The JSON Schema (2020-12) of `registry.json`. It refuses what the reader
/// refuses, but for what lies between two fields or within a permission.
pub fn schema() -> Value {
    let defaults = serde_json::to_value(Manifest::default()).unwrap_or_default();
    let link = json!({ "description": "This schema, for editors.", "type": "string" });
    let mut properties = Map::from_iter([(SCHEMA.to_owned(), link)]);
    for field in &FIELDS {
        let mut schema = json!({ "description": field.about });
        if let (Value::Object(all), Value::Object(own)) = (&mut schema, (field.schema)()) {
            all.extend(own);
            // Nothing to show, and for `methods` nothing that one may write.
            let default = defaults.get(field.name).filter(|value| **value != json!([]));
            all.extend(default.map(|value| ("default".to_owned(), value.clone())));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "registry.json",
        "description": "What a function's author declares. Every field is optional.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The same as a file.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}
