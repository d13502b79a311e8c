//! The application services over real stores: what every dialect relies on.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

mod audit;
mod clock_set;
mod control;
mod echo;
mod evaluations;
mod full_store;
mod large_inputs;
mod limits;
mod memory;
mod objects;
mod outbox;
mod poison;
mod pure_steps;
mod rates;
mod receiver;
mod restart;
mod running;
mod schedules;
mod secrets;
mod simulated;
mod support;
mod turns;
mod waits;
mod webhooks;
mod words;
