//! What every test lies on.
//!
//! ```ignore
//! let bed = TestBed::start().await;
//! bed.function("hello").source(r#"export default () => "hi""#).drop_in().await;
//! assert_eq!(bed.get("/hello").await.ok().text(), "hi");
//! ```
//!
//! A bed that is dropped stops its servers and fails the test if one of them
//! left a process behind or logged an ERROR that no test announced.
//!
//! - [`bed`]: folders, servers, and the way to a request
//! - [`function`]: a function folder, written as a sentence
//! - [`server`]: one running `doze`
//! - [`log`]: its log, as records
//! - [`client`], [`response`]: HTTP as it should be
//! - [`admin`]: the operator's side
//! - [`raw`], [`websocket`]: HTTP as it should not be, and what an upgraded
//!   connection carries
//! - [`collector`]: where traces go
//! - [`process`]: what `/proc` tells about instances
//! - [`wait`]: waiting for a level
//! - [`places`]: how many beds there are at once

mod admin;
mod bed;
mod client;
mod collector;
mod function;
mod log;
mod places;
mod process;
mod raw;
mod response;
mod server;
mod wait;
mod websocket;

pub(crate) use admin::Admin;
pub(crate) use bed::{PLAIN_USER, TestBed};
pub(crate) use client::{Connection, Request, Stream};
pub(crate) use collector::{Collector, attribute};
pub(crate) use function::copy_folder;
pub(crate) use log::Record;
pub(crate) use process::{Process, preempts, status, threads};
pub(crate) use raw::{RawConnection, RawResponse};
pub(crate) use response::Response;
pub(crate) use server::{Program, Server, runtime_folder};
pub(crate) use wait::{stays, until, until_asked, within};
pub(crate) use websocket::{Frame, WebSocket};
