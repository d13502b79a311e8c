//! Decisions as they are sent, and the filter of lists.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::execution::Verdict;
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::json_size;
use stepwell_core::{MAX_VALUE_DEPTH, Problem, names, nests_deeper};
use stepwell_store::lists::ListFilter;
use stepwell_store::objects::{ObjectCursor, ObjectFilter, ObjectSort, StoredObject};

use crate::AppError;
use crate::approval::{Approval, ApprovalStatus};

/// The longest name of an approver, in bytes.
const MAX_NAME: usize = 200;
/// The longest comment, in characters.
const MAX_COMMENT: usize = 2_000;

/// Which approvals are listed.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Only those in this status.
    pub status: Option<ApprovalStatus>,
    /// Only those of this execution.
    pub execution: Option<ExecutionId>,
    /// Only those about which this approver may decide.
    pub approver: Option<String>,
}

impl ListFilter for ApprovalFilter {
    type Item = StoredObject;
    type SortKey = ObjectSort;
    type Cursor = ObjectCursor;

    fn cursor_of(approval: &StoredObject, sort: ObjectSort) -> ObjectCursor {
        ObjectFilter::cursor_of(approval, sort)
    }
}

impl From<ApprovalFilter> for ObjectFilter {
    fn from(filter: ApprovalFilter) -> Self {
        let ApprovalFilter { status, execution, approver } = filter;
        Self {
            name: None,
            parent: execution.map(Into::into),
            status: status.map(|status| status.name().to_owned()),
            labels: approver
                .map(|approver| (Approval::approver_label(&approver), "true".to_owned()))
                .into_iter()
                .collect(),
        }
    }
}

/// A vote to be recorded.
#[derive(Debug, Clone)]
pub struct NewVote {
    /// Who votes.
    pub approver: Option<String>,
    /// The vote.
    pub verdict: Verdict,
    /// A comment.
    pub comment: Option<String>,
    /// The data of the form.
    pub data: Arc<Value>,
}

impl NewVote {
    pub(super) fn check(&self, max_bytes: usize) -> Result<(), AppError> {
        check_name("approver", self.approver.as_deref())?;
        check_comment(self.comment.as_deref())?;
        if json_size(&self.data, max_bytes + 1) > max_bytes {
            let message = format!("the data of a decision may have at most {max_bytes} bytes");
            return Err(AppError::TooLarge(Problem::new("data", message)));
        }
        if nests_deeper(&self.data, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than the {MAX_VALUE_DEPTH} levels allowed");
            return Err(AppError::invalid("data", message));
        }
        Ok(())
    }
}

/// A delegation to be recorded.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// Who delegates.
    pub approver: Option<String>,
    /// Who decides instead.
    pub to: String,
    /// A comment.
    pub comment: Option<String>,
}

impl Delegation {
    pub(super) fn check(&self) -> Result<(), AppError> {
        check_name("approver", self.approver.as_deref())?;
        check_name("to", Some(&self.to))?;
        check_comment(self.comment.as_deref())
    }
}

pub(super) fn check_name(field: &str, name: Option<&str>) -> Result<(), AppError> {
    let Some(name) = name else { return Ok(()) };
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(AppError::invalid(field, format!("must have 1 to {MAX_NAME} bytes")));
    }
    names::check_visible(name).map_err(|problem| AppError::invalid(field, problem))
}

fn check_comment(comment: Option<&str>) -> Result<(), AppError> {
    let Some(comment) = comment else { return Ok(()) };
    if comment.chars().count() > MAX_COMMENT {
        let message = format!("must have at most {MAX_COMMENT} characters");
        return Err(AppError::invalid("comment", message));
    }
    names::check_text(comment).map_err(|problem| AppError::invalid("comment", problem))
}
