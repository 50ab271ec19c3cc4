//! Function names, and which function a path is for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use doze::execution::fleet::{Fleet, Settings};
use doze::execution::journal::Journal;
use doze::execution::launch::{Launcher, Tools};
use doze::execution::pool::Pool;
use doze::execution::router::{Route, Router};
use doze::function::FunctionName;
use doze::function::permissions::OperatorAllows;
use doze::sandbox::{Demand, Mode, Sandbox, Spawner};
use tokio::runtime::Runtime;

/// Lines of names, and a path in the last line.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (names, path) = text.rsplit_once('\n').unwrap_or((&text, "/"));
    let names: Vec<FunctionName> = names.split('\n').filter_map(read_name).collect();

    let pools = names.iter().map(|name| (name.clone(), Pool::new(name.clone(), fleet())));
    let router = Router::default();
    router.replace(pools.collect::<HashMap<_, _>>());
    let found = match router.route(path) {
        Route::Function { pool, path, bare } => Found::Function(pool.name.to_string(), path, bare),
        Route::Reserved(path) => Found::Reserved(path),
        Route::Nothing => Found::Nothing,
    };
    assert_eq!(found, expected(&names, path), "{path:?} among {names:?}");
}

#[derive(Debug, PartialEq)]
enum Found<'p> {
    Function(String, &'p str, bool),
    Reserved(&'p str),
    Nothing,
}

/// The same, as one would say it: the longest name that the path begins with.
fn expected<'p>(names: &[FunctionName], path: &'p str) -> Found<'p> {
    if let Some(reserved) = path.strip_prefix("/_/") {
        return Found::Reserved(reserved);
    }
    let below = |name: &str| {
        let rest = path.strip_prefix('/')?.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    let matching = names.iter().filter_map(|name| Some((name.as_str(), below(name.as_str())?)));
    match matching.max_by_key(|(name, _)| name.len()) {
        Some((name, "")) => Found::Function(name.to_owned(), "/", true),
        Some((name, rest)) => Found::Function(name.to_owned(), rest, false),
        None => Found::Nothing,
    }
}

/// Reads a name, and checks it against the rule as the contract has it.
fn read_name(text: &str) -> Option<FunctionName> {
    let segment = |text: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(word)
            && text.len() <= 63
    };
    let published = |owner: &str| [".js", ".json", ".map"].iter().any(|end| owner.ends_with(end));
    let valid = match text.split_once('/') {
        None => segment(text),
        Some((owner, name)) => segment(owner) && segment(name) && !published(owner),
    };
    let name = text.parse::<FunctionName>();
    assert_eq!(name.is_ok(), valid, "{text:?}: {name:?}");
    let name = match name {
        Ok(name) => name,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let file = name.to_file_name();
    assert!(!file.contains('/') && !file.starts_with('.') && file.len() <= 127);
    assert_eq!(FunctionName::from_file_name(&file).as_ref(), Ok(&name));
    assert_eq!(name.as_str(), text);
    Some(name)
}

/// A fleet that starts nothing.
fn fleet() -> Arc<Fleet> {
    static FLEET: LazyLock<(Runtime, Arc<Fleet>)> = LazyLock::new(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime is made");
        let nowhere = PathBuf::from("/nonexistent");
        let launcher = Launcher::new(Tools {
            spawner: spawner(),
            deno: nowhere.clone(),
            shim: nowhere.clone(),
            run: nowhere.clone(),
            cache_base: nowhere,
            lanes: 1,
        });
        let settings = Settings {
            idle: Duration::from_mins(1),
            spares: 1,
            max_processes: 1,
            operator: OperatorAllows::default(),
        };
        let fleet =
            Fleet::new(settings, Arc::new(Journal::nowhere()), launcher, runtime.handle().clone());
        (runtime, fleet)
    });
    Arc::clone(&FLEET.1)
}

fn spawner() -> Spawner {
    let demand = Demand { mode: Mode::Off, ..Demand::default() };
    let sandbox = Sandbox::find(&demand).expect("nothing is demanded");
    let nothing = PathBuf::from("/bin/false");
    Spawner::start_with(nothing, Arc::new(sandbox)).expect("a spawner is started")
}
