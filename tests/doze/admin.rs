//! The admin API: what the operator sees and orders.

mod actions;
mod apart;
mod archives;
mod deploy;
mod events;
mod functions;
mod instances;
mod invoke;
mod manifest;
mod rollback;
mod url;
