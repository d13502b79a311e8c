"""The exceptions of this package, and the mapping from error codes.

All of them derive from `ABIError`. An unknown code gets the class of its HTTP status.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import stepwell
from pydantic import BaseModel, ConfigDict


class ErrorItem(BaseModel):
    """One problem. `field` is None if it concerns the whole request."""

    model_config = ConfigDict(extra="allow")

    code: Optional[str] = None
    detail: str = ""
    field: Optional[str] = None


def _reconstruct(kind: type[ABIError], args: tuple[Any, ...]) -> ABIError:
    """Used by copy and pickle, since `__init__` has more required arguments than the message."""
    return kind.__new__(kind, *args)


class ABIError(Exception):
    """Base class of all errors. `code` is stable and meant for programs, `message` for people;
    `errors` lists each problem. `status` is the HTTP status, and `request_id` identifies the
    request in the server's log (both None: there was no response). `retry_after` is the
    `Retry-After` of the response in seconds (None: no such header)."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: Optional[int] = None,
        errors: Sequence[ErrorItem] = (),
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.errors = list(errors)
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def field(self) -> Optional[str]:
        """The first field in `errors`."""
        return next((error.field for error in self.errors if error.field), None)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reconstruct, (type(self), self.args), self.__dict__


class ValidationError(ABIError):
    """400, 422: the request is invalid; see `errors`."""


class InvalidWorkflowConfigError(ValidationError):
    """`INVALID_WORKFLOW_CONFIG`"""


class InvalidParametersError(ValidationError):
    """`INVALID_PARAMETERS`"""


class InvalidScheduleError(ValidationError):
    """`INVALID_SCHEDULE`"""


class ParameterValidationError(ValidationError):
    """`PARAMETER_VALIDATION_ERROR`: the parameters do not match the workflow's inputs."""


class AuthenticationError(ABIError):
    """401: the token is missing, invalid, expired or revoked."""


class PermissionDeniedError(ABIError):
    """403: the token does not have the scope that the message names."""


class ResourceNotFoundError(ABIError):
    """404: the object does not exist, or is not visible to the token."""


class WorkflowNotFoundError(ResourceNotFoundError):
    """`WORKFLOW_NOT_FOUND`"""


class ExecutionNotFoundError(ResourceNotFoundError):
    """`EXECUTION_NOT_FOUND`"""


class ScheduleNotFoundError(ResourceNotFoundError):
    """`SCHEDULE_NOT_FOUND`"""


class ConflictError(ABIError):
    """409, 412: the current state of the object does not allow this."""


class IntegrationMissingError(ConflictError):
    """`INTEGRATION_MISSING`: an integration that the workflow requires is not connected."""


class WorkflowInactiveError(ConflictError):
    """`WORKFLOW_INACTIVE`: activate it first."""


class PreconditionFailedError(ConflictError):
    """`PRECONDITION_FAILED`: the object was changed since it was read."""


class RateLimitExceededError(ABIError):
    """`RATE_LIMIT_EXCEEDED`, even after the retries."""


class ServerError(ABIError):
    """5xx: the server failed."""


class WorkflowExecutionError(ServerError):
    """`WORKFLOW_EXECUTION_ERROR`: the execution ended without a result. `step` is None if no
    single step is the cause; `cause` has the details."""

    execution_id: Optional[str] = None
    step: Optional[str] = None
    cause: Optional[stepwell.Failure] = None


class ExecutionTimeoutError(WorkflowExecutionError):
    """`EXECUTION_TIMEOUT`: the execution exceeded its timeout."""


class ConnectionFailedError(ABIError):
    """`CONNECTION_FAILED`: there was no response."""


class RequestTimeoutError(ConnectionFailedError):
    """`REQUEST_TIMEOUT`: no response in time. The server may still process the request."""


_BY_CODE: Mapping[str, type[ABIError]] = {
    "INVALID_WORKFLOW_CONFIG": InvalidWorkflowConfigError,
    "INVALID_PARAMETERS": InvalidParametersError,
    "INVALID_SCHEDULE": InvalidScheduleError,
    "WORKFLOW_NOT_FOUND": WorkflowNotFoundError,
    "EXECUTION_NOT_FOUND": ExecutionNotFoundError,
    "SCHEDULE_NOT_FOUND": ScheduleNotFoundError,
    "INTEGRATION_MISSING": IntegrationMissingError,
    "WORKFLOW_INACTIVE": WorkflowInactiveError,
    "PRECONDITION_FAILED": PreconditionFailedError,
    "PARAMETER_VALIDATION_ERROR": ParameterValidationError,
    "RATE_LIMIT_EXCEEDED": RateLimitExceededError,
    "WORKFLOW_EXECUTION_ERROR": WorkflowExecutionError,
    "EXECUTION_TIMEOUT": ExecutionTimeoutError,
    "CONNECTION_FAILED": ConnectionFailedError,
    "REQUEST_TIMEOUT": RequestTimeoutError,
}

_BY_STATUS: Mapping[int, type[ABIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: ResourceNotFoundError,
    409: ConflictError,
    412: ConflictError,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimitExceededError,
}


def from_stepwell_error(error: stepwell.StepwellError) -> ABIError:
    """Converts an exception of `stepwell`."""
    if isinstance(error, stepwell.ExecutionFailedError):
        return _execution_error(error)
    if not isinstance(error, stepwell.APIError):
        kind = _BY_CODE.get(error.code, ABIError)
        return kind(error.message, code=error.code, request_id=error.request_id)
    fallback = ServerError if error.status >= 500 else ABIError
    kind = _BY_CODE.get(error.code) or _BY_STATUS.get(error.status, fallback)
    return kind(
        error.message,
        code=error.code,
        status=error.status,
        errors=_error_items(error.body),
        request_id=error.request_id,
        retry_after=error.retry_after,
    )


def _execution_error(error: stepwell.ExecutionFailedError) -> ABIError:
    """The error of an execution that ended without a result."""
    timed_out = error.execution.status == "timed_out"
    kind = ExecutionTimeoutError if timed_out else WorkflowExecutionError
    code, status = ("EXECUTION_TIMEOUT", 504) if timed_out else ("WORKFLOW_EXECUTION_ERROR", 500)
    converted = kind(error.message, code=code, status=status)
    converted.execution_id, converted.step = error.execution_id, error.step
    if isinstance(error.failure, stepwell.Failure):
        converted.cause = error.failure
    return converted


def _error_items(body: Any) -> list[ErrorItem]:
    errors = body.get("errors") if isinstance(body, dict) else None
    result = errors if isinstance(errors, list) else []
    return [ErrorItem.model_validate(item) for item in result if isinstance(item, dict)]
