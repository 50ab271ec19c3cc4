//! What the operator does by the admin API, and what comes of it.

mod schema;
mod secrets;
mod tokens;
