//! What strangers write, and what must hold of every reading of it.
//!
//! Each module is one target, a plain function of bytes that panics where
//! something does not hold. libFuzzer calls them, and so does `tests/fuzz.rs`
//! of the package around this one, with the stable compiler.

pub mod body;
pub mod head;
pub mod manifest;
pub mod permissions;
pub mod published;
pub mod routing;

use doze::function::permissions::OperatorAllows;

/// An operator, and the rest of the bytes.
fn operator(data: &[u8]) -> (OperatorAllows, &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let words = ["", "run", "ffi", "run,ffi"][usize::from(first % 4)];
    (words.parse().expect("an operator may say so"), rest)
}
