//! The abi dialect: schedules, webhooks, templates and variables.

use super::Sees::{EmptyAt, Nothing, Own, Server};
use super::{Call, call, with};

const SCHEDULE: &str =
    r#"{"name": "theirs", "schedule_type": "cron", "cron_expression": "0 0 1 1 *"}"#;
const WEBHOOK: &str = r#"{"url": "https://example.com/theirs", "events": ["workflow.deleted"]}"#;

pub const CALLS: &[Call] = &[
    with(
        "POST /api/v1/workflows/{id}/schedules",
        "/api/v1/workflows/<workflow>/schedules",
        SCHEDULE,
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/schedules",
        "/api/v1/workflows/<workflow>/schedules",
        Nothing(404),
    ),
    call("GET /api/v1/workflow_schedules", "", EmptyAt("/data/items")),
    call(
        "GET /api/v1/workflow_schedules",
        "/api/v1/workflow_schedules?workflow_id=<workflow>",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        Nothing(404),
    ),
    with(
        "PUT /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        r#"{"name": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        r#"{"enabled": false}"#,
        Nothing(404),
    ),
    call(
        "DELETE /api/v1/workflow_schedules/{id}",
        "/api/v1/workflow_schedules/<schedule>",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/trigger",
        "/api/v1/workflow_schedules/<schedule>/trigger",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/pause",
        "/api/v1/workflow_schedules/<schedule>/pause",
        Nothing(404),
    ),
    call(
        "POST /api/v1/workflow_schedules/{id}/resume",
        "/api/v1/workflow_schedules/<schedule>/resume",
        Nothing(404),
    ),
    with("POST /api/v1/workflow_schedules/pause", "", r#"{"all": true}"#, Own),
    with(
        "POST /api/v1/workflow_schedules/pause",
        "",
        r#"{"workflow_id": "<workflow>"}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflow_schedules/pause",
        "",
        r#"{"schedule_ids": ["<schedule>"]}"#,
        Nothing(404),
    ),
    with("POST /api/v1/workflow_schedules/resume", "", r#"{"all": true}"#, Own),
    with(
        "POST /api/v1/workflow_schedules/resume",
        "",
        r#"{"workflow_id": "<workflow>"}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflow_schedules/resume",
        "",
        r#"{"schedule_ids": ["<schedule>"]}"#,
        Nothing(404),
    ),
    call("GET /api/v1/schedules/preview", "/api/v1/schedules/preview?cron=0+9+*+*+1", Own),
    call("GET /api/v1/webhooks/signing-secret", "", Own),
    call("GET /api/v1/approvals", "", EmptyAt("/data/items")),
    call(
        "GET /api/v1/approvals",
        "/api/v1/approvals?execution_id=<execution>",
        EmptyAt("/data/items"),
    ),
    call("GET /api/v1/approvals/{id}", "/api/v1/approvals/<approval>", Nothing(404)),
    with(
        "POST /api/v1/approvals/{id}/approve",
        "/api/v1/approvals/<approval>/approve",
        r#"{"approver": "ada"}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/approvals/{id}/reject",
        "/api/v1/approvals/<approval>/reject",
        r#"{"approver": "ada"}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/approvals/{id}/delegate",
        "/api/v1/approvals/<approval>/delegate",
        r#"{"approver": "ada", "to": "zoe"}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/approvals/{id}/links",
        "/api/v1/approvals/<approval>/links",
        r#"{"approver": "ada"}"#,
        Nothing(404),
    ),
    // A link has no caller: its token is enough.
    call("GET /api/v1/approval_links/{name}", "/api/v1/approval_links/x", Server),
    with(
        "POST /api/v1/approval_links/{name}",
        "/api/v1/approval_links/x",
        r#"{"verdict": "approve"}"#,
        Server,
    ),
    call("GET /api/v1/templates", "", EmptyAt("/data/items")),
    call("GET /api/v1/templates", "/api/v1/templates?metadata.label=xyzzy", EmptyAt("/data/items")),
    // The name that a template of another workspace has is free.
    with("POST /api/v1/templates", "", r#"{"name": "<name>", "body": "a"}"#, Own),
    call("GET /api/v1/templates/{id}", "/api/v1/templates/<template>", Nothing(404)),
    with(
        "PUT /api/v1/templates/{id}",
        "/api/v1/templates/<template>",
        r#"{"description": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/templates/{id}",
        "/api/v1/templates/<template>",
        r#"{"body": "theirs"}"#,
        Nothing(404),
    ),
    call("DELETE /api/v1/templates/{id}", "/api/v1/templates/<template>", Nothing(404)),
    with(
        "POST /api/v1/templates/{id}/preview",
        "/api/v1/templates/<template>/preview",
        r#"{"data": {"a": 1}}"#,
        Nothing(404),
    ),
    call("GET /api/v1/variables", "", EmptyAt("/data/items")),
    // The name that a variable of another workspace has is free.
    with("POST /api/v1/variables", "", r#"{"name": "<variable>", "value": "theirs"}"#, Own),
    call("GET /api/v1/variables/{name}", "/api/v1/variables/<variable>", Nothing(404)),
    with(
        "PUT /api/v1/variables/{name}",
        "/api/v1/variables/<variable>",
        r#"{"value": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/variables/{name}",
        "/api/v1/variables/<variable>",
        r#"{"description": "theirs"}"#,
        Nothing(404),
    ),
    call("DELETE /api/v1/variables/{name}", "/api/v1/variables/<variable>", Nothing(404)),
    call("GET /api/v1/webhooks", "", EmptyAt("/data/items")),
    with("POST /api/v1/webhooks", "", WEBHOOK, Own),
    call("GET /api/v1/webhooks/{id}", "/api/v1/webhooks/<webhook>", Nothing(404)),
    with(
        "PUT /api/v1/webhooks/{id}",
        "/api/v1/webhooks/<webhook>",
        r#"{"description": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/webhooks/{id}",
        "/api/v1/webhooks/<webhook>",
        r#"{"status": "inactive"}"#,
        Nothing(404),
    ),
    call("DELETE /api/v1/webhooks/{id}", "/api/v1/webhooks/<webhook>", Nothing(404)),
    call("POST /api/v1/webhooks/{id}/test", "/api/v1/webhooks/<webhook>/test", Nothing(404)),
    with(
        "POST /api/v1/webhooks/{id}/rotate_secret",
        "/api/v1/webhooks/<webhook>/rotate_secret",
        r#"{}"#,
        Nothing(404),
    ),
    call(
        "GET /api/v1/webhooks/{id}/deliveries",
        "/api/v1/webhooks/<webhook>/deliveries",
        Nothing(404),
    ),
    call(
        "GET /api/v1/webhooks/deliveries/{id}",
        "/api/v1/webhooks/deliveries/<delivery>",
        Nothing(404),
    ),
    call(
        "POST /api/v1/webhooks/deliveries/{id}/redeliver",
        "/api/v1/webhooks/deliveries/<delivery>/redeliver",
        Nothing(404),
    ),
];
