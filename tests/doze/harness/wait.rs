//! Waiting for a level, never for an edge: asked often, given up late, and the
//! last state seen is told.

use std::fmt::Display;
use std::panic::Location;
use std::time::{Duration, Instant};

/// How often a level is looked at.
pub(crate) const OFTEN: Duration = Duration::from_millis(5);
/// When a level is given up. Far beyond what any of them takes on a machine
/// that is busy with other tests.
pub(crate) const LATE: Duration = Duration::from_secs(30);

/// Waits until the probe gives a value, and fails with the last state that it
/// told instead.
#[track_caller]
pub(crate) fn until<T, S: Display>(
    what: &str,
    mut probe: impl FnMut() -> Result<T, S>,
) -> impl Future<Output = T> {
    let mut patience = Patience::new(what);
    async move {
        loop {
            match probe() {
                Ok(value) => return value,
                Err(state) => patience.pause(state).await,
            }
        }
    }
}

/// The same for a probe that has to ask somebody.
#[track_caller]
pub(crate) fn until_asked<T, S: Display>(
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T, S>,
) -> impl Future<Output = T> {
    let mut patience = Patience::new(what);
    async move {
        loop {
            match probe().await {
                Ok(value) => return value,
                Err(state) => patience.pause(state).await,
            }
        }
    }
}

/// Fails if the probe tells a state within that time: for what must *not*
/// happen there is no level to wait for.
#[track_caller]
pub(crate) fn stays<S: Display>(
    what: &str,
    time: Duration,
    mut probe: impl FnMut() -> Result<(), S>,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let began = Instant::now();
        while began.elapsed() < time {
            if let Err(state) = probe() {
                panic!("{caller}: after {:?}, not any more: {what}: {state}", began.elapsed());
            }
            tokio::time::sleep(OFTEN).await;
        }
    }
}

/// The future's value, or a failure that says what took too long.
#[track_caller]
pub(crate) fn within<T>(
    limit: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let late = |_| panic!("{caller}: {what} took longer than {limit:?}");
        tokio::time::timeout(limit, future).await.unwrap_or_else(late)
    }
}

/// How long one level is waited for.
struct Patience<'a> {
    caller: &'static Location<'static>,
    what: &'a str,
    began: Instant,
    pause: Duration,
}

impl<'a> Patience<'a> {
    #[track_caller]
    fn new(what: &'a str) -> Self {
        Self { caller: Location::caller(), what, began: Instant::now(), pause: OFTEN }
    }

    /// Waits a little, or fails with that state when it is too late.
    fn pause(&mut self, state: impl Display) -> tokio::time::Sleep {
        let Self { caller, what, began, pause } = self;
        assert!(
            began.elapsed() < LATE,
            "{caller}: waited {LATE:?} until {what}; last seen: {state}"
        );
        let sleep = tokio::time::sleep(*pause);
        // A level that takes seconds is not worth a look every 5 ms.
        *pause = (*pause * 5 / 4).min(Duration::from_millis(50));
        sleep
    }
}
