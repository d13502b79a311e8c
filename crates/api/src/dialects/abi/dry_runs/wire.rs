//! The bodies about dry runs.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use utoipa::ToSchema;

use super::super::envelope::Failure;
use super::super::statuses::{ExecutionStatus, RunStatus};
use crate::fields::request_body;

request_body! {
    /// A dry run of a definition.
    #[schema(example = json!({"definition": {"name": "pay", "steps": [
        {"id": "charge", "type": "HttpRequest", "config": {"url": "https://pay.example.com", "method": "POST"}}]},
        "mocks": {"charge": {"output": {"status": 200, "body": {"id": "p1"}}}}}))]
    pub struct DryRunDefinition {
        /// The definition: see `/api/v1/schema/definition`.
        #[schema(value_type = Object)]
        pub definition: Map,
        /// What it is given; it must fit the inputs.
        #[schema(value_type = Option<Object>)]
        pub parameters: Option<Map>,
        /// The results of steps, by step id (`charge`) or by one of its runs (`orders[3].charge`):
        /// `{"output": …}`, `{"error": {"code", "message"}}`, or a list of these for successive calls.
        #[schema(value_type = Option<Object>)]
        pub mocks: Option<Map>,
        /// Variables by name, for `vars.NAME`, instead of those of the workspace with the same names.
        #[schema(value_type = Option<Object>)]
        pub vars: Option<Map>,
        /// When the simulated clock begins, RFC 3339. Default: now.
        pub now: Option<String>,
    }
}

request_body! {
    /// A dry run of a workflow.
    #[schema(example = json!({"parameters": {"text": "Hello"}}))]
    pub struct DryRunWorkflow {
        /// What it is given; it must fit the inputs.
        #[schema(value_type = Option<Object>)]
        pub parameters: Option<Map>,
        /// The results of steps, by step id (`charge`) or by one of its runs (`orders[3].charge`):
        /// `{"output": …}`, `{"error": {"code", "message"}}`, or a list of these for successive calls.
        #[schema(value_type = Option<Object>)]
        pub mocks: Option<Map>,
        /// Variables by name, for `vars.NAME`, instead of those of the workspace with the same names.
        #[schema(value_type = Option<Object>)]
        pub vars: Option<Map>,
        /// When the simulated clock begins, RFC 3339. Default: now.
        pub now: Option<String>,
    }
}

/// What a dry run did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::DryRun)]
pub struct DryRun<'a> {
    /// How it ended.
    pub status: ExecutionStatus,
    /// Its output; `null` if it did not complete.
    pub output: Option<&'a Value>,
    /// Why it failed or timed out; `null` otherwise.
    pub error: Option<Failure<'a>>,
    /// The time that an execution would have taken for delays, pauses, retries, and mocks with a
    /// `duration`.
    pub elapsed_ms: u64,
    /// The step runs, in the order in which they started or were skipped.
    pub steps: Vec<DryRunStep<'a>>,
    /// The lists of blocks that ran, each once.
    pub branches: Vec<DryRunBranch<'a>>,
}

/// A step run of a dry run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::DryRunStep)]
pub struct DryRunStep<'a> {
    /// The step's id, in an iteration with the enclosing steps: `orders[3].charge`.
    pub step: &'a str,
    /// The step's id in the definition.
    pub step_id: &'a str,
    /// Its type.
    #[serde(rename = "type")]
    pub step_type: &'static str,
    /// How it ended.
    pub status: RunStatus,
    /// Whether a mock replaced it.
    pub mocked: bool,
    /// How many attempts began.
    pub attempts: u32,
    /// Its input; `null` if it did not start.
    pub input: Option<&'a Value>,
    /// Its output; `null` if it did not complete.
    pub output: Option<&'a Value>,
    /// The port by which it was left; `null`: the usual one.
    pub port: Option<&'a str>,
    /// Why it failed; `null` otherwise.
    pub error: Option<Failure<'a>>,
    /// When it started, in simulated milliseconds from the start of the run.
    pub started_after_ms: u64,
    /// When it ended.
    pub ended_after_ms: Option<u64>,
}

/// A list of steps of a block that ran.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::DryRunBranch)]
pub struct DryRunBranch<'a> {
    /// The id of the block.
    #[schema(example = "route")]
    pub step: &'a str,
    /// The list: `cases[0]`, `else`, `branches.mail`, `steps`, `catch[0]`, `finally`.
    #[schema(example = "cases[0]")]
    pub branch: &'a str,
}
