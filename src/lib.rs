//! doze
pub mod function;
pub mod sandbox;
pub mod http1;
