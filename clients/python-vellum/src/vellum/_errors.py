"""The one exception. The server says the codes of executions that failed."""

from __future__ import annotations

from typing import Any, Optional

import stepwell

# What a refused request to execute is: nothing was started.
INITIALIZATION = "WORKFLOW_INITIALIZATION_ERROR"


def _bare(kind: type[VellumError], args: tuple[Any, ...]) -> VellumError:
    """What copying and pickling begin with: `__init__` would want more than the message."""
    return kind.__new__(kind, *args)


class VellumError(Exception):
    """A request was refused, or its execution failed.

    `code` is `WORKFLOW_INITIALIZATION_ERROR`, `NODE_EXECUTION_ERROR` or a code of the server;
    `raw_code` is always the server's. `execution_id` is None where nothing was executed.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        raw_code: Optional[str] = None,
        execution_id: Optional[str] = None,
        request_id: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.raw_code = raw_code or code
        self.execution_id = execution_id
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _bare, (type(self), self.args), self.__dict__


def rejected(response: stepwell.ExecuteWorkflowResponse) -> VellumError:
    """The exception for an execution that failed."""
    error = response.data.error
    code = error.code if error else "INTERNAL_SERVER_ERROR"
    return VellumError(
        error.message if error else "the execution was rejected",
        code=getattr(error, "error_code", None) or code,
        raw_code=code,
        execution_id=response.execution_id,
    )


def failed(error: stepwell.StepwellError, executing: bool) -> VellumError:
    """The exception for a request without a good answer. `executing`: it was to start one."""
    not_started = isinstance(error, (stepwell.BadRequestError, stepwell.NotFoundError))
    return VellumError(
        error.message,
        code=INITIALIZATION if executing and not_started else error.code,
        raw_code=error.code,
        execution_id=getattr(error, "execution_id", None),
        request_id=error.request_id,
    )
