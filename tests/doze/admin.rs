//! The admin API: what the operator sees, does and orders.

mod actions;
mod apart;
mod archives;
mod counters;
mod deploy;
mod events;
mod functions;
mod instances;
mod invoke;
mod logs;
mod manifest;
mod metrics;
mod rollback;
mod schema;
mod secrets;
mod tokens;
mod try_it;
mod url;
