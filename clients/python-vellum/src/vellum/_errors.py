"""The exception, and its codes."""

from __future__ import annotations

from typing import Any, Optional

import stepwell
from stepwell import vellum as types

# The code of a rejected request to execute; nothing was started.
INITIALIZATION_ERROR = "WORKFLOW_INITIALIZATION_ERROR"


def _reconstruct(kind: type[VellumError], args: tuple[Any, ...]) -> VellumError:
    """Used by copy and pickle, since `__init__` has more required arguments than the message."""
    return kind.__new__(kind, *args)


class VellumError(Exception):
    """A request was rejected, or its execution failed.

    `code` is `WORKFLOW_INITIALIZATION_ERROR`, `NODE_EXECUTION_ERROR` or a code of the server;
    `raw_code` is always the code of the server. `execution_id` is None if nothing was executed.
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
        return _reconstruct, (type(self), self.args), self.__dict__


def execution_error(response: types.ExecuteWorkflowResponse) -> VellumError:
    """The exception for a failed execution."""
    error = response.data.error
    code = error.code if error else "INTERNAL_SERVER_ERROR"
    return VellumError(
        error.message if error else "the execution was rejected",
        code=getattr(error, "error_code", None) or code,
        raw_code=code,
        execution_id=response.execution_id,
    )


def request_error(error: stepwell.StepwellError, is_execution: bool) -> VellumError:
    """The exception for a failed request. `is_execution`: the request executes a workflow."""
    not_started = isinstance(error, (stepwell.BadRequestError, stepwell.NotFoundError))
    return VellumError(
        error.message,
        code=INITIALIZATION_ERROR if is_execution and not_started else error.code,
        raw_code=error.code,
        execution_id=getattr(error, "execution_id", None),
        request_id=error.request_id,
    )
