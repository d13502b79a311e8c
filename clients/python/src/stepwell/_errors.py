"""Every exception that this package raises.

All of them are a `StepwellError` and carry `code`, `message`, `details` and `request_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from ._models import ErrorDetail

if TYPE_CHECKING:
    from . import _management_models as mm
    from ._models import Execution


def _bare(kind: type[StepwellError], args: tuple[Any, ...]) -> StepwellError:
    """What copying and pickling begin with: `__init__` would want more than the message."""
    return kind.__new__(kind, *args)


class StepwellError(Exception):
    """Anything that went wrong between a call and its result.

    `code` is stable and for programs, `message` is for people, `details` lists each problem with
    its place, and `request_id` finds the request in the server's log (None: it never got there).
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
        return _bare, (type(self), self.args), self.__dict__


class APIError(StepwellError):
    """The server refused the request. `status` is the HTTP status, `body` the answer as it came,
    `retry_after` how many seconds the server asks to wait (None: it does not)."""

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
    """400, 413, 415, 422: the request has to be changed."""


class AuthenticationError(APIError):
    """401: no key, or one that is not accepted."""


class ForbiddenError(APIError):
    """403: the key lacks a scope, which the message names."""


class NotFoundError(APIError):
    """404: there is no such object, or the key does not see it."""


class ConflictError(APIError):
    """409: the object is not in a state that allows this."""


class PreconditionFailedError(ConflictError):
    """412: the object was changed since the version that the call was for. Look again."""


class RateLimitError(APIError):
    """429: too many requests, also after the retries."""


class ServerError(APIError):
    """5xx: the server could not do it."""


class UnavailableError(ServerError):
    """503: the server cannot do it at the moment, also after the retries."""


class ExecutionNotCompletedError(ServerError):
    """500 `WORKFLOW_EXECUTION_ERROR`, 504 `EXECUTION_TIMEOUT`: the execution that the call waited
    for failed, was cancelled, or took longer than it may, and has ended. `step` is None where it
    was the execution as a whole."""

    @property
    def execution_id(self) -> Optional[str]:
        """The execution."""
        return _text(self._said.get("execution_id"))

    @property
    def step(self) -> Optional[str]:
        """The step that failed."""
        return _text(self._said.get("step"))

    @property
    def failure(self) -> Optional[mm.Failure]:
        """Why."""
        from ._management_models import Failure

        cause = self._said.get("cause")
        return Failure.model_validate(cause) if isinstance(cause, dict) else None

    @property
    def _said(self) -> Mapping[str, Any]:
        errors = self.body.get("errors") if isinstance(self.body, dict) else None
        return errors[0] if isinstance(errors, list) and errors else {}


class ConnectionFailedError(StepwellError):
    """The server was not reached, or the connection broke off. Code `CONNECTION_FAILED`."""

    def __init__(self, message: str, *, execution_id: Optional[str] = None) -> None:
        super().__init__(message, code="CONNECTION_FAILED")
        self.execution_id = execution_id


class RequestTimeoutError(ConnectionFailedError):
    """The server did not answer in time. What the request asked for may still happen.

    Code `REQUEST_TIMEOUT`.
    """

    def __init__(self, message: str, *, execution_id: Optional[str] = None) -> None:
        super().__init__(message, execution_id=execution_id)
        self.code = "REQUEST_TIMEOUT"


class UnexpectedAnswerError(StepwellError):
    """The answer is not what this client knows: perhaps something in between answered.

    Code `UNEXPECTED_ANSWER`.
    """

    def __init__(self, message: str, *, request_id: Optional[str] = None) -> None:
        super().__init__(message, code="UNEXPECTED_ANSWER", request_id=request_id)


class WaitTimeoutError(StepwellError):
    """The execution had not ended when the patience of `wait` or `run` was over; it goes on.

    Code `WAIT_TIMEOUT`; `execution_id` tells where to look.
    """

    def __init__(self, execution_id: str, timeout: float) -> None:
        super().__init__(
            f"{execution_id} had not ended after {timeout:g} s; it goes on", code="WAIT_TIMEOUT"
        )
        self.execution_id = execution_id


class ExecutionFailedError(StepwellError):
    """Raised by `raise_for_status` of an execution only: it failed, ran out of time, or was
    cancelled."""

    def __init__(self, execution: Union[Execution, mm.Execution]) -> None:
        error = execution.error
        super().__init__(
            error.message if error else f"{execution.execution_id} is {execution.status}",
            code=error.code if error else str(execution.status),
        )
        self.execution = execution


class WebhookVerificationError(StepwellError):
    """Raised by `verify_webhook` only: the request is not one of Stepwell's, or too old.

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


_NOT_COMPLETED = frozenset({"WORKFLOW_EXECUTION_ERROR", "EXECUTION_TIMEOUT"})


def api_error(
    status: int, body: Any, request_id: Optional[str], retry_after: Optional[float]
) -> APIError:
    """The exception for an answer; `body` is the parsed JSON, or the text where it was none."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIError)
    code, message, details, named = _read(body)
    if status >= 500 and code in _NOT_COMPLETED:
        kind = ExecutionNotCompletedError
    return kind(
        message or f"the server answered {status}",
        code=code or f"HTTP_{status}",
        status=status,
        details=details,
        request_id=named or request_id,
        body=body,
        retry_after=retry_after,
    )


def _read(body: Any) -> tuple[Optional[str], Optional[str], list[ErrorDetail], Optional[str]]:
    """Code, message, details, and request id from any of the server's three forms of errors."""
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
            expected=_text(item.get("expected")),
            found=_text(item.get("found")),
        )
        for item in errors
    ]
    code = body.get("code") or next((item["code"] for item in errors if item.get("code")), None)
    message = body.get("message") or body.get("detail")
    return _text(code), _text(message), details, _text(body.get("request_id"))


def _text(value: Any) -> Optional[str]:
    return None if value is None else str(value)
