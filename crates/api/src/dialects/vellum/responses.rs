//! The error responses of this dialect, as the OpenAPI document lists them.

use crate::dialects::described::error_responses;

error_responses! { "VellumErrorBody";
    /// What every operation can return.
    CommonErrors {
        "401": "`INVALID_TOKEN`, `EXPIRED_TOKEN`, `REVOKED_TOKEN`: send a valid key",
        "403": "`FORBIDDEN`: the key lacks the scope that the detail names",
        "429": "`RATE_LIMIT_EXCEEDED`: a limit of the key or its workspace is used up; try again after `Retry-After` seconds",
        "500": "`INTERNAL_SERVER_ERROR`: a fault of the server; its log has the request id",
        "503": "`UNAVAILABLE`: try again after `Retry-After` seconds",
    }
    /// What a request can have wrong.
    BadRequest {
        "400": "`INVALID_REQUEST`, `INVALID_INPUTS`, `EXTERNAL_ID_TAKEN`, `WORKFLOW_INACTIVE`, `CONCURRENCY_LIMIT`: the detail names the field",
    }
    /// What a request with a body can have wrong beside that.
    BodyErrors {
        "408": "`TIMEOUT`: the body did not arrive in time",
        "413": "`PAYLOAD_TOO_LARGE`: the detail names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send `application/json`",
        "422": "`IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a request can name that is not there.
    NotFound {
        "404": "`WORKFLOW_NOT_FOUND`, `EXECUTION_NOT_FOUND`, `NOT_FOUND`",
    }
}
