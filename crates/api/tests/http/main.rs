//! The HTTP server from end to end: requests as clients send them, over the engine and the memory
//! store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod abi;
mod dataflow;
mod described;
mod edge;
mod keys;
mod once;
mod releases;
mod served;
mod support;
mod vellum;
