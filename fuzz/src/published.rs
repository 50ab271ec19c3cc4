//! `function.json`, which one service writes and the other reads.

use std::path::Path;

use doze::function::permissions::Kind;
use doze::function::published::revision_folder;
use doze::function::{FunctionName, Published};

/// The whole record.
pub fn run(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Published>(data) else { return };
    let written = serde_json::to_vec(&read).expect("a record is JSON");
    let back: Published = serde_json::from_slice(&written).expect("a written record is read");
    assert_eq!(back, read);

    assert!(read.name.as_str().parse::<FunctionName>().is_ok(), "{:?} is no name", read.name);
    assert_eq!(read.release().is_none(), read.state_name() == "broken");
    let Some(release) = read.release() else { return };
    // Where its files are follows from the record, and never leads elsewhere.
    let folder = revision_folder(Path::new("/registry"), &read.name, &release.revision);
    let below = folder.strip_prefix("/registry/.revisions").expect("below the revisions");
    super::permissions::assert_inside(below);
    assert_eq!(below.components().count(), 2, "{}", folder.display());
    for kind in [Kind::Read, Kind::Write] {
        release
            .manifest
            .permissions
            .paths(kind)
            .into_iter()
            .for_each(super::permissions::assert_inside);
    }
}
