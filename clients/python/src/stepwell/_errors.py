"""The exceptions of this package.

All of them derive from `StepwellError` and have `code`, `message`, `details` and `request_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from ._base import ErrorDetail
from ._rate_limit import RateLimit, rate_limit_of
from ._retry import parse_retry_after

if TYPE_CHECKING:
    from . import dataflow
    from ._execution_models import Execution, Failure


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
    """The server rejected the request. `status` is the HTTP status, `headers` and `body` are those
    of the response, and `retry_after` is its `Retry-After` in seconds (None: no such header)."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        details: Sequence[ErrorDetail] = (),
        request_id: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Any = None,
    ) -> None:
        super().__init__(message, code=code, details=details, request_id=request_id)
        self.status = status
        self.headers = dict(headers or {})
        self.body = body

    @property
    def retry_after(self) -> Optional[float]:
        """The `Retry-After` of the response in seconds."""
        return parse_retry_after(self.headers.get("retry-after"))

    @property
    def rate_limit(self) -> Optional[RateLimit]:
        """The rate limit of the key; None if the response does not have it."""
        return rate_limit_of(self.headers)


class BadRequestError(APIError):
    """400, 413, 415, 422: the request is invalid."""


class AuthenticationError(APIError):
    """401: the API key is missing, invalid, expired or revoked."""


class PermissionDeniedError(APIError):
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
    """The execution or bulk operation had not ended within the timeout of the call. It continues.

    Code `WAIT_TIMEOUT`; its id is `execution_id`.
    """

    def __init__(self, execution_id: str, timeout: float) -> None:
        super().__init__(
            f"{execution_id} did not end within {timeout:g} s; it continues", code="WAIT_TIMEOUT"
        )
        self.execution_id = execution_id


class ExecutionFailedError(StepwellError):
    """The execution failed, timed out or was cancelled: raised by `workflows.execute`, and by
    `raise_for_status` of an execution. `code` and `message` are those of the cause, `step` is the
    step that failed (None: no single step is the cause)."""

    def __init__(self, execution: Union[Execution[Any], dataflow.Execution]) -> None:
        names = ("id", "execution_id")
        self.execution_id = str(next(getattr(execution, n) for n in names if hasattr(execution, n)))
        error = execution.error
        super().__init__(
            error.message if error else f"{self.execution_id} is {execution.status}",
            code=error.code if error else str(execution.status).upper(),
        )
        self.execution = execution
        self.step: Optional[str] = getattr(error, "step", getattr(error, "step_id", None))

    @property
    def failure(self) -> Optional[Union[Failure, dataflow.Failure]]:
        """The cause; None for a cancelled execution."""
        return self.execution.error


class NoSuchPageError(StepwellError):
    """Raised by `next_page` of the last page and `previous_page` of the first.

    Code `NO_SUCH_PAGE`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, code="NO_SUCH_PAGE")


class WebhookVerificationError(StepwellError):
    """Raised by `webhooks.verify`: the signature is invalid, or the request is too old.

    Code `WEBHOOK_NOT_VERIFIED`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, code="WEBHOOK_NOT_VERIFIED")


_BY_STATUS: Mapping[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: BadRequestError,
    415: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
    503: UnavailableError,
}


def api_error(status: int, headers: Mapping[str, str], body: Any) -> APIError:
    """The exception for an unsuccessful response; `body` is its JSON, or its text."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIError)
    code, message, details, request_id = _parse_error_body(body)
    return kind(
        message or f"the server returned status {status}",
        code=code or f"HTTP_{status}",
        status=status,
        details=details,
        request_id=request_id or headers.get("x-request-id"),
        headers=headers,
        body=body,
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
            line=_optional_int(item.get("line")),
            column=_optional_int(item.get("column")),
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


def _optional_int(value: Any) -> Optional[int]:
    return value if isinstance(value, int) else None


def _optional_str(value: Any) -> Optional[str]:
    return None if value is None else str(value)
