//! What a person types, and what they see of it.

mod terminal;

mod usage;
mod new;
mod check;
mod completions;

mod reading;
mod invoke;
mod logs;
mod deploy;
mod steering;
mod secrets;
