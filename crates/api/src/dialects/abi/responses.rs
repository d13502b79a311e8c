//! The error responses of this dialect, as the OpenAPI document lists them.

use crate::dialects::described::error_responses;

error_responses! { "ErrorEnvelope";
    /// What every operation can return.
    CommonErrors {
        "401": "`INVALID_TOKEN`, `EXPIRED_TOKEN`, `REVOKED_TOKEN`: send a valid key",
        "403": "`SCOPE_REQUIRED`: the key lacks the scope that the message names; `INSUFFICIENT_PERMISSIONS`: it has it, and may not do that in another workspace",
        "429": "`RATE_LIMIT_EXCEEDED`: a limit of the key or its workspace is used up; try again after `Retry-After` seconds",
        "500": "`INTERNAL_ERROR`: a fault of the server; its log has the request id",
        "503": "`UNAVAILABLE`: try again after `Retry-After` seconds",
        "504": "`TIMEOUT`: the request took too long; it may still take effect",
    }
    /// The errors of calls that need no key.
    OpenErrors {
        "400": "`INVALID_REQUEST`: the header `Host` is not a host",
    }
    /// What a call without a body can find wrong.
    BadRequest {
        "400": "`INVALID_REQUEST`: `errors` names the field",
    }
    /// What a call with a body can find wrong.
    BodyErrors {
        "400": "`INVALID_REQUEST`: `errors` lists every field that is wrong",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "409": "`IDEMPOTENCY_NOT_REPLAYABLE`: the response held a secret and was not stored; `IDEMPOTENCY_IN_PROGRESS`: the first request is still at work; `INVALID_STATE`: the message states what to change first",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send JSON",
        "422": "`IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What an operation about timing can find wrong.
    ScheduleErrors {
        "400": "`INVALID_SCHEDULE`: `errors` names every field that is wrong; `INVALID_REQUEST`: the body cannot be read",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send JSON",
        "422": "`PARAMETER_VALIDATION_ERROR`: the parameters do not fit the workflow's input schema; `IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a call that starts something can find wrong.
    TriggerErrors {
        "400": "`INVALID_REQUEST`: send no body",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "409": "`WORKFLOW_INACTIVE`: activate the workflow first; `CONCURRENCY_LIMIT`: all places of the concurrency key are taken; `INVALID_STATE`: the release tag was deleted; `IDEMPOTENCY_IN_PROGRESS`: the first request is still at work",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send no body",
        "422": "`PARAMETER_VALIDATION_ERROR`: the schedule's parameters do not fit the workflow's input schema any more; `IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a preview can find wrong.
    SchedulePreviewErrors {
        "400": "`INVALID_SCHEDULE`: `errors` names `cron` or `timezone`; `INVALID_REQUEST`: another parameter is wrong",
    }
    /// What a call that names an object can find missing.
    NotFound {
        "404": "`NOT_FOUND`, `WORKFLOW_NOT_FOUND`, `SCHEDULE_NOT_FOUND`: there is no such object",
    }
    /// What a call with a workflow's configuration can find wrong.
    ConfigErrors {
        "400": "`INVALID_WORKFLOW_CONFIG`: `errors` lists every field that is wrong; `INVALID_REQUEST`: the body cannot be read",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send JSON",
        "422": "`IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a call that executes can find wrong.
    ExecuteErrors {
        "400": "`INVALID_PARAMETERS`: `errors` lists every field that has the wrong shape",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "409": "`WORKFLOW_INACTIVE`: activate it first; `CONCURRENCY_LIMIT`: all places of the concurrency key are taken; `INTEGRATION_MISSING`: a required integration is not connected; `IDEMPOTENCY_IN_PROGRESS`: the first request is still at work",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send JSON",
        "422": "`PARAMETER_VALIDATION_ERROR`: the parameters do not fit the workflow's inputs; `IDEMPOTENCY_KEY_REUSED`",
    }
    /// What a dry run can find wrong before it runs.
    DryRunErrors {
        "400": "`INVALID_WORKFLOW_CONFIG`: `errors` lists every problem of the definition; `INVALID_REQUEST`: a mock or another field is wrong",
        "408": "`REQUEST_TIMEOUT`: the body did not arrive in time",
        "409": "`IDEMPOTENCY_IN_PROGRESS`: the first request is still at work",
        "413": "`PAYLOAD_TOO_LARGE`: the message names the limit",
        "415": "`UNSUPPORTED_MEDIA_TYPE`: send JSON",
        "422": "`PARAMETER_VALIDATION_ERROR`: the parameters do not fit the inputs; `IDEMPOTENCY_KEY_REUSED`: the key came before with another request",
    }
    /// What a call that names a workflow can find missing.
    NoWorkflow {
        "404": "`WORKFLOW_NOT_FOUND`",
    }
    /// What a call that names a step type can find missing.
    NoStepType {
        "404": "`NOT_FOUND`: there is no such step type; `GET /api/v1/step_types` lists all",
    }
    /// What a call that names an execution can find missing.
    NoExecution {
        "404": "`EXECUTION_NOT_FOUND`",
    }
    /// What reading a file can find missing.
    NoFile {
        "404": "`EXECUTION_NOT_FOUND`; `NOT_FOUND`: the execution has no such file",
    }
    /// That a file cannot be read yet.
    FileNotComplete {
        "409": "`INVALID_STATE`: the step that writes the file has not ended",
    }
    /// What a signal can find missing.
    NoSignalReceiver {
        "404": "`EXECUTION_NOT_FOUND`; `SIGNAL_NOT_AWAITED`: no step waits for the signal, and it is not to be kept",
    }
    /// That a signal cannot be received. It is listed after `BodyErrors`, whose 409 it widens.
    SignalConflict {
        "409": "`EXECUTION_ENDED`; `TOO_MANY_SIGNALS`: too many are kept that no step has consumed; `IDEMPOTENCY_IN_PROGRESS`: the first request is still at work",
    }
    /// That the object is not in a state in which that can be done.
    Conflict {
        "409": "`EXECUTION_ENDED`, `INVALID_STATE`, `WORKFLOW_INACTIVE`, `CONCURRENCY_LIMIT`, `INTEGRATION_MISSING`: the message states what to do",
    }
    /// That the first request with the same `Idempotency-Key` is still in progress.
    InProgress {
        "409": "`IDEMPOTENCY_IN_PROGRESS`: the first request is still at work",
    }
    /// That the object has changed since.
    Precondition {
        "412": "`PRECONDITION_FAILED`: it is not at the version that `If-Match` names; get it again",
    }
    /// That the execution did not complete. It is listed after `CommonErrors`, whose 500 and 504 it
    /// widens.
    NotCompleted {
        "500": "`WORKFLOW_EXECUTION_ERROR`: the execution failed, `errors` has its id, the step and the cause; `INTERNAL_ERROR`: a fault of the server, its log has the request id",
        "504": "`EXECUTION_TIMEOUT`: the execution was stopped; `errors` has its id; `TIMEOUT`: the request took too long",
    }
}
