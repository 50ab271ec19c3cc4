//! `registry.json`, as an author writes it.

use doze::function::permissions::Kind;
use doze::function::{Manifest, manifest};
use serde_json::Value;

const FIELDS: &str = "permissions warmupOnStart idleSeconds timeoutSeconds memoryMb concurrency \
    minInstances maxInstances env secrets mode static spa methods auth $schema";

/// The first byte is what the operator allows.
pub fn run(data: &[u8]) {
    let (operator, text) = super::operator(data);
    let read = match Manifest::parse(text, &operator) {
        Ok(read) => read,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                assert_eq!(problem.file.as_deref(), Some(manifest::FILE));
                assert!(!problem.text.is_empty());
                let told = problem.to_string();
                assert!(!told.contains(char::is_control), "a problem is one line: {told:?}");
            }
            return;
        }
    };

    // What is published is read back as it was written.
    let published = serde_json::to_vec(&read).expect("a manifest is JSON");
    let back: Manifest = serde_json::from_slice(&published).expect("a published manifest is read");
    assert_eq!(back, read);

    // Nothing is overlooked, and nothing stands that could not be served.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let value: Value = serde_json::from_slice(text).expect("accepted although it is no JSON");
    for name in value.as_object().expect("accepted although it is no object").keys() {
        assert!(FIELDS.split_whitespace().any(|known| known == name), "{name:?} was overlooked");
    }
    assert!((16..=65_536).contains(&read.memory_mb.get()));
    assert!(read.concurrency.get() <= 10_000 && read.max_instances.get() <= 1_000);
    assert!(read.min_instances <= read.max_instances.get());
    assert!(!read.timeout_seconds.is_zero() && read.timeout_seconds.as_secs() <= 86_400);
    assert!(read.idle_seconds.is_none_or(|idle| idle.as_secs() <= 86_400));
    assert!(!read.spa || read.static_folder.is_some());
    assert_eq!(read.permissions.beyond(&operator), None);
    for (name, value) in &read.env {
        assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
        assert!(!read.secrets.contains(name));
    }
    let paths = [Kind::Read, Kind::Write].map(|kind| read.permissions.paths(kind));
    let folder = read.static_folder.as_deref().map(std::path::Path::new);
    for path in paths.concat().into_iter().chain(folder) {
        super::permissions::assert_inside(path);
    }
}
