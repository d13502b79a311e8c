//! The bodies about bulk operations.

use serde::Serialize;
use stepwell_core::Map;
use utoipa::ToSchema;

use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// Starts a bulk operation.
    #[schema(example = json!({"action": "cancel", "filter": {"workflow_id": "wf_01k9x7m2q4e5rb8tz3v6w1y0ac",
        "status": ["queued", "running"]}, "reason": "wrong prices"}))]
    pub struct OperationRequest {
        /// `cancel`, `pause`, `resume`, or `purge`: delete ended executions.
        pub action: String,
        /// Which executions; at least one condition.
        pub filter: OperationConditions,
        /// With `cancel`: why, for the logs of the executions. At most 1,000 characters.
        pub reason: Option<String>,
    }
}

request_body! {
    /// The conditions that executions must fulfil, all of them. They are those of the list of
    /// executions.
    #[derive(Default)]
    pub struct OperationConditions {
        /// Only those of this workflow.
        pub workflow_id: Option<String>,
        /// Only those with one of these statuses: as in the list of executions, `waiting` included.
        /// Default: all that the action applies to.
        pub status: Option<Vec<String>>,
        /// Only those accepted at this time or later: RFC 3339, or a date.
        pub start_date: Option<String>,
        /// Only those accepted at this time or before: RFC 3339, or a date, which is meant as a
        /// whole.
        pub end_date: Option<String>,
        /// Only those accepted at least so long ago: `90m`, `30d`.
        pub older_than: Option<String>,
        /// Only those with all of these labels.
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map>,
    }
}

/// A bulk operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::BulkOperation)]
pub struct Operation<'a> {
    /// Its id.
    #[schema(example = "op_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// `cancel`, `pause`, `resume` or `purge`.
    pub action: &'static str,
    /// `pending`, `running`, `completed`, `failed` (it has ended, and some executions could not be
    /// changed) or `cancelled`.
    pub status: &'static str,
    /// Which executions. Executions that are accepted later are not meant.
    pub filter: ShownConditions<'a>,
    /// Why.
    pub reason: Option<&'a str>,
    /// How far it is.
    pub progress: Progress,
    /// The first executions that could not be changed, at most ten.
    pub failures: Vec<FailedItem<'a>>,
    /// The user that started it.
    pub created_by: String,
    /// When it was accepted.
    pub created_at: Time,
    /// When it last made progress.
    pub updated_at: Time,
    /// When work on it began; `null`: it has not yet.
    pub started_at: Option<Time>,
    /// When it ended; `null`: it has not yet.
    pub completed_at: Option<Time>,
}

/// The conditions of a bulk operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::BulkConditions)]
pub struct ShownConditions<'a> {
    /// The workflow; `null`: any.
    pub workflow_id: Option<String>,
    /// The statuses; `null`: all that the action applies to.
    pub status: Option<Vec<&'static str>>,
    /// The earliest time of acceptance.
    pub start_date: Option<Time>,
    /// The latest time of acceptance; `null`: whatever was accepted before the deletion of its
    /// workflow.
    pub end_date: Option<Time>,
    /// The labels.
    #[schema(value_type = Object)]
    pub metadata: Labels<'a>,
}

/// Labels as an object.
#[derive(Debug)]
pub struct Labels<'a>(pub &'a [(String, String)]);

impl Serialize for Labels<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// How far a bulk operation is. At its end, `matched` is the sum of the others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::BulkProgress)]
pub struct Progress {
    /// How many executions matched when it was accepted, or more if others were found later.
    pub matched: u64,
    /// How many were changed, or already were as intended.
    pub done: u64,
    /// How many could not be changed.
    pub failed: u64,
    /// How many needed nothing any more, such as those that ended meanwhile.
    pub skipped: u64,
}

/// An execution that could not be changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::BulkFailure)]
pub struct FailedItem<'a> {
    /// The execution.
    pub execution_id: String,
    /// Why.
    pub message: &'a str,
}

/// What a bulk operation would be about. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::BulkDryRun)]
pub struct DryRun<'a> {
    /// The action.
    pub action: &'static str,
    /// Which executions.
    pub filter: ShownConditions<'a>,
    /// How many they are at present.
    pub progress: Progress,
}
