//! The abi dialect: keys, workspaces, releases and feedback.

use super::Sees::{Nothing, Own};
use super::{Call, call, with};

const RELEASE: &str =
    r#"{"definition": {"name": "theirs", "steps": [{"type": "Echo", "input": 1}]}}"#;

pub const CALLS: &[Call] = &[
    with("POST /api/v1/auth/api-keys", "", r#"{"name": "theirs", "role": "user"}"#, Own),
    with(
        "POST /api/v1/auth/api-keys",
        "",
        r#"{"name": "theirs", "role": "user", "workspace_id": "<workspace>"}"#,
        Nothing(403),
    ),
    call("GET /api/v1/auth/api-keys", "", Own),
    call(
        "GET /api/v1/auth/api-keys",
        "/api/v1/auth/api-keys?workspace_id=<workspace>",
        Nothing(403),
    ),
    call("GET /api/v1/auth/api-keys/{id}", "/api/v1/auth/api-keys/<key>", Nothing(404)),
    with(
        "PATCH /api/v1/auth/api-keys/{id}",
        "/api/v1/auth/api-keys/<key>",
        r#"{"name": "theirs"}"#,
        Nothing(404),
    ),
    call("DELETE /api/v1/auth/api-keys/{id}", "/api/v1/auth/api-keys/<key>", Nothing(404)),
    call("GET /api/v1/auth/me", "", Own),
    Call {
        by_operator_only: true,
        ..with("POST /api/v1/workspaces", "", r#"{"name": "theirs"}"#, Nothing(403))
    },
    call("GET /api/v1/workspaces", "", Own),
    call("GET /api/v1/audit_log", "", Own),
    call("GET /api/v1/audit_log", "/api/v1/audit_log?workspace_id=<workspace>", Nothing(403)),
    call("GET /api/v1/workspaces/{id}", "/api/v1/workspaces/<workspace>", Nothing(404)),
    with(
        "PATCH /api/v1/workspaces/{id}",
        "/api/v1/workspaces/<workspace>",
        r#"{"name": "theirs"}"#,
        Nothing(404),
    ),
    with(
        "PATCH /api/v1/workspaces/{id}",
        "/api/v1/workspaces/<workspace>",
        r#"{"rate_limits": {}}"#,
        Nothing(404),
    ),
    with(
        "POST /api/v1/workflows/{id}/releases",
        "/api/v1/workflows/<workflow>/releases",
        RELEASE,
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/releases",
        "/api/v1/workflows/<workflow>/releases",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/release_tags",
        "/api/v1/workflows/<workflow>/release_tags",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/<tag>",
        Nothing(404),
    ),
    with(
        "PUT /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/<tag>",
        r#"{"release": 1}"#,
        Nothing(404),
    ),
    call(
        "DELETE /api/v1/workflows/{id}/release_tags/{tag}",
        "/api/v1/workflows/<workflow>/release_tags/<tag>",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflows/{id}/quality",
        "/api/v1/workflows/<workflow>/quality",
        Nothing(404),
    ),
    call(
        "GET /api/v1/workflow_executions/{id}/actuals",
        "/api/v1/workflow_executions/<ended>/actuals",
        Nothing(404),
    ),
];
