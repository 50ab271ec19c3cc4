//! The admin API: what the operator sees and orders.

mod deploy;
mod events;
mod functions;
mod instances;
