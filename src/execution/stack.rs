//! A stack in the bundle's lines, told in the lines that the author wrote.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use sourcemap::SourceMap;

use crate::function::published::SOURCE_MAP;

/// What a bundle is called in stacks: `doze:///<function>/…:LINE:COLUMN`.
const SCHEME: &str = "doze:///";
/// What Deno puts between that name and the line where the bundle was
/// evaluated as text.
const EVALUATED: &str = ", <anonymous>:";

/// Maps the stacks of one revision. The source map is read with the first.
#[derive(Debug)]
pub struct Stacks {
    path: PathBuf,
    map: OnceCell<Option<SourceMap>>,
}

impl Stacks {
    /// The stacks of the revision in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(SOURCE_MAP), map: OnceCell::new() }
    }

    /// The stack with every place in the bundle replaced by the place it was
    /// made from. What cannot be mapped stays as it is.
    pub fn map<'s>(&self, stack: &'s str) -> Cow<'s, str> {
        if !stack.contains(SCHEME) {
            return Cow::Borrowed(stack);
        }
        let map =
            self.map.get_or_init(|| SourceMap::from_slice(&std::fs::read(&self.path).ok()?).ok());
        match map {
            Some(map) => Cow::Owned(rewrite(stack, |line, column| {
                let token = map.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
                let (line, column) = token.get_src();
                Some(format!("{}:{}:{}", token.get_source()?, line + 1, column + 1))
            })),
            None => Cow::Borrowed(stack),
        }
    }
}

/// Replaces every place in the bundle that `place` knows better.
fn rewrite(stack: &str, place: impl Fn(u32, u32) -> Option<String>) -> String {
    let mut mapped = String::with_capacity(stack.len());
    let mut rest = stack;
    while let Some(start) = rest.find(SCHEME) {
        mapped.push_str(&rest[..start]);
        rest = &rest[start..];
        let name = rest.find([',', ')', '\n', ' ']).unwrap_or(rest.len());
        let evaluated = if rest[name..].starts_with(EVALUATED) { EVALUATED.len() } else { 0 };
        let after = &rest[name + evaluated..];
        let end = rest.len() - after.len() + after.find([')', '\n', ' ']).unwrap_or(after.len());
        let found = &rest[..end];
        let mut parts = found.rsplitn(3, ':');
        let column = parts.next().and_then(|text| text.parse().ok());
        let line = parts.next().and_then(|text| text.parse().ok());
        match line.zip(column).and_then(|(line, column)| place(line, column)) {
            Some(better) => mapped.push_str(&better),
            None => mapped.push_str(found),
        }
        rest = &rest[end..];
    }
    mapped.push_str(rest);
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_bundle_is_replaced_and_nothing_else() {
        let stack = "Error: no\n    at f (doze:///a/index.js:3:7)\n    at doze:///a/index.js:9:1\n    at g (doze:///a/index.js, <anonymous>:3:8)\n    at ext:core:1:1";
        let place = |line, column| (line == 3).then(|| format!("index.ts:{}:{column}", line - 2));
        assert_eq!(
            rewrite(stack, place),
            "Error: no\n    at f (index.ts:1:7)\n    at doze:///a/index.js:9:1\n    at g (index.ts:1:8)\n    at ext:core:1:1"
        );
    }
}
