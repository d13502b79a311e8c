//! The futures of the most frequent calls stay small. Each is moved several times on its way into
//! the task that runs it, so a large rare case costs every call.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::WorkflowId;

use super::{App, Start};
use crate::Caller;
use crate::runtime::engine::Engine;
use crate::runtime::registry::RunnerSlot;
use crate::runtime::runner::{Runner, RunnerInit};

/// The size of the future that a method returns.
fn future_size<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn futures_of_an_execution_are_small() {
    type This = &'static App;
    type By = &'static Caller;
    let durable =
        |app: This, by: By, id: WorkflowId, start: Start| app.execute(by, id, start).durable();
    let wait = |app: This, by: By, id: WorkflowId, start: Start| {
        app.execute(by, id, start).wait(Duration::ZERO)
    };
    let run = |engine: Arc<Engine>, slot: RunnerSlot, init: Box<RunnerInit>, (): ()| {
        Runner::begin(engine, slot, init)
    };
    for (name, size, most) in [
        ("durable", future_size(durable), 3_500),
        ("wait", future_size(wait), 3_000),
        ("Runner::begin", future_size(run), 1_500),
    ] {
        assert!(size <= most, "{name}: {size} bytes; box the futures of rare cases");
    }
}
