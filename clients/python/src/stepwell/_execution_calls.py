"""The requests that execute a workflow, as data. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

from ._call import Call, decode_data, post, secret_headers
from ._errors import APIError, UnexpectedResponseError
from ._execution_models import Execution, FileLine
from ._retry import EXECUTION_ERROR_CODES

# Seconds to wait for the response of a request that waits for the end of an execution; the server
# responds earlier.
EXECUTE_TIMEOUT = 600.0


def execution_call(
    url_path: str,
    body: dict[str, Any],
    *,
    execution_timeout: Optional[float],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
    timeout: Optional[float],
) -> Call[Execution]:
    """Executes a workflow, or starts it; the path decides."""
    if execution_timeout is not None:
        body["execution_options"] = {"timeout_seconds": execution_timeout}
    if timeout is None and url_path.endswith("/execute"):
        timeout = EXECUTE_TIMEOUT
    return post(
        url_path,
        decode_data(Execution),
        body,
        key=key,
        headers=secret_headers(secrets),
        timeout=timeout,
    )


def ended_execution_id(error: APIError) -> Optional[str]:
    """The id of the execution whose end the error describes; None for other errors."""
    errors = error.body.get("errors") if isinstance(error.body, dict) else None
    if error.code not in EXECUTION_ERROR_CODES or not isinstance(errors, list) or not errors:
        return None
    return errors[0].get("execution_id") if isinstance(errors[0], dict) else None


def decode_file_line(line: str) -> FileLine:
    """The result of an item in a line of a file."""
    try:
        return FileLine.model_validate(json.loads(line))
    except ValueError as error:
        raise UnexpectedResponseError(f"a line of the file cannot be decoded: {error}") from error
