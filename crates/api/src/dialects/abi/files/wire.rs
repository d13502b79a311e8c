//! The bodies about files of executions.

use serde::Serialize;
use utoipa::ToSchema;

/// A file of an execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ExecutionFile)]
pub(super) struct ExecutionFile<'a> {
    /// Its name: the step that writes it, with the iterations that the step is in.
    #[schema(example = "orders")]
    pub(super) name: &'a str,
    /// Whether its step has ended: then the file can be read and does not change any more.
    pub(super) is_complete: bool,
    /// How many of its items completed.
    #[schema(example = 99_997)]
    pub(super) completed: u32,
    /// How many of its items failed.
    #[schema(example = 3)]
    pub(super) failed: u32,
    /// Its size in bytes.
    #[schema(example = 4_188_896)]
    pub(super) bytes: u64,
}
