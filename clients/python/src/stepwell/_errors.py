"""The exceptions of this package.

All of them derive from `StepwellError` and have `code`, `message`, `details` and `request_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from ._models import ErrorDetail

if TYPE_CHECKING:
    from . import _management_models as mm
    from ._models import Execution


def _reconstruct(kind: type[StepwellError], args: tuple[Any, ...]) -> StepwellError:
    """Used by copy and pickle, since `__init__` has more required arguments than the message."""
    return kind.__new__(kind, *args)


class StepwellError(Exception):
    """Base class of all errors.

    `code` is stable and meant for programs, `message` for people; `details` lists each problem
    with its path, and `request_id` identifies the request in the server's log (None: there was no
    response).
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        details: Sequence[ErrorDetail] = (),
        request_id: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = list(details)
        self.request_id = request_id

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        return f"{text} (request {self.request_id})" if self.request_id else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _reconstruct, (type(self), self.args), self.__dict__


class APIError(StepwellError):
    """The server rejected the request. `status` is the HTTP status, `body` the body of the response
    and `retry_after` its `Retry-After` in seconds (None: no such header)."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        details: Sequence[ErrorDetail] = (),
        request_id: Optional[str] = None,
        body: Any = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message, code=code, details=details, request_id=request_id)
        self.status = status
        self.body = body
        self.retry_after = retry_after


class BadRequestError(APIError):
    """400, 413, 415, 422: the request is invalid."""


class AuthenticationError(APIError):
    """401: the API key is missing, invalid, expired or revoked."""


class ForbiddenError(APIError):
    """403: the key does not have the scope that the message names."""


class NotFoundError(APIError):
    """404: the object does not exist, or is not visible to the key."""


class ConflictError(APIError):
    """409: the current state of the object does not allow this."""


class PreconditionFailedError(ConflictError):
    """412: the object has another version than the one that the call names. Get it again."""


class RateLimitError(APIError):
    """429: too many requests, even after the retries."""


class ServerError(APIError):
    """5xx: the server failed."""


class UnavailableError(ServerError):
    """503: the server is temporarily unavailable, even after the retries."""


class ExecutionNotCompletedError(ServerError):
    """500 `WORKFLOW_EXECUTION_ERROR`, 504 `EXECUTION_TIMEOUT`: the execution that the call waited
    for failed, was cancelled or timed out. `step` is None if no single step is the cause."""

    @property
    def execution_id(self) -> Optional[str]:
        """The id of the execution."""
        return _optional_str(self._first_error.get("execution_id"))

    @property
    def step(self) -> Optional[str]:
        """The step that failed."""
        return _optional_str(self._first_error.get("step"))

    @property
    def failure(self) -> Optional[mm.Failure]:
        """The cause of the failure."""
        from ._management_models import Failure

        cause = self._first_error.get("cause")
        return Failure.model_validate(cause) if isinstance(cause, dict) else None

    @property
    def _first_error(self) -> Mapping[str, Any]:
        errors = self.body.get("errors") if isinstance(self.body, dict) else None
        return errors[0] if isinstance(errors, list) and errors else {}


class ConnectionFailedError(StepwellError):
    """The server could not be reached, or the connection broke. Code `CONNECTION_FAILED`."""

    def __init__(self, message: str, *, execution_id: Optional[str] = None) -> None:
        super().__init__(message, code="CONNECTION_FAILED")
        self.execution_id = execution_id


class RequestTimeoutError(ConnectionFailedError):
    """The server did not respond in time. It may still process the request.

    Code `REQUEST_TIMEOUT`.
    """

    def __init__(self, message: str, *, execution_id: Optional[str] = None) -> None:
        super().__init__(message, execution_id=execution_id)
        self.code = "REQUEST_TIMEOUT"


class UnexpectedResponseError(StepwellError):
    """The response cannot be decoded; perhaps it is not from a Stepwell server.

    Code `UNEXPECTED_RESPONSE`.
    """

    def __init__(self, message: str, *, request_id: Optional[str] = None) -> None:
        super().__init__(message, code="UNEXPECTED_RESPONSE", request_id=request_id)


class WaitTimeoutError(StepwellError):
    """The execution had not ended within the timeout of `wait` or `run`. It continues.

    Code `WAIT_TIMEOUT`; the execution is `execution_id`.
    """

    def __init__(self, execution_id: str, timeout: float) -> None:
        super().__init__(
            f"{execution_id} did not end within {timeout:g} s; it continues", code="WAIT_TIMEOUT"
        )
        self.execution_id = execution_id


class ExecutionFailedError(StepwellError):
    """Raised by `raise_for_status` of an execution that failed, timed out or was cancelled."""

    def __init__(self, execution: Union[Execution, mm.Execution]) -> None:
        error = execution.error
        super().__init__(
            error.message if error else f"{execution.execution_id} is {execution.status}",
            code=error.code if error else str(execution.status),
        )
        self.execution = execution


class WebhookVerificationError(StepwellError):
    """Raised by `verify_webhook`: the signature is invalid, or the request is too old.

    Code `WEBHOOK_NOT_VERIFIED`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, code="WEBHOOK_NOT_VERIFIED")


_BY_STATUS: Mapping[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: BadRequestError,
    415: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
    503: UnavailableError,
}


_EXECUTION_ERROR_CODES = frozenset({"WORKFLOW_EXECUTION_ERROR", "EXECUTION_TIMEOUT"})


def api_error(
    status: int, body: Any, request_id: Optional[str], retry_after: Optional[float]
) -> APIError:
    """The exception for an unsuccessful response; `body` is its JSON, or its text."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIError)
    code, message, details, body_request_id = _parse_error_body(body)
    if status >= 500 and code in _EXECUTION_ERROR_CODES:
        kind = ExecutionNotCompletedError
    return kind(
        message or f"the server returned status {status}",
        code=code or f"HTTP_{status}",
        status=status,
        details=details,
        request_id=body_request_id or request_id,
        body=body,
        retry_after=retry_after,
    )


def _parse_error_body(
    body: Any,
) -> tuple[Optional[str], Optional[str], list[ErrorDetail], Optional[str]]:
    """Code, message, details and request id of an error of any of the server's three APIs."""
    if not isinstance(body, dict):
        text = str(body)[:200] if body else None
        return None, text, [], None
    if isinstance(body.get("error"), dict):
        body = body["error"]
    errors = body.get("details") or body.get("errors") or []
    errors = [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    details = [
        ErrorDetail(
            path=str(item.get("path") or item.get("field") or ""),
            message=str(item.get("message") or item.get("detail") or ""),
            expected=_optional_str(item.get("expected")),
            found=_optional_str(item.get("found")),
        )
        for item in errors
    ]
    code = body.get("code") or next((item["code"] for item in errors if item.get("code")), None)
    message = body.get("message") or body.get("detail")
    return (
        _optional_str(code),
        _optional_str(message),
        details,
        _optional_str(body.get("request_id")),
    )


def _optional_str(value: Any) -> Optional[str]:
    return None if value is None else str(value)
