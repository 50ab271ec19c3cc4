use regex::Regex;
use serde_json::json;

use super::fields::Field;
use super::*;

fn parse(text: &str) -> Result<Manifest, Vec<String>> {
    Manifest::parse(text.as_bytes(), &OperatorAllows::default())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn an_empty_object_is_all_defaults() {
    assert_eq!(parse("{}").unwrap(), Manifest::default());
    assert_eq!(parse("\u{feff}{}").unwrap(), Manifest::default());
}

#[test]
fn every_field_can_be_set() {
    let manifest = parse(
        r#"{"$schema": "x", "permissions": ["--allow-net=a.example"], "warmupOnStart": true, "idleSeconds": 0,
            "timeoutSeconds": 1.5, "memoryMb": 64, "concurrency": 2, "minInstances": 1,
            "maxInstances": 3, "env": {"A": "b"}, "secrets": ["KEY"], "mode": "serve",
            "static": "./public/", "spa": true, "methods": ["GET"], "auth": "token"}"#,
    )
    .unwrap();
    assert_eq!(manifest.idle_seconds, Some(Duration::ZERO));
    assert_eq!(manifest.timeout_seconds, Duration::from_millis(1500));
    assert_eq!(manifest.static_folder.as_deref(), Some("public"));
    let json = serde_json::to_value(&manifest).unwrap();
    for field in &FIELDS {
        assert!(json.get(field.name).is_some(), "{} is not in {json}", field.name);
    }
    assert_eq!(json.as_object().unwrap().len(), FIELDS.len());
    assert_eq!(serde_json::from_value::<Manifest>(json).unwrap(), manifest);
}

