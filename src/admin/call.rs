//! A request to a function, as a call of the API describes it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use utoipa::openapi::schema::{ArrayItems, Schema, Type};
use utoipa::openapi::{Array, ArrayBuilder, Object, ObjectBuilder};

/// Names of header fields, and methods (RFC 9110, 5.6.2).
const NAME: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// Values of header fields.
const VALUE: &str = r"^[^\x00-\x08\x0A-\x1F\x7F]*$";
/// What an address may not hold as it is. Browsers write the same for it.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path with its query as it is sent. What is escaped already stays so.
pub(super) fn target(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Header fields by name.
pub(super) fn header_map() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("The request's header fields."))
        .property_names(Some(text(NAME)))
        .additional_properties(Some(text(VALUE)))
        .build()
}

/// Header fields as pairs of name and value.
pub(super) fn header_list() -> Array {
    let pair = ArrayBuilder::new()
        .items(ArrayItems::False)
        .prefix_items([text(NAME), text(VALUE)])
        .min_items(Some(2));
    let list = ArrayBuilder::new().items(pair);
    list.description(Some("Names and values.")).build()
}

fn text(pattern: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_escaped_already_stays_so() {
        assert_eq!(target("/a b/%2F?c=[é]&d#e"), "/a%20b/%2F?c=[%C3%A9]&d%23e");
    }

    proptest! {
        #[test]
        fn every_text_behind_a_slash_is_a_path(text in ".*") {
            prop_assert!(target(&format!("/{text}")).parse::<PathAndQuery>().is_ok(), "{:?}", text);
        }
    }
}
