//! The error responses of this dialect, as the OpenAPI document lists them.

use crate::dialects::described::error_responses;

error_responses! { "ErrorBody";
    /// What every operation can return.
    CommonErrors {
        "401": "`UNAUTHORIZED`, `INVALID_TOKEN`, `EXPIRED_TOKEN`, `REVOKED_TOKEN`: send a valid key",
        "403": "`FORBIDDEN`: the key lacks the scope that the message names",
        "429": "`RATE_LIMIT_EXCEEDED`: a limit of the key or its workspace is used up; try again after `Retry-After` seconds",
        "500": "`INTERNAL_ERROR`: a fault of the server; its log has the request id",
        "503": "`UNAVAILABLE`: try again after `Retry-After` seconds",
    }
    /// What a call without a body can find wrong.
    BadRequest {
        "400": "`INVALID_REQUEST`: `details` names the parameter",
    }
    /// What a call with a body can find wrong.
    BodyErrors {
        "400": "`INVALID_WORKFLOW`, `INVALID_INPUT`, `INVALID_REQUEST`: `details` lists every problem",
        "408": "`TIMEOUT`: the body did not arrive in time",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: the message names the types that are taken",
        "422": "`IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a call that names an object can find missing.
    NotFound {
        "404": "`WORKFLOW_NOT_FOUND`, `EXECUTION_NOT_FOUND`",
    }
    /// What a call that changes an object can run into.
    Conflict {
        "409": "`WORKFLOW_INACTIVE`, `CONCURRENCY_LIMIT`, `EXECUTION_ENDED`, `INVALID_STATE`",
    }
}
