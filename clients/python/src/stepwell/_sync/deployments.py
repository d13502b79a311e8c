# Made of `_async/deployments.py` by `scripts/make_sync.py`: change that one.
"""Executing deployments: `/v1/execute-workflow` and its neighbours."""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional, Sequence, Union

import httpx
from typing_extensions import Unpack

from .. import _deployment_models as d
from .._call import EXECUTE_TIMEOUT, Call, broken, get, given, model, nothing, path, plain, post
from .._deployments import (
    Actual,
    DeploymentOptions,
    Inputs,
    StreamOptions,
    StreamReader,
    SyncOptions,
    body_of,
)
from .transport import Transport


class Deployments(Transport):
    """The calls on deployments."""

    def execute_workflow(
        self, inputs: Inputs, **options: Unpack[SyncOptions]
    ) -> d.ExecuteWorkflowResponse:
        """Executes a deployment and answers with its outputs, or with its error as `data.error`.

        `inputs` maps names to values, or is a list of `{"name", "type", "value"}`, where `type`
        may be left out.
        """
        call = post(
            "/v1/execute-workflow",
            model(d.ExecuteWorkflowResponse),
            body_of(inputs, options, SyncOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout") or EXECUTE_TIMEOUT,
        )
        return self._send(call)

    def execute_workflow_async(
        self, inputs: Inputs, **options: Unpack[DeploymentOptions]
    ) -> d.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment; look with `workflow_execution_status`."""
        call = post(
            "/v1/execute-workflow-async",
            model(d.ExecuteWorkflowAsyncResponse),
            body_of(inputs, options, DeploymentOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout"),
        )
        return self._send(call)

    def execute_workflow_stream(
        self, inputs: Inputs, **options: Unpack[StreamOptions]
    ) -> Generator[d.WorkflowStreamEvent, None, None]:
        """Executes a deployment and yields its events as they happen; nothing is sent before the
        loop begins. `timeout` is how many seconds the stream may be quiet.

        Raises `ConnectionFailedError`, with the execution's id, where the stream breaks off.
        Leaving the loop early closes the connection and does not stop the execution.
        """
        call = post(
            "/v1/execute-workflow-stream",
            nothing,
            body_of(inputs, options, StreamOptions),
            key=options.get("idempotency_key"),
            timeout=options.get("timeout") or EXECUTE_TIMEOUT,
        )
        return self._stream(call)

    def _stream(self, call: Call[None]) -> Generator[d.WorkflowStreamEvent, None, None]:
        reader = StreamReader()
        answer = self._answer(call, stream=True)
        try:
            if not answer.is_success:
                answer.read()
                call.result(answer)
            for chunk in answer.iter_bytes():
                for event in reader.feed(chunk):
                    yield event
            for event in reader.close():
                yield event
        except httpx.RequestError as error:
            raise broken(error, self._settings.shown, reader.execution_id) from error
        finally:
            answer.close()

    def workflow_execution_status(self, execution_id: str) -> d.WorkflowExecutionStatus:
        """Where an execution of a deployment stands."""
        where = path("/v1/workflows/executions/{}/status", execution_id)
        return self._send(get(where, model(d.WorkflowExecutionStatus)))

    def submit_workflow_execution_actuals(
        self,
        actuals: Sequence[Union[Actual, Mapping[str, Any]]],
        *,
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> None:
        """Tells how good the outputs of executions were, and what they should have been: all of
        it is stored, or nothing. The execution is named here or in each actual."""
        names = given(execution_id=execution_id, external_id=external_id)
        body = {"actuals": [plain(actual) for actual in actuals], **names}
        where = "/v1/submit-workflow-execution-actuals"
        self._send(post(where, nothing, body, key=idempotency_key))
