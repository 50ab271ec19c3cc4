//! doze
pub mod function;
