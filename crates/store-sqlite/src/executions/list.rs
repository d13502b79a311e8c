//! Lists of executions, newest first.
//!
//! The indexes have the status before the id, so a page is made of one short walk per status, each
//! inside an index, and costs the same however rare the wanted status is.

use rusqlite::{Connection, Params, params};
use stepwell_core::execution::Status;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::traits::ListExecutions;

use crate::fault::Result;
use crate::row::{self, Id};

pub(super) const BY_WORKFLOW: &str = "SELECT id, n FROM executions
    WHERE workflow = ?1 AND status = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
pub(super) const BY_WORKFLOW_AND_WORKSPACE: &str = "SELECT id, n FROM executions
    WHERE workflow = ?1 AND status = ?2 AND id < ?3 AND +workspace = ?5
    ORDER BY id DESC LIMIT ?4";
pub(super) const BY_WORKSPACE: &str = "SELECT id, n FROM executions
    WHERE workspace = ?1 AND status = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
/// For the operator only, who asks across workspaces: walks the ids and leaves out the others.
pub(super) const ALL: &str = "SELECT id, n FROM executions
    WHERE id < ?2 AND +status = ?1 ORDER BY id DESC LIMIT ?3";

pub(super) fn list(
    connection: &Connection,
    wanted: &ListExecutions,
) -> Result<Vec<ExecutionRecord>> {
    // All walks and the look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let mut found = Vec::new();
    for status in Status::ALL {
        if wanted.statuses.is_empty() || wanted.statuses.contains(&status) {
            found.extend(walk(&transaction, wanted, row::status_number(status))?);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(wanted.limit);
    found.into_iter().map(|(_, n)| super::nth(&transaction, n)).collect()
}

fn walk(
    connection: &Connection,
    wanted: &ListExecutions,
    status: i64,
) -> Result<Vec<([u8; 16], i64)>> {
    let before = row::before(wanted.after);
    let limit = row::limit(wanted.limit);
    let workflow = wanted.workflow.map(Id::blob);
    let workspace = wanted.workspace.map(Id::blob);
    match (workflow, workspace) {
        (Some(workflow), Some(workspace)) => ids(
            connection,
            BY_WORKFLOW_AND_WORKSPACE,
            params![workflow, status, before, limit, workspace],
        ),
        (Some(workflow), None) => {
            ids(connection, BY_WORKFLOW, params![workflow, status, before, limit])
        }
        (None, Some(workspace)) => {
            ids(connection, BY_WORKSPACE, params![workspace, status, before, limit])
        }
        (None, None) => ids(connection, ALL, params![status, before, limit]),
    }
}

fn ids(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<([u8; 16], i64)>> {
    row::all(connection, sql, params, |found| Ok((row::get(found, 0)?, row::get(found, 1)?)))
}