#[test]
fn each_mistake_names_the_field_and_what_was_expected() {
    for (text, expected) in [
        ("", "registry.json:1:1: not valid JSON"),
        ("{\n  \"env\": {,}\n}", "registry.json:2:11: not valid JSON"),
        ("[]", "expected an object such as {}, found a list"),
        (r#"{"permission": []}"#, "did you mean `permissions`?"),
        (r#"{"warmUpOnStart": true}"#, "did you mean `warmupOnStart`?"),
        (r#"{"$schema": 1}"#, "expected the address of a JSON Schema, found `1`"),
        (r#"{"zzz": 1}"#, "known fields are permissions"),
        (r#"{"permissions": "x"}"#, "`permissions`: expected a list of strings, found \"x\""),
        (r#"{"permissions": ["-A"]}"#, "`permissions[0]`: `-A` is refused"),
        (r#"{"warmupOnStart": "yes"}"#, "expected true or false, found \"yes\""),
        (r#"{"idleSeconds": -1}"#, "from 0 to 86400, found `-1`"),
        (r#"{"timeoutSeconds": 0}"#, "from more than 0 to 86400, found `0`"),
        (r#"{"memoryMb": 1.5}"#, "a whole number from 16 to 65536, found `1.5`"),
        (r#"{"concurrency": 0}"#, "a whole number from 1 to 10000, found `0`"),
        (r#"{"maxInstances": null}"#, "found null"),
        (r#"{"minInstances": 2}"#, "raise `maxInstances`"),
        (r#"{"env": {"A B": "x"}}"#, "`A B` is not a variable name"),
        (r#"{"env": {"A": 1}}"#, "`env.A`: expected a string, found `1`"),
        (r#"{"env": []}"#, "an object of strings, found a list"),
        (r#"{"env": {"A": ""}, "secrets": ["A"]}"#, "both in `env` and in `secrets`"),
        (r#"{"mode": "once"}"#, "expected \"serve\" or \"oneshot\", found \"once\""),
        (r#"{"mode": "oneshot", "minInstances": 1}"#, "cannot be set with it"),
        (r#"{"static": "/etc"}"#, "not a sub-folder"),
        (r#"{"static": "../x"}"#, "not a sub-folder"),
        (r#"{"static": "."}"#, "not a sub-folder"),
        (r#"{"spa": true}"#, "`spa` needs `static`"),
        (r#"{"methods": ["get"]}"#, "in capitals"),
        (r#"{"methods": []}"#, "is empty"),
        (r#"{"auth": "basic"}"#, "expected \"public\" or \"token\""),
    ] {
        let problems = parse(text).expect_err(text).join("\n");
        assert!(problems.contains(expected), "{text}\n  gave {problems}\n  not {expected}");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let problems = parse(r#"{"memoryMb": 1, "permissions": ["-A", "-x"], "zzz": 1}"#);
    assert_eq!(problems.unwrap_err().len(), 4);
}

/// Whether a value fits a schema, by the words of JSON Schema that ours uses.
fn fits(schema: &Value, value: &Value) -> bool {
    let all = |list: Option<&Vec<Value>>, schema: &Value| {
        list.is_none_or(|list| list.iter().all(|item| fits(schema, item)))
    };
    let (number, text) = (value.as_f64(), value.as_str());
    let (list, object) = (value.as_array(), value.as_object());
    let properties = &schema["properties"];
    schema.as_object().unwrap().iter().all(|(word, says)| match word.as_str() {
        "$schema" | "title" | "description" | "default" => true,
        "type" => match says.as_str().unwrap() {
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.as_i64().is_some(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        },
        "enum" => says.as_array().unwrap().contains(value),
        "minimum" => number.is_none_or(|number| number >= says.as_f64().unwrap()),
        "maximum" => number.is_none_or(|number| number <= says.as_f64().unwrap()),
        "pattern" => text.is_none_or(|t| Regex::new(says.as_str().unwrap()).unwrap().is_match(t)),
        "minItems" => list.is_none_or(|list| list.len() as u64 >= says.as_u64().unwrap()),
        "items" => all(list, says),
        "properties" => object
            .into_iter()
            .flatten()
            .all(|(name, value)| says.get(name).is_none_or(|schema| fits(schema, value))),
        "propertyNames" => {
            object.is_none_or(|object| object.keys().all(|name| fits(says, &json!(name))))
        }
        "additionalProperties" => object.into_iter().flatten().all(|(name, value)| {
            properties.get(name).is_some() || (says.is_object() && fits(says, value))
        }),
        other => panic!("{other} is not known here"),
    })
}

#[test]
fn an_editor_accepts_what_the_reader_accepts_and_nothing_else() {
    let schema = schema();
    let named = |field: &Field| field.name.to_owned();
    let fields: Vec<_> = FIELDS.iter().map(named).chain(["$schema".into(), "zzz".into()]).collect();
    let known = schema["properties"].as_object().unwrap();
    assert_eq!(known.len(), FIELDS.len() + 1, "{known:?}");

    let (mut accepted, mut refused) = (0, 0);
    for field in &fields {
        for value in values() {
            // What lies between two fields is the reader's alone.
            let mut manifest = json!({ "maxInstances": 1000, "static": "public" });
            manifest[field] = value;
            let reads = parse(&manifest.to_string());
            assert_eq!(fits(&schema, &manifest), reads.is_ok(), "{manifest}: {reads:?}");
            *(if reads.is_ok() { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted > 60 && refused > 600, "{accepted} accepted, {refused} refused");
}

/// Values of every kind, at and beyond every bound.
fn values() -> Vec<Value> {
    let numbers = [-1.0, 0.0005, 0.001, 0.5, 1.5, 86_400.5].map(|number| json!(number));
    let whole = [0, 1, 15, 16, 1000, 1001, 10_000, 10_001, 65_536, 65_537, 86_400, 86_401];
    let texts = [
        "", "serve", "oneshot", "public", "token", "GET", "A", "x/y", "./x/", "x//", "a b", ".x",
        "..x", "...", "x/.y", ".", "..", "./", "./.", "././x", "/x", "x//y", "x/./y", "x/..",
        "x\ny", "\u{85}",
    ];
    let lists = [
        json!([]),
        json!(["GET"]),
        json!(["get"]),
        json!(["A", "_b1"]),
        json!(["1A"]),
        json!([""]),
        json!(["A B"]),
        json!(["A\n"]),
        json!([1]),
        json!([null]),
        json!(["GET", "POST", "HEAD"]),
        json!(["--allow-net"]),
        json!(["--allow-net=a.example", "-R=./x"]),
        json!(["--deny-run"]),
        json!(["-A"]),
        json!(["--allow-all"]),
        json!(["--allow-import"]),
        json!(["allow-net"]),
        json!(["-N", "-E=A"]),
        json!(["--allow-net="]),
        json!(["-X"]),
        json!(["--allow-nett"]),
    ];
    let objects = [
        json!({}),
        json!({ "A": "b" }),
        json!({ "a_1": "" }),
        json!({ "A": 1 }),
        json!({ "A": null }),
        json!({ "1A": "b" }),
        json!({ "": "b" }),
        json!({ "A B": "b" }),
        json!({ "A": "\u{0}" }),
    ];
    let plain = [Value::Null, json!(true), json!(false)];
    let texts = texts.into_iter().map(Value::from);
    let whole = whole.into_iter().map(Value::from);
    plain.into_iter().chain(numbers).chain(whole).chain(texts).chain(lists).chain(objects).collect()
}
