//! What can happen to a pool, and how often.

use proptest::prelude::*;
use proptest::sample::Index;

/// Something that happens to a pool, or that is asked of it.
#[derive(Debug, Clone)]
pub(super) enum Happens {
    Request,
    HangUp(Index),
    Release(Index),
    SpareIsReady,
    Booted,
    BootFailed,
    Started(Index),
    Answered(Index),
    StartFailed(Index),
    Exited(Index),
    IdleForLong(Index),
    MakeRoom(Index),
    Retire(Index),
    SecretChanged,
    Publish { most: u32, least: u32, concurrency: u32 },
    Remove,
}

pub(super) fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    prop_oneof![
        8 => Just(Request),
        1 => any::<Index>().prop_map(HangUp),
        6 => any::<Index>().prop_map(Release),
        2 => Just(SpareIsReady),
        4 => Just(Booted),
        1 => Just(BootFailed),
        4 => any::<Index>().prop_map(Started),
        4 => any::<Index>().prop_map(Answered),
        1 => any::<Index>().prop_map(StartFailed),
        2 => any::<Index>().prop_map(Exited),
        2 => any::<Index>().prop_map(IdleForLong),
        1 => any::<Index>().prop_map(MakeRoom),
        1 => any::<Index>().prop_map(Retire),
        1 => (1u32..4, 0u32..2, 1u32..4)
            .prop_map(|(most, least, concurrency)| Publish { most, least, concurrency }),
        1 => Just(SecretChanged),
        1 => Just(Remove),
    ]
}
