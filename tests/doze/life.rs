//! The life of an instance, seen from outside: when it is started, what keeps
//! it, what ends it.

mod code_cache;
mod crash;
mod idle;
mod pool;
mod start;
mod timeout;
