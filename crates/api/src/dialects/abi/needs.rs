//! What a key must be allowed to make a call at all, whatever the call says: so a key that may not
//! learns nothing of what else is wrong with its request, and its body is not read. Which objects
//! it may do that to is decided by the services, which ask again.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use stepwell_engine::caller::Verb;
use stepwell_engine::{AppError, Caller};

use crate::error::ApiError;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A valid key.
    Key,
    /// The scope `admin`.
    Admin,
    /// The scope `admin` in the default workspace.
    Operator,
    /// The scope for that kind of object, or for one of them.
    Scope(Verb, &'static str),
    /// The same, where `execute` does as well as `read`: whoever may start an execution may look
    /// at what becomes of it.
    ReadOrExecute(&'static str),
}

impl Need {
    fn check(self, caller: &Caller) -> Result<(), AppError> {
        match self {
            Self::Key => Ok(()),
            Self::Admin => caller.require_admin(),
            Self::Operator => caller.require_operator(),
            Self::Scope(verb, kind) => caller.require_any(verb, kind),
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

/// Methods and routes, below `/api/v1`, by what they need.
const NEEDS: &[(Need, &[&str])] = &[
    (Need::Key, &["GET /auth/me"]),
    (
        Need::Admin,
        &[
            "GET /audit_log",
            "GET /auth/api-keys",
            "POST /auth/api-keys",
            "GET /auth/api-keys/{id}",
            "PATCH /auth/api-keys/{id}",
            "DELETE /auth/api-keys/{id}",
            "GET /webhooks/signing-secret",
            "GET /workspaces",
            "GET /workspaces/{id}",
            "PATCH /workspaces/{id}",
        ],
    ),
    (Need::Operator, &["POST /workspaces"]),
    (
        Need::Scope(Read, WORKFLOWS),
        &[
            "GET /workflows",
            "GET /workflows/{id}",
            "GET /workflows/{id}/definition",
            "GET /workflows/{id}/quality",
            "GET /workflows/{id}/release_tags",
            "GET /workflows/{id}/release_tags/{tag}",
            "GET /workflows/{id}/releases",
            "GET /workflow_executions",
            "GET /step_types",
            "GET /step_types/{type}",
        ],
    ),
    (
        Need::ReadOrExecute(WORKFLOWS),
        &[
            "GET /workflow_executions/{id}",
            "GET /workflow_executions/{id}/actuals",
            "GET /workflow_executions/{id}/events",
            "GET /workflow_executions/{id}/logs",
        ],
    ),
    (
        Need::Scope(Write, WORKFLOWS),
        &[
            "POST /workflows",
            "PUT /workflows/{id}",
            "PATCH /workflows/{id}",
            "DELETE /workflows/{id}",
            "POST /workflows/{id}/activate",
            "POST /workflows/{id}/deactivate",
            "POST /workflows/{id}/releases",
            "PUT /workflows/{id}/release_tags/{tag}",
        ],
    ),
    (
        Need::Scope(Execute, WORKFLOWS),
        &[
            "POST /workflows/{id}/execute",
            "POST /workflows/{id}/execute_async",
            "POST /workflow_executions/{id}/cancel",
            "POST /workflow_executions/{id}/pause",
            "POST /workflow_executions/{id}/resume",
            "POST /workflow_executions/{id}/rerun",
        ],
    ),
    (
        Need::Scope(Read, SCHEDULES),
        &[
            "GET /schedules/preview",
            "GET /workflow_schedules",
            "GET /workflow_schedules/{id}",
            "GET /workflows/{id}/schedules",
        ],
    ),
    (
        Need::Scope(Write, SCHEDULES),
        &[
            "POST /workflows/{id}/schedules",
            "POST /workflow_schedules/pause",
            "POST /workflow_schedules/resume",
            "PUT /workflow_schedules/{id}",
            "PATCH /workflow_schedules/{id}",
            "DELETE /workflow_schedules/{id}",
            "POST /workflow_schedules/{id}/pause",
            "POST /workflow_schedules/{id}/resume",
        ],
    ),
    (Need::Scope(Execute, SCHEDULES), &["POST /workflow_schedules/{id}/trigger"]),
    (
        Need::Scope(Read, WEBHOOKS),
        &[
            "GET /webhooks",
            "GET /webhooks/{id}",
            "GET /webhooks/{id}/deliveries",
            "GET /webhooks/deliveries/{id}",
        ],
    ),
    (
        Need::Scope(Write, WEBHOOKS),
        &[
            "POST /webhooks",
            "PUT /webhooks/{id}",
            "PATCH /webhooks/{id}",
            "DELETE /webhooks/{id}",
            "POST /webhooks/{id}/rotate_secret",
        ],
    ),
    (
        Need::Scope(Execute, WEBHOOKS),
        &["POST /webhooks/{id}/test", "POST /webhooks/deliveries/{id}/redeliver"],
    ),
];

/// What a call needs; `route` is the path's pattern. `None`: it is not in the table.
fn needs(method: &str, route: &str) -> Option<Need> {
    let route = route.strip_prefix("/api/v1")?;
    let named = |call: &&str| {
        call.strip_prefix(method).and_then(|rest| rest.strip_prefix(' ')) == Some(route)
    };
    NEEDS.iter().find(|(_, calls)| calls.iter().any(named)).map(|(need, _)| *need)
}

/// The layer: refuses a caller that may not make the call.
pub async fn gate(request: Request, next: Next) -> Response {
    let method = match request.method() {
        // It is answered as GET is.
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let route = request.extensions().get::<MatchedPath>();
    let need = route.and_then(|route| needs(method, route.as_str()));
    // Without a caller the path is open to all.
    let refused = need.zip(request.extensions().get::<Caller>());
    match refused.map(|(need, caller)| need.check(caller)) {
        Some(Err(error)) => ApiError::from(error).into_response(),
        Some(Ok(())) | None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_by_method_and_route() {
        for (method, route, expect) in [
            ("GET", "/api/v1/workflows", Some(Need::Scope(Read, WORKFLOWS))),
            ("POST", "/api/v1/workflows", Some(Need::Scope(Write, WORKFLOWS))),
            ("GET", "/api/v1/workflows/{id}/definition", Some(Need::Scope(Read, WORKFLOWS))),
            ("POST", "/api/v1/workspaces", Some(Need::Operator)),
            ("GET", "/api/v1/auth/me", Some(Need::Key)),
            ("GET", "/api/v1/schema/definition", None),
            ("GET", "/workflows", None),
            ("G", "/api/v1/workflows", None),
        ] {
            assert_eq!(needs(method, route), expect, "{method} {route}");
        }
    }
}
