//! What lies between a client and a function must not be felt.

mod bodies;
mod headers;
mod http1;
mod http2;
mod leaving;
mod websocket;
