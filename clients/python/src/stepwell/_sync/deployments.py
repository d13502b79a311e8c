# Generated from `_async/deployments.py` by `scripts/generate_sync.py`. Do not edit.
"""Executing deployments: `/v1/execute-workflow…`."""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional, Sequence, Union

import httpx
from typing_extensions import Unpack

from .. import _deployment_models as d
from .._call import (
    EXECUTE_TIMEOUT,
    Call,
    build_path,
    decode_as,
    get,
    ignore_body,
    post,
    to_json,
    transport_error,
    without_none,
)
from .._deployments import (
    Actual,
    DeploymentOptions,
    DeploymentStreamParser,
    Inputs,
    StreamOptions,
    SyncOptions,
    execute_body,
)
from .transport import Transport


class Deployments(Transport):
    """Calls for deployments."""

    def execute_workflow(
        self, inputs: Inputs, **options: Unpack[SyncOptions]
    ) -> d.ExecuteWorkflowResponse:
        """Executes a deployment and returns its outputs; if it failed, its error is `data.error`.

        `inputs` maps names to values, or is a list of `{"name", "type", "value"}` with optional
        `type`.
        """
        call = post(
            "/v1/execute-workflow",
            decode_as(d.ExecuteWorkflowResponse),
            execute_body(inputs, options, SyncOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout") or EXECUTE_TIMEOUT,
        )
        return self._send(call)

    def execute_workflow_async(
        self, inputs: Inputs, **options: Unpack[DeploymentOptions]
    ) -> d.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment. `workflow_execution_status` returns its status."""
        call = post(
            "/v1/execute-workflow-async",
            decode_as(d.ExecuteWorkflowAsyncResponse),
            execute_body(inputs, options, DeploymentOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout"),
        )
        return self._send(call)

    def execute_workflow_stream(
        self, inputs: Inputs, **options: Unpack[StreamOptions]
    ) -> Generator[d.WorkflowStreamEvent, None, None]:
        """Executes a deployment and yields its events as they happen. The request is sent when the
        iteration starts. `timeout` is the longest time without data, in seconds.

        Raises `ConnectionFailedError` with the `execution_id` if the stream breaks. Leaving the
        loop early closes the connection and does not stop the execution.
        """
        call = post(
            "/v1/execute-workflow-stream",
            ignore_body,
            execute_body(inputs, options, StreamOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout") or EXECUTE_TIMEOUT,
        )
        return self._stream(call)

    def _stream(self, call: Call[None]) -> Generator[d.WorkflowStreamEvent, None, None]:
        parser = DeploymentStreamParser()
        response = self._send_with_retries(call, stream=True)
        try:
            if not response.is_success:
                response.read()
                call.decode_response(response)
            for chunk in response.iter_bytes():
                for event in parser.feed(chunk):
                    yield event
            for event in parser.close():
                yield event
        except httpx.RequestError as error:
            raise transport_error(
                error, self._settings.server_label, parser.execution_id
            ) from error
        finally:
            response.close()

    def workflow_execution_status(self, execution_id: str) -> d.WorkflowExecutionStatus:
        """Returns the status of an execution of a deployment."""
        url_path = build_path("/v1/workflows/executions/{}/status", execution_id)
        return self._send(get(url_path, decode_as(d.WorkflowExecutionStatus)))

    def submit_workflow_execution_actuals(
        self,
        actuals: Sequence[Union[Actual, Mapping[str, Any]]],
        *,
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> None:
        """Submits feedback on the outputs of executions: their quality, or the expected values.
        Either all actuals are stored or none. The execution is identified here or in each actual.
        """
        names = without_none(execution_id=execution_id, external_id=external_id)
        body = {"actuals": [to_json(actual) for actual in actuals], **names}
        url_path = "/v1/submit-workflow-execution-actuals"
        self._send(post(url_path, ignore_body, body, key=idempotency_key))
