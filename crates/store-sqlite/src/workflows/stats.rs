//! The counts of a workflow's executions.

use rusqlite::{Connection, Row, params};
use stepwell_core::ids::WorkflowId;
use stepwell_store::record::WorkflowStats;

use crate::error::Result;
use crate::row::{self, Id};

pub(super) const STATS: &str =
    "SELECT completed, failed, timed_out, cancelled, active, total_micros, timed
    FROM workflow_stats WHERE workflow = ?1";
const ADD_STATS: &str = "INSERT INTO workflow_stats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (workflow) DO UPDATE SET
    completed = completed + excluded.completed, failed = failed + excluded.failed,
    timed_out = timed_out + excluded.timed_out, cancelled = cancelled + excluded.cancelled,
    active = active + excluded.active, total_micros = total_micros + excluded.total_micros,
    timed = timed + excluded.timed";

/// The counts of a workflow; zeros where there are none.
pub(super) fn find_stats(connection: &Connection, workflow: WorkflowId) -> Result<WorkflowStats> {
    let found = row::query_first(connection, STATS, [workflow.blob()], stats)?;
    Ok(found.unwrap_or_default())
}

fn stats(found: &Row<'_>) -> Result<WorkflowStats> {
    Ok(WorkflowStats {
        completed: row::get_column(found, 0)?,
        failed: row::get_column(found, 1)?,
        timed_out: row::get_column(found, 2)?,
        cancelled: row::get_column(found, 3)?,
        active: row::get_column(found, 4)?,
        total_micros: row::get_column(found, 5)?,
        timed: row::get_column(found, 6)?,
    })
}

/// What one transaction changes about the counts of a workflow.
#[derive(Debug, Default)]
pub(crate) struct StatsDelta([i64; 7]);

impl StatsDelta {
    /// Takes `before` off and puts `after` on.
    pub(crate) fn add(&mut self, before: Option<WorkflowStats>, after: WorkflowStats) {
        let before = columns_of(before.unwrap_or_default());
        for ((sum, after), before) in self.0.iter_mut().zip(columns_of(after)).zip(before) {
            *sum = sum.wrapping_add(after).wrapping_sub(before);
        }
    }
}

/// In the order of the table.
fn columns_of(stats: WorkflowStats) -> [i64; 7] {
    let WorkflowStats { completed, failed, timed_out, cancelled, active, total_micros, timed } =
        stats;
    [completed, failed, timed_out, cancelled, active, total_micros, timed].map(u64::cast_signed)
}

/// Writes what a transaction changed.
pub(crate) fn add_stats(
    connection: &Connection,
    workflow: WorkflowId,
    delta: &StatsDelta,
) -> Result<()> {
    let [completed, failed, timed_out, cancelled, active, total_micros, timed] = delta.0;
    let id = workflow.blob();
    let params = params![id, completed, failed, timed_out, cancelled, active, total_micros, timed];
    row::execute_sql(connection, ADD_STATS, params).map(drop)
}
