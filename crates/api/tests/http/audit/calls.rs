//! Every operation that changes something, with its audit entry. A new one needs a line here: its
//! entry, or the reason why it has none.

/// An operation that changes something.
pub struct Call {
    /// Method and path as the API's description has them.
    pub call: &'static str,
    /// The path with objects of the stage in it; empty: the path has no parameters.
    at: &'static str,
    /// The body; empty: none.
    pub body: &'static str,
    /// The audit entry.
    pub noted: Noted,
}

/// The audit entry of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// An action on an object of the stage.
    Of(&'static str, &'static str),
    /// An action on the object that the operation creates; its id is at this pointer of the response.
    Made(&'static str, &'static str),
    /// No entry, with the reason.
    Exempt(&'static str),
}

impl Call {
    pub fn method(&self) -> &'static str {
        self.call.split_once(' ').unwrap().0
    }

    /// The path to be filled.
    pub fn path(&self) -> &'static str {
        if self.at.is_empty() { self.call.split_once(' ').unwrap().1 } else { self.at }
    }
}

const fn call(call: &'static str, at: &'static str, body: &'static str, noted: Noted) -> Call {
    Call { call, at, body, noted }
}

use Noted::{Exempt, Made, Of};

const DEFINITION: &str = r#"{"name": "made", "steps": [{"type": "Echo", "input": 1}]}"#;
const WORKFLOW: &str =
    r#"{"name": "made", "configuration": {"steps": [{"type": "Echo", "input": 1}]}}"#;
const SCHEDULE: &str =
    r#"{"name": "made", "schedule_type": "cron", "cron_expression": "0 0 * * *"}"#;
const WEBHOOK: &str = r#"{"url": "http://127.0.0.1:9/made", "events": ["workflow.created"]}"#;
const VARIABLE: &str = r#"{"name": "MADE", "value": {"a": 1}}"#;
const TEMPLATE: &str = r#"{"name": "made", "body": "Dear {{ customer }}"}"#;
const OWN_RECORD: Noted = Exempt("an execution is its own record; it names its caller");
const FEEDBACK: Noted = Exempt("feedback is kept beside its execution, with its time");

