"""Every exception of this package, and the one table from codes to them.

All of them are an `ABIError`. One of a code that is not known here has the class of its status.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import stepwell
from pydantic import BaseModel, ConfigDict
from stepwell.management import Execution, Failure


class ErrorItem(BaseModel):
    """One problem. `field` is None where it is about the request as a whole."""

    model_config = ConfigDict(extra="allow")

    code: Optional[str] = None
    detail: str = ""
    field: Optional[str] = None


def _bare(kind: type[ABIError], args: tuple[Any, ...]) -> ABIError:
    """What copying and pickling begin with: `__init__` would want more than the message."""
    return kind.__new__(kind, *args)


class ABIError(Exception):
    """A call failed. `code` is stable and for programs, `message` is for people, `errors` lists
    each problem; `status` is the HTTP status and `request_id` finds the request in the server's
    log (both None: there was no answer); `retry_after` is how many seconds the server asks to wait
    (None: it does not)."""

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
        """The field that the first of the problems is about."""
        return next((error.field for error in self.errors if error.field), None)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _bare, (type(self), self.args), self.__dict__


class ValidationError(ABIError):
    """400, 422: the request has to be changed, as `errors` says."""


class InvalidWorkflowConfigError(ValidationError):
    """`INVALID_WORKFLOW_CONFIG`"""


class InvalidParametersError(ValidationError):
    """`INVALID_PARAMETERS`"""


class InvalidScheduleError(ValidationError):
    """`INVALID_SCHEDULE`"""


class ParameterValidationError(ValidationError):
    """`PARAMETER_VALIDATION_ERROR`: the parameters do not fit the workflow's inputs."""


class AuthenticationError(ABIError):
    """401: no token, or one that is not accepted (any more)."""


class PermissionDeniedError(ABIError):
    """403: the token lacks a scope, which the message names."""


class ResourceNotFoundError(ABIError):
    """404: there is no such object, or the token does not see it."""


class WorkflowNotFoundError(ResourceNotFoundError):
    """`WORKFLOW_NOT_FOUND`"""


class ExecutionNotFoundError(ResourceNotFoundError):
    """`EXECUTION_NOT_FOUND`"""


class ScheduleNotFoundError(ResourceNotFoundError):
    """`SCHEDULE_NOT_FOUND`"""


class ConflictError(ABIError):
    """409, 412: the object is not in a state that allows this."""


class IntegrationMissingError(ConflictError):
    """`INTEGRATION_MISSING`: an integration that the workflow requires is not connected."""


class WorkflowInactiveError(ConflictError):
    """`WORKFLOW_INACTIVE`: activate it first."""


class PreconditionFailedError(ConflictError):
    """`PRECONDITION_FAILED`: the object was changed since it was looked at."""


class RateLimitExceededError(ABIError):
    """`RATE_LIMIT_EXCEEDED`, also after the retries."""


class ServerError(ABIError):
    """5xx: the server could not do it."""


class WorkflowExecutionError(ServerError):
    """`WORKFLOW_EXECUTION_ERROR`: the execution ended without a result. `step` is None where it
    was the execution as a whole; `cause` tells why."""

    execution_id: Optional[str] = None
    step: Optional[str] = None
    cause: Optional[Failure] = None


class ExecutionTimeoutError(WorkflowExecutionError):
    """`EXECUTION_TIMEOUT`: the execution took longer than it may, and was stopped."""


class ConnectionFailedError(ABIError):
    """`CONNECTION_FAILED`: there was no answer."""


class RequestTimeoutError(ConnectionFailedError):
    """`REQUEST_TIMEOUT`: there was no answer in time. What was asked for may still happen."""


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


def of(error: stepwell.StepwellError) -> ABIError:
    """The exception of this package for one of `stepwell`."""
    if isinstance(error, stepwell.ExecutionFailedError):
        return _ended(error)
    if not isinstance(error, stepwell.APIError):
        kind = _BY_CODE.get(error.code, ABIError)
        return kind(error.message, code=error.code, request_id=error.request_id)
    fallback = ServerError if error.status >= 500 else ABIError
    kind = _BY_CODE.get(error.code) or _BY_STATUS.get(error.status, fallback)
    made = kind(
        error.message,
        code=error.code,
        status=error.status,
        errors=_items(error.body),
        request_id=error.request_id,
        retry_after=error.retry_after,
    )
    if isinstance(made, WorkflowExecutionError):
        if isinstance(error, stepwell.ExecutionNotCompletedError):
            made.execution_id, made.step, made.cause = error.execution_id, error.step, error.failure
    return made


def _ended(error: stepwell.ExecutionFailedError) -> ABIError:
    """For an execution that was looked at until it ended: the same as where the server waits."""
    timed_out = error.execution.status == "timed_out"
    kind = ExecutionTimeoutError if timed_out else WorkflowExecutionError
    code = "EXECUTION_TIMEOUT" if timed_out else "WORKFLOW_EXECUTION_ERROR"
    made = kind(error.message, code=code)
    made.execution_id = error.execution.execution_id
    if isinstance(error.execution, Execution) and error.execution.error:
        made.cause = error.execution.error
        made.step = error.execution.error.step
    return made


def _items(body: Any) -> list[ErrorItem]:
    errors = body.get("errors") if isinstance(body, dict) else None
    found = errors if isinstance(errors, list) else []
    return [ErrorItem.model_validate(item) for item in found if isinstance(item, dict)]
