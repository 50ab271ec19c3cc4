//! Which function a request is for.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::pool::Pool;
use crate::function::FunctionName;

/// The prefix that no function can have.
const RESERVED: &str = "_/";

/// Every published function, by name.
#[derive(Debug, Default)]
pub struct Router {
    pools: ArcSwap<HashMap<FunctionName, Arc<Pool>>>,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Route<'p> {
    /// To a function.
    Function {
        /// Its instances.
        pool: Arc<Pool>,
        /// The path below its name; it begins with a slash.
        path: &'p str,
        /// Whether the request's path is the bare name, without a slash.
        bare: bool,
    },
    /// To the server itself: the path below `/_/`.
    Reserved(&'p str),
    /// Nowhere.
    Nothing,
}

impl Router {
    /// The route of a path. The longest published name wins.
    pub fn route<'p>(&self, path: &'p str) -> Route<'p> {
        let Some(path) = path.strip_prefix('/') else { return Route::Nothing };
        if let Some(rest) = path.strip_prefix(RESERVED) {
            return Route::Reserved(rest);
        }
        let pools = self.pools.load();
        let first = path.find('/').unwrap_or(path.len());
        let second =
            path[first..].get(1..).map(|rest| first + 1 + rest.find('/').unwrap_or(rest.len()));
        for end in second.into_iter().chain([first]) {
            if let Some(pool) = pools.get(&path[..end]) {
                let rest = &path[end..];
                let bare = rest.is_empty();
                let path = if bare { "/" } else { rest };
                return Route::Function { pool: Arc::clone(pool), path, bare };
            }
        }
        Route::Nothing
    }

    /// Every function.
    pub fn all(&self) -> Arc<HashMap<FunctionName, Arc<Pool>>> {
        self.pools.load_full()
    }

    /// Replaces every route at once.
    pub fn replace(&self, pools: HashMap<FunctionName, Arc<Pool>>) {
        self.pools.store(Arc::new(pools));
    }
}
