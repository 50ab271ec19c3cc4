//! What a response should be.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::harness::Response;

/// Who answers.
#[derive(Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    /// The function, so that the response tells how its instance was started.
    #[default]
    Function,
    /// The platform, without an instance.
    Gateway,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    status: u16,
    #[serde(default)]
    by: By,
    /// The platform's error code.
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Rule>,
    #[serde(default)]
    body: Option<Rule>,
}

/// What a header or a body should be.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
enum Rule {
    Absent,
    Present,
    Exactly(String),
    Matching(Regex),
    Json(Value),
}

impl TryFrom<Value> for Rule {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::Absent),
            Value::Bool(true) => Ok(Self::Present),
            Value::String(text) => Ok(Self::Exactly(text)),
            Value::Object(fields) => match fields.into_iter().next() {
                Some((name, Value::String(text))) if name == "regex" => {
                    Regex::new(&text).map(Self::Matching).map_err(|error| error.to_string())
                }
                Some((name, value)) if name == "json" => Ok(Self::Json(value)),
                _ => Err("expected {\"regex\": …} or {\"json\": …}".to_owned()),
            },
            other => Err(format!("{other} says nothing about a header or a body")),
        }
    }
}

impl Rule {
    fn wrong(&self, found: Option<&str>) -> bool {
        match (self, found) {
            (Self::Absent, found) => found.is_some(),
            (_, None) => true,
            (Self::Present, Some(_)) => false,
            (Self::Exactly(text), Some(found)) => text != found,
            (Self::Matching(regex), Some(found)) => !regex.is_match(found),
            (Self::Json(value), Some(found)) => {
                serde_json::from_str::<Value>(found).ok().as_ref() != Some(value)
            }
        }
    }
}

impl Expected {
    /// Everything that is not as expected. What every response carries is
    /// checked without being asked for.
    pub(super) fn check(&self, response: &Response) -> Vec<String> {
        let mut wrong = Vec::new();
        if response.status != self.status {
            wrong.push(format!("status {}, expected {}", response.status, self.status));
        }
        let mut rules: Vec<(&str, &Rule)> =
            self.headers.iter().map(|(name, rule)| (name.as_str(), rule)).collect();
        let start = Rule::Matching(Regex::new("^(warm|spare|cold)$").expect("a constant"));
        rules.push(("x-request-id", &Rule::Present));
        if let Some(code) = &self.error {
            wrong.extend(response.is_error(self.status, code).err());
        } else {
            rules.push(("x-doze-error", &Rule::Absent));
            if self.by == By::Function && !self.headers.contains_key("x-doze-start") {
                rules.push(("x-doze-start", &start));
            }
        }
        for (name, rule) in rules {
            let values: Vec<_> = response.headers.get_all(name).iter().collect();
            let found = values.iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
            let found = (!values.is_empty()).then(|| found.collect::<Vec<_>>().join(", "));
            if rule.wrong(found.as_deref()) {
                wrong.push(format!("header `{name}` is {found:?}, expected {rule:?}"));
            }
        }
        let body = String::from_utf8_lossy(&response.body);
        if let Some(rule) = &self.body
            && rule.wrong(Some(&body))
        {
            wrong.push(format!("another body, expected {rule:?}"));
        }
        wrong
    }
}
