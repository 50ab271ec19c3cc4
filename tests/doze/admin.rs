//! The admin API: what the operator sees, does and orders.

mod events;
mod functions;
mod instances;
mod logs;
mod schema;
mod secrets;
mod tokens;
mod try_it;
