//! The application services, which every dialect, the command line and the tests call.
//!
//! Rules that belong to all dialects (permissions, validation, limits, idempotency) are here,
//! once.

mod actuals;
mod admission;
mod approvals;
mod audit;
mod clock_watch;
mod cursor;
mod dry_runs;
mod executions;
mod expressions;
#[cfg(test)]
mod future_sizes;
mod idempotency;
mod json_scope;
mod keys;
mod lifecycle;
mod metrics;
mod objects;
mod operations;
mod readiness;
mod releases;
mod requests;
mod schedules;
mod service;
mod signals;
mod step_types;
mod store_probe;
mod targets;
mod templates;
mod variables;
mod webhooks;
mod workflows;
mod workspaces;

pub use crate::integrations::Connection;
pub use actuals::NewActual;
pub use approvals::{ApprovalFilter, ApprovalLink, Delegation, NewApprovalLink, NewVote};
pub use audit::Refusal;
pub use dry_runs::{BranchTrace, DryRunReport, DryRunRequest, DryRunTarget, StepTrace};
pub use executions::{
    ExecutionDetail, FileReader, InputWarnings, ListedFile, NewExecution, RerunRequest, Start,
};
pub use expressions::{EvaluationError, EvaluationRequest, EvaluationResult};
pub use idempotency::{ClaimGuard, IdempotencyClaim};
pub use keys::{CallerInfo, ChangeKey, CreateKey, KeySecret, NewKey};
pub use objects::Noun;
pub use operations::{DryRun, NewOperation, OperationFilter};
pub use readiness::Readiness;
pub use releases::ReleaseFilter;
pub use requests::{Expected, Idempotency};
pub use schedules::{
    ScheduleChange, ScheduleFilter, ScheduleSelection, ScheduleView, SelectionChanged, Triggered,
};
pub use service::App;
pub use signals::{NewSignal, SentSignal, SignalEffect};
pub use targets::{Choose, LATEST, Target, TrafficKey, WorkflowRef};
pub use templates::Template;
pub use webhooks::{
    ChangeWebhook, DeliveryView, NewWebhook, RotateSecret, ShownWebhook, WantedStatus, WebhookView,
};
pub use workflows::{
    ChangeWorkflow, CreateWorkflow, DeletedWorkflow, Deletion, Located, NewWorkflow, Validation,
    WorkflowView,
};
pub use workspaces::{ChangeWorkspace, CreateWorkspace};
