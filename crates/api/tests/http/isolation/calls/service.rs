//! Operations of the service.

use super::Sees::Server;
use super::{Call, call};

pub const CALLS: &[Call] = &[
    call("GET /healthz", "", Server),
    call("GET /readyz", "", Server),
    call("GET /metrics", "", Server),
    call("GET /openapi.json", "", Server),
    call("GET /api/v1/schema/definition", "", Server),
    call("GET /api/v1/step_types", "", Server),
    call("GET /api/v1/step_types/{type}", "/api/v1/step_types/TextOperation.Reverse", Server),
];
