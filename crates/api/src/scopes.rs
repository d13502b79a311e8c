//! The scopes that operations require, for every API: whether a key may make a call at all is
//! decided before anything else about the request. So a key without the scope learns nothing of
//! what else is wrong with it or of which objects exist, and its body is not read. Which objects a
//! key is good for is decided by the services, which check again with the object at hand.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;
use stepwell_engine::caller::Verb;
use stepwell_engine::{AppError, Caller};

/// The permission that an operation requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequiredScope {
    /// None beyond a valid key.
    AnyKey,
    /// The scope `admin`.
    Admin,
    /// The scope `admin` in the default workspace.
    Operator,
    /// The scope `read:metrics` in the default workspace.
    Metrics,
    /// The scope for that kind of object, or for one of them.
    On(Verb, &'static str),
    /// The same, where `execute` does as well as `read`: a key that may start an execution may
    /// also follow it.
    ReadOrExecute(&'static str),
}

impl RequiredScope {
    fn check(self, caller: &Caller) -> Result<(), AppError> {
        match self {
            Self::AnyKey => Ok(()),
            Self::Admin => caller.require_admin(),
            Self::Operator => caller.require_operator(),
            Self::Metrics => caller.require_metrics(),
            Self::On(verb, kind) => caller.require_any(verb, kind),
            Self::ReadOrExecute(kind) => caller
                .require_any(Verb::Execute, kind)
                .or_else(|_| caller.require_any(Verb::Read, kind)),
        }
    }
}

use Verb::{Execute, Read, Write};

const WORKFLOWS: &str = "workflows";
const SCHEDULES: &str = "schedules";
const WEBHOOKS: &str = "webhooks";
const TEMPLATES: &str = "templates";

/// Methods and routes by the scope that they require. A test holds the table to the API's
/// description: an operation without an entry fails it.
const OPERATIONS: &[(RequiredScope, &[&str])] = &[
    (
        RequiredScope::AnyKey,
        &[
            "GET /api/v1/auth/me",
            "GET /api/v1/step_types",
            "GET /api/v1/step_types/{type}",
            "GET /step-types",
            "GET /v1/environments/identity",
            "GET /v1/organizations/identity",
            "GET /v1/workspaces/identity",
        ],
    ),
    (
        RequiredScope::Admin,
        &[
            "GET /api/v1/audit_log",
            "GET /api/v1/auth/api-keys",
            "POST /api/v1/auth/api-keys",
            "GET /api/v1/auth/api-keys/{id}",
            "PATCH /api/v1/auth/api-keys/{id}",
            "DELETE /api/v1/auth/api-keys/{id}",
            "GET /api/v1/webhooks/signing-secret",
            "GET /api/v1/workspaces",
            "GET /api/v1/workspaces/{id}",
            "PATCH /api/v1/workspaces/{id}",
        ],
    ),
    (RequiredScope::Operator, &["POST /api/v1/workspaces"]),
    (RequiredScope::Metrics, &["GET /metrics"]),
    (
        RequiredScope::On(Read, WORKFLOWS),
        &[
            "GET /api/v1/workflows",
            "GET /api/v1/workflows/{id}",
            "GET /api/v1/workflows/{id}/definition",
            "GET /api/v1/workflows/{id}/quality",
            "GET /api/v1/workflows/{id}/release_tags",
            "GET /api/v1/workflows/{id}/release_tags/{tag}",
            "GET /api/v1/workflows/{id}/releases",
            "GET /api/v1/workflow_executions",
            "GET /workflows",
            "GET /workflows/{workflow_id}",
            "GET /workflows/{workflow_id}/executions",
            "GET /workflows/{workflow_id}/stats",
            "GET /v1/workflow-deployments",
            "GET /v1/workflow-deployments/{id}",
            "GET /v1/workflow-deployments/{id}/execution-events",
            "GET /v1/workflow-deployments/{id}/execution-events/{execution_id}",
            "GET /v1/workflow-deployments/{id}/history/{release}",
            "GET /v1/workflow-deployments/{id}/release-tags",
            "GET /v1/workflow-deployments/{id}/release-tags/{name}",
            "GET /v1/workflow-deployments/{id}/releases",
            "GET /v1/workflow-deployments/{id}/releases/{release}",
        ],
    ),
    (
        RequiredScope::ReadOrExecute(WORKFLOWS),
        &[
            "GET /api/v1/workflow_executions/{id}",
            "GET /api/v1/workflow_executions/{id}/actuals",
            "GET /api/v1/workflow_executions/{id}/events",
            "GET /api/v1/workflow_executions/{id}/logs",
            "GET /workflows/{workflow_id}/executions/{execution_id}",
            "GET /workflows/{workflow_id}/executions/{execution_id}/events",
            "GET /workflows/{workflow_id}/executions/{execution_id}/logs",
            "GET /v1/workflow-executions/{execution_id}/detail",
            "GET /v1/workflows/executions/{execution_id}/status",
            "GET /v1/workflows/{span_id}/state",
        ],
    ),
    (
        RequiredScope::On(Write, WORKFLOWS),
        &[
            "POST /api/v1/workflows",
            "PUT /api/v1/workflows/{id}",
            "PATCH /api/v1/workflows/{id}",
            "DELETE /api/v1/workflows/{id}",
            "POST /api/v1/workflows/{id}/activate",
            "POST /api/v1/workflows/{id}/deactivate",
            "POST /api/v1/workflows/{id}/releases",
            "PUT /api/v1/workflows/{id}/release_tags/{tag}",
            "POST /workflows",
            "PUT /workflows/{workflow_id}",
            "DELETE /workflows/{workflow_id}",
            "PATCH /v1/workflow-deployments/{id}/release-tags/{name}",
        ],
    ),
    (
        RequiredScope::On(Execute, WORKFLOWS),
        &[
            "POST /api/v1/workflows/{id}/execute",
            "POST /api/v1/workflows/{id}/execute_async",
            "POST /api/v1/workflow_executions/{id}/cancel",
            "POST /api/v1/workflow_executions/{id}/pause",
            "POST /api/v1/workflow_executions/{id}/resume",
            "POST /api/v1/workflow_executions/{id}/rerun",
            "POST /workflows/{workflow_id}/execute",
            "POST /workflows/{workflow_id}/executions/{execution_id}/cancel",
            "POST /workflows/{workflow_id}/executions/{execution_id}/pause",
            "POST /workflows/{workflow_id}/executions/{execution_id}/resume",
            "POST /v1/execute-workflow",
            "POST /v1/execute-workflow-async",
            "POST /v1/execute-workflow-stream",
            "POST /v1/submit-workflow-execution-actuals",
            "POST /v1/workflow-deployments/{id}/execute-stream",
        ],
    ),
    (
        RequiredScope::On(Read, SCHEDULES),
        &[
            "GET /api/v1/schedules/preview",
            "GET /api/v1/workflow_schedules",
            "GET /api/v1/workflow_schedules/{id}",
            "GET /api/v1/workflows/{id}/schedules",
        ],
    ),
    (
        RequiredScope::On(Write, SCHEDULES),
        &[
            "POST /api/v1/workflows/{id}/schedules",
            "POST /api/v1/workflow_schedules/pause",
            "POST /api/v1/workflow_schedules/resume",
            "PUT /api/v1/workflow_schedules/{id}",
            "PATCH /api/v1/workflow_schedules/{id}",
            "DELETE /api/v1/workflow_schedules/{id}",
            "POST /api/v1/workflow_schedules/{id}/pause",
            "POST /api/v1/workflow_schedules/{id}/resume",
        ],
    ),
    (RequiredScope::On(Execute, SCHEDULES), &["POST /api/v1/workflow_schedules/{id}/trigger"]),
    (
        RequiredScope::On(Read, WEBHOOKS),
        &[
            "GET /api/v1/webhooks",
            "GET /api/v1/webhooks/{id}",
            "GET /api/v1/webhooks/{id}/deliveries",
            "GET /api/v1/webhooks/deliveries/{id}",
        ],
    ),
    (
        RequiredScope::On(Write, WEBHOOKS),
        &[
            "POST /api/v1/webhooks",
            "PUT /api/v1/webhooks/{id}",
            "PATCH /api/v1/webhooks/{id}",
            "DELETE /api/v1/webhooks/{id}",
            "POST /api/v1/webhooks/{id}/rotate_secret",
        ],
    ),
    (
        RequiredScope::On(Read, TEMPLATES),
        &[
            "GET /api/v1/templates",
            "GET /api/v1/templates/{id}",
            "POST /api/v1/templates/{id}/preview",
        ],
    ),
    (
        RequiredScope::On(Write, TEMPLATES),
        &[
            "POST /api/v1/templates",
            "PUT /api/v1/templates/{id}",
            "PATCH /api/v1/templates/{id}",
            "DELETE /api/v1/templates/{id}",
        ],
    ),
    (
        RequiredScope::On(Execute, WEBHOOKS),
        &["POST /api/v1/webhooks/{id}/test", "POST /api/v1/webhooks/deliveries/{id}/redeliver"],
    ),
];

/// The methods of a route, each with its scope.
type Methods = Vec<(&'static str, RequiredScope)>;

static BY_ROUTE: LazyLock<HashMap<&'static str, Methods>> = LazyLock::new(|| {
    let mut routes: HashMap<_, Methods> = HashMap::new();
    for (scope, operations) in OPERATIONS {
        for (method, route) in operations.iter().filter_map(|call| call.split_once(' ')) {
            routes.entry(route).or_default().push((method, *scope));
        }
    }
    routes
});

