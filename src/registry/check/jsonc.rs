//! JSON with comments and trailing commas, as `deno.json` may be written.

/// The same text as plain JSON, byte for byte as long, so that positions in
/// it stay true: comments and trailing commas become spaces.
pub(super) fn to_json(text: &[u8]) -> Vec<u8> {
    let mut json = text.to_vec();
    let mut at = 0;
    // A comma that nothing but blanks and comments has followed so far.
    let mut comma = None;
    while at < json.len() {
        let end = match (json[at], json.get(at + 1)) {
            (b'"', _) => {
                comma = None;
                at = end_of_string(&json, at);
                continue;
            }
            (b'/', Some(b'/')) => memchr::memchr(b'\n', &json[at..]).map(|length| at + length),
            (b'/', Some(b'*')) => {
                memchr::memmem::find(&json[at + 2..], b"*/").map(|length| at + 2 + length + 2)
            }
            (byte, _) => {
                match byte {
                    b',' => comma = Some(at),
                    b'}' | b']' => {
                        if let Some(comma) = comma.take() {
                            json[comma] = b' ';
                        }
                    }
                    byte if byte.is_ascii_whitespace() => {}
                    _ => comma = None,
                }
                at += 1;
                continue;
            }
        };
        let end = end.unwrap_or(json.len());
        for byte in json[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end;
    }
    json
}

fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_strings_stay() {
        let text = br#"{ // one
            "a": "no // comment, }", /* two
            lines */ "b": [1, 2, /* three */ ], "c": "\"//",
        }"#;
        let value: Value = serde_json::from_slice(&to_json(text)).unwrap();
        assert_eq!(value, json!({"a": "no // comment, }", "b": [1, 2], "c": "\"//"}));
    }

    #[test]
    fn broken_text_never_panics_and_keeps_its_length() {
        for text in ["", "/", "\"", "\"\\", "/*", "//", "{,}", "[1,/*]"] {
            assert_eq!(to_json(text.as_bytes()).len(), text.len());
        }
    }
}