/// All of them, by dialect.
pub const CALLS: &[Call] = &[
    // dataflow
    call("POST /workflows", "", DEFINITION, Made("workflow.created", "/workflow_id")),
    call(
        "PUT /workflows/{workflow_id}",
        "/workflows/<workflow>",
        DEFINITION,
        Of("workflow.updated", "workflow"),
    ),
    call(
        "DELETE /workflows/{workflow_id}",
        "/workflows/<workflow>",
        "",
        Of("workflow.deleted", "workflow"),
    ),
    call("POST /workflows/{workflow_id}/execute", "", "", OWN_RECORD),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/cancel",
        "/workflows/<slow>/executions/<running>/cancel",
        "",
        Of("execution.cancelled", "running"),
    ),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/pause",
        "/workflows/<slow>/executions/<running>/pause",
        "",
        Of("execution.paused", "running"),
    ),
    call(
        "POST /workflows/{workflow_id}/executions/{execution_id}/resume",
        "/workflows/<slow>/executions/<paused>/resume",
        "",
        Of("execution.resumed", "paused"),
    ),
    // vellum
    call("POST /v1/execute-workflow", "", "", OWN_RECORD),
    call("POST /v1/execute-workflow-async", "", "", OWN_RECORD),
    call("POST /v1/execute-workflow-stream", "", "", OWN_RECORD),
    call("POST /v1/workflow-deployments/{id}/execute-stream", "", "", OWN_RECORD),
    call("POST /v1/submit-workflow-execution-actuals", "", "", FEEDBACK),
    call(
        "PATCH /v1/workflow-deployments/{id}/release-tags/{name}",
        "/v1/workflow-deployments/<workflow>/release-tags/prod",
        r#"{"history_item_id": "<release>"}"#,
        Of("workflow.release_tag_moved", "workflow"),
    ),
    // abi
    call("POST /api/v1/workflows", "", WORKFLOW, Made("workflow.created", "/data/id")),
    call("POST /api/v1/workflows/validate", "", "", Exempt("validating stores nothing")),
    call("POST /api/v1/expressions/evaluate", "", "", Exempt("an evaluation stores nothing")),
    call("POST /api/v1/workflows/dry-run", "", "", Exempt("a dry run stores and sends nothing")),
    call(
        "POST /api/v1/workflows/{id}/dry-run",
        "",
        "",
        Exempt("a dry run stores and sends nothing"),
    ),
    call(
        "PUT /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>",
        r#"{"name": "renamed"}"#,
        Of("workflow.updated", "workflow"),
    ),
    call(
        "PATCH /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>",
        r#"{"description": "other"}"#,
        Of("workflow.updated", "workflow"),
    ),
    call(
        "DELETE /api/v1/workflows/{id}",
        "/api/v1/workflows/<workflow>",
        "",
        Of("workflow.deleted", "workflow"),
    ),
    call(
        "POST /api/v1/workflows/{id}/activate",
        "/api/v1/workflows/<inactive>/activate",
        "",
        Of("workflow.activated", "inactive"),
    ),
    call(
        "POST /api/v1/workflows/{id}/deactivate",
        "/api/v1/workflows/<workflow>/deactivate",
        "",
        Of("workflow.deactivated", "workflow"),
    ),
    call(
        "POST /api/v1/workflows/{id}/releases",
        "/api/v1/workflows/<workflow>/releases",
        r#"{"definition": {"name": "next", "steps": [{"type": "Echo", "input": 2}]}}"#,
        Of("workflow.updated", "workflow"),
    ),
    call(
        "PUT /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/beta",
        r#"{"release": 1}"#,
        Of("workflow.release_tag_moved", "workflow"),
    ),
    call(
        "DELETE /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/prod",
        "",
        Of("workflow.release_tag_deleted", "workflow"),
    ),
    call("POST /api/v1/workflows/{id}/execute", "", "", OWN_RECORD),
    call("POST /api/v1/workflows/{id}/execute_async", "", "", OWN_RECORD),
    call(
        "POST /api/v1/workflow_executions/{id}/cancel",
        "/api/v1/workflow_executions/<running>/cancel",
        "",
        Of("execution.cancelled", "running"),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/pause",
        "/api/v1/workflow_executions/<running>/pause",
        "",
        Of("execution.paused", "running"),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/resume",
        "/api/v1/workflow_executions/<paused>/resume",
        "",
        Of("execution.resumed", "paused"),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/rerun",
        "/api/v1/workflow_executions/<ended>/rerun",
        "",
        Of("execution.rerun", "ended"),
    ),
    call(
        "POST /api/v1/operations",
        "",
        r#"{"action": "resume", "filter": {"workflow_id": "<inactive>"}}"#,
        Made("operation.created", "/data/id"),
    ),
    call(
        "POST /api/v1/operations/{id}/cancel",
        "",
        "",
        Exempt("operations.rs tests its entry: an operation of the stage would have ended"),
    ),
    call(
        "POST /api/v1/workflows/{id}/schedules",
        "/api/v1/workflows/<workflow>/schedules",
        SCHEDULE,
        Made("schedule.created", "/data/id"),
    ),
    call(
        "PUT /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        r#"{"timezone": "Europe/Berlin"}"#,
        Of("schedule.updated", "schedule"),
    ),
    call(
        "PATCH /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        r#"{"name": "renamed"}"#,
        Of("schedule.updated", "schedule"),
    ),
    call(
        "DELETE /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        "",
        Of("schedule.deleted", "schedule"),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/trigger",
        "/api/v1/workflow_schedules/<schedule>/trigger",
        "",
        Of("schedule.triggered", "schedule"),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/pause",
        "/api/v1/workflow_schedules/<schedule>/pause",
        "",
        Of("schedule.updated", "schedule"),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/resume",
        "/api/v1/workflow_schedules/<asleep>/resume",
        "",
        Of("schedule.updated", "asleep"),
    ),
    call(
        "POST /api/v1/workflow_schedules/pause",
        "",
        r#"{"schedule_ids": ["<schedule>", "<asleep>"]}"#,
        Of("schedule.updated", "schedule"),
    ),
    call(
        "POST /api/v1/workflow_schedules/resume",
        "",
        r#"{"schedule_ids": ["<schedule>", "<asleep>"]}"#,
        Of("schedule.updated", "asleep"),
    ),
    call(
        "POST /api/v1/workflow_executions/{id}/signals/{name}",
        "/api/v1/workflow_executions/<running>/signals/go",
        "",
        Of("execution.signaled", "running"),
    ),
    call(
        "POST /api/v1/signals/{name}",
        "/api/v1/signals/go",
        r#"{"key": "a"}"#,
        Of("workspace.signal_kept", "workspace"),
    ),
    call(
        "POST /api/v1/approvals/{id}/approve",
        "/api/v1/approvals/<approval>/approve",
        r#"{"approver": "ada"}"#,
        Of("approval.approved", "approval"),
    ),
    call(
        "POST /api/v1/approvals/{id}/reject",
        "/api/v1/approvals/<approval>/reject",
        r#"{"approver": "ada"}"#,
        Of("approval.rejected", "approval"),
    ),
    call(
        "POST /api/v1/approvals/{id}/delegate",
        "/api/v1/approvals/<approval>/delegate",
        r#"{"approver": "ada", "to": "zoe"}"#,
        Of("approval.delegated", "approval"),
    ),
    call(
        "POST /api/v1/approvals/{id}/links",
        "/api/v1/approvals/<approval>/links",
        r#"{"approver": "ada"}"#,
        Of("approval.link_created", "approval"),
    ),
    call(
        "POST /api/v1/approval_links/{name}",
        "/api/v1/approval_links/x",
        r#"{"verdict": "approve"}"#,
        Exempt("without a key: the entry is that of the vote"),
    ),
    call("POST /api/v1/templates", "", TEMPLATE, Made("template.created", "/data/id")),
    call(
        "PUT /api/v1/templates/{id}",
        "/api/v1/templates/<template>",
        r#"{"body": "other"}"#,
        Of("template.updated", "template"),
    ),
    call(
        "PATCH /api/v1/templates/{id}",
        "/api/v1/templates/<template>",
        r#"{"description": "other"}"#,
        Of("template.updated", "template"),
    ),
    call(
        "DELETE /api/v1/templates/{id}",
        "/api/v1/templates/<template>",
        "",
        Of("template.deleted", "template"),
    ),
    call(
        "POST /api/v1/templates/{id}/preview",
        "",
        "",
        Exempt("a preview changes nothing and sends nothing"),
    ),
    call("POST /api/v1/variables", "", VARIABLE, Made("variable.created", "/data/id")),
    call(
        "PUT /api/v1/variables/{name}",
        "/api/v1/variables/<variable_name>",
        r#"{"value": "other"}"#,
        Of("variable.updated", "variable"),
    ),
    call(
        "PATCH /api/v1/variables/{name}",
        "/api/v1/variables/<variable_name>",
        r#"{"description": "other"}"#,
        Of("variable.updated", "variable"),
    ),
    call(
        "DELETE /api/v1/variables/{name}",
        "/api/v1/variables/<variable_name>",
        "",
        Of("variable.deleted", "variable"),
    ),
    call("POST /api/v1/webhooks", "", WEBHOOK, Made("webhook.created", "/data/id")),
    call(
        "PUT /api/v1/webhooks/{id}",
        "/api/v1/webhooks/<webhook>",
        r#"{"events": ["*"]}"#,
        Of("webhook.updated", "webhook"),
    ),
    call(
        "PATCH /api/v1/webhooks/{id}",
        "/api/v1/webhooks/<webhook>",
        r#"{"status": "inactive"}"#,
        Of("webhook.updated", "webhook"),
    ),
    call(
        "DELETE /api/v1/webhooks/{id}",
        "/api/v1/webhooks/<webhook>",
        "",
        Of("webhook.deleted", "webhook"),
    ),
    call(
        "POST /api/v1/webhooks/{id}/test",
        "/api/v1/webhooks/<webhook>/test",
        "",
        Of("webhook.tested", "webhook"),
    ),
    call(
        "POST /api/v1/webhooks/{id}/rotate_secret",
        "/api/v1/webhooks/<webhook>/rotate_secret",
        "",
        Of("webhook.secret_rotated", "webhook"),
    ),
    call(
        "POST /api/v1/webhooks/deliveries/{id}/redeliver",
        "/api/v1/webhooks/deliveries/<delivery>/redeliver",
        "",
        Of("webhook.redelivered", "webhook"),
    ),
    call(
        "POST /api/v1/auth/api-keys",
        "",
        r#"{"name": "made", "scopes": ["read:workflows"]}"#,
        Made("api_key.created", "/data/id"),
    ),
    call(
        "PATCH /api/v1/auth/api-keys/{id}",
        "/api/v1/auth/api-keys/<key>",
        r#"{"name": "renamed"}"#,
        Of("api_key.updated", "key"),
    ),
    call(
        "DELETE /api/v1/auth/api-keys/{id}",
        "/api/v1/auth/api-keys/<key>",
        "",
        Of("api_key.revoked", "key"),
    ),
    call(
        "POST /api/v1/workspaces",
        "",
        r#"{"name": "made"}"#,
        Made("workspace.created", "/data/id"),
    ),
    call(
        "PATCH /api/v1/workspaces/{id}",
        "/api/v1/workspaces/<workspace>",
        r#"{"rate_limits": {"requests_per_minute": 1000}}"#,
        Of("workspace.updated", "workspace"),
    ),
];
