//! The admin API: what the operator sees and orders.

mod events;
mod functions;
mod instances;
mod logs;
