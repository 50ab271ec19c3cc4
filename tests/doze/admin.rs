//! The admin API: what the operator sees and orders.

mod counters;
mod events;
mod functions;
mod instances;
mod metrics;
