//! Loads a stored execution into memory.

use std::sync::Arc;

use stepwell_core::execution::{Execution, ExecutionOrigin};
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;

use super::{Retained, RunnerInit, StoredApprovals};
use crate::AppError;
use crate::runtime::engine::Engine;

/// Loads an execution and replays its journal; `None` if it does not exist.
pub(super) async fn load_execution(
    engine: &Arc<Engine>,
    id: ExecutionId,
) -> Result<Option<RunnerInit>, AppError> {
    faults::hit("load");
    let Some(found) = engine.find_stored(id).await? else { return Ok(None) };
    let (workflow, release) = (found.record().workflow, found.record().release);
    let plan = engine.plans.plan(workflow, release).await?;
    let mut execution = Execution::new(ExecutionOrigin { id, workflow, release, plan });
    let Some((stored, memory)) = engine.load_to_drive(found, &mut execution).await? else {
        return Ok(None);
    };
    let mut retained = Retained::default();
    retained.count(&stored.events);
    let approvals = Box::pin(StoredApprovals::load(engine, &execution)).await?;
    let (secrets, workspace) = (engine.vault.take(id), stored.record.workspace);
    let plan = &execution.origin.plan;
    let secrets = engine.add_installed_secrets(secrets, workspace, plan).await;
    execution.set_redact(secrets.redact());
    let (now, elapsed) = engine.clocks();
    execution.resume_waits(now, elapsed, stored.record.wake_at);
    if let Some(feed) = engine.registry.active_feed(id) {
        feed.fill(&stored.record, &stored.events);
    }
    Ok(Some(RunnerInit {
        execution,
        record: stored.record,
        uncommitted: Vec::new(),
        audit: Vec::new(),
        idempotency: None,
        objects: None,
        approvals,
        secrets,
        accepted: None,
        memory: Some(memory),
        retained,
    }))
}