/// The name under which tables of operations list a method: `HEAD` is answered as `GET` is.
pub fn method_name(method: &Method) -> &str {
    if method == Method::HEAD { "GET" } else { method.as_str() }
}

fn required(method: &str, route: &str) -> Option<RequiredScope> {
    let methods = BY_ROUTE.get(route)?;
    methods.iter().find(|(name, _)| *name == method).map(|(_, scope)| *scope)
}

/// Checks that the caller may make the call; `route` is the path's pattern. Paths and methods that
/// do not exist require nothing: they are answered as such.
///
/// # Errors
/// `Forbidden` or `NotPermitted`, naming the scope.
pub fn check(caller: &Caller, method: &Method, route: &str) -> Result<(), AppError> {
    required(method_name(method), route).map_or(Ok(()), |scope| scope.check(caller))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn operations_are_found_by_method_and_route() {
        for (method, route, expect) in [
            ("GET", "/api/v1/workflows", Some(RequiredScope::On(Read, WORKFLOWS))),
            ("POST", "/api/v1/workflows", Some(RequiredScope::On(Write, WORKFLOWS))),
            ("GET", "/workflows", Some(RequiredScope::On(Read, WORKFLOWS))),
            ("POST", "/v1/execute-workflow", Some(RequiredScope::On(Execute, WORKFLOWS))),
            ("POST", "/api/v1/workspaces", Some(RequiredScope::Operator)),
            ("GET", "/api/v1/auth/me", Some(RequiredScope::AnyKey)),
            ("GET", "/api/v1/schema/definition", None),
            ("GET", "/nowhere", None),
            ("G", "/api/v1/workflows", None),
        ] {
            assert_eq!(required(method, route), expect, "{method} {route}");
        }
    }

    #[test]
    fn every_operation_that_needs_a_key_is_listed_once() {
        let mut listed = BTreeSet::new();
        for operation in OPERATIONS.iter().flat_map(|(_, operations)| *operations) {
            assert!(listed.insert((*operation).to_owned()), "{operation} is listed twice");
        }
        let all = serde_json::to_value(crate::openapi()).unwrap();
        let mut described = BTreeSet::new();
        for (path, operations) in all["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                if operation["security"] != serde_json::json!([{}]) {
                    described.insert(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        let difference: Vec<_> = listed.symmetric_difference(&described).collect();
        assert!(difference.is_empty(), "{difference:#?}");
    }
}
