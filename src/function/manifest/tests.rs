use super::reader::FIELDS;
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
        r#"{"permissions": ["--allow-net=a.example"], "warmupOnStart": true, "idleSeconds": 0,
            "timeoutSeconds": 1.5, "memoryMb": 64, "concurrency": 2, "minInstances": 1,
            "maxInstances": 3, "env": {"A": "b"}, "secrets": ["KEY"], "mode": "serve",
            "static": "./public/", "spa": true, "methods": ["GET"], "auth": "token"}"#,
    )
    .unwrap();
    assert_eq!(manifest.idle_seconds, Some(Duration::ZERO));
    assert_eq!(manifest.timeout_seconds, Duration::from_millis(1500));
    assert_eq!(manifest.static_folder.as_deref(), Some("public"));
    let json = serde_json::to_value(&manifest).unwrap();
    for field in FIELDS {
        assert!(json.get(field).is_some(), "{field} is not in {json}");
    }
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
