//! The HTTP server from end to end: requests as clients send them, over the engine and the memory
//! store.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod abi;
mod attempts;
mod audit;
mod caching;
mod connections;
mod cors;
mod dataflow;
mod dataflow_details;
mod deployment_history;
mod deployments;
mod described;
mod edge;
mod isolation;
mod keys;
mod memory;
mod names;
mod numbers;
mod once;
mod operations;
mod parameters;
mod public_url;
mod published;
mod rates;
mod receiver;
mod release_choice;
mod releases;
mod resuming;
mod schedule_events;
mod schedules;
mod scopes;
mod secrets;
mod served;
mod sockets;
mod streams;
mod support;
mod templates;
mod templates_page;
mod vellum;
mod vellum_errors;
mod vellum_responses;
mod waits;
mod webhooks;
mod workspaces;
