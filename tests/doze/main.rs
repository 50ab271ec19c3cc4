//! doze as its users meet it: the real program on real folders and sockets.
//!
//! `harness` holds the `TestBed` that every test lies on. `specs` runs the
//! folders in `tests/specs`, where a folder is a case and needs no Rust. The
//! other modules hold what a request and its response cannot tell: who lives,
//! who has died, what came first.

mod functions;
mod harness;

mod admin;
mod config;
mod cli;
mod isolation;
mod life;
mod limits;
mod logs;
mod malformed;
mod proxy;
mod redeploy;
mod shutdown;
mod specs;
mod traces;
mod architecture;
