//! What is published about a function, as a call that changed it answers.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::function::{FunctionName, Manifest, Problem, Published};

/// A function as it is published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishedFunction)]
pub(super) struct View {
    /// Its name, `hello` or `ada/hello`.
    #[schema(value_type = String)]
    name: FunctionName,
    /// `live`, `stale` (an older revision runs) or `broken` (nothing can).
    state: &'static str,
    /// The content hash of what runs; null where nothing does.
    revision: Option<String>,
    /// The revision that was taken back.
    rolled_back_from: Option<String>,
    /// Everything that is wrong with the newest source.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Problem>,
    /// `registry.json` with defaults applied.
    #[schema(value_type = Option<Object>)]
    manifest: Option<Manifest>,
    /// When what runs was built.
    #[schema(value_type = Option<String>, format = DateTime)]
    built_at: Option<Timestamp>,
    /// When the newest source was last looked at.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
}

impl From<Published> for View {
    fn from(published: Published) -> Self {
        let release = published.release();
        Self {
            state: published.state_name(),
            revision: release.map(|release| release.revision.to_string()),
            rolled_back_from: published.rolled_back_from.as_ref().map(ToString::to_string),
            manifest: release.map(|release| release.manifest.clone()),
            built_at: release.map(|release| release.built_at),
            checked_at: published.checked_at,
            name: published.name,
            problems: published.problems,
        }
    }
}
