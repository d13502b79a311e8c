//! The application services over real stores: what every dialect relies on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must stop"
)]

mod approvals;
mod audit;
mod clock_set;
mod concurrency;
mod control;
mod echo;
mod evaluations;
mod files;
mod full_store;
mod idempotency;
mod installed_secrets;
mod large_inputs;
mod limits;
mod memory;
mod objects;
mod operations;
mod outbox;
mod payloads;
mod poison;
mod pure_steps;
mod rates;
mod receiver;
mod restart;
mod running;
mod schedules;
mod secrets;
mod signals;
mod simulated;
mod step_concurrency;
mod sub_workflow_crashes;
mod sub_workflows;
mod support;
mod upgrade;
mod waits;
mod webhooks;
