"""The client, a thin layer on `stepwell`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Optional, Union

import stepwell
from stepwell import vellum as types
from typing_extensions import TypedDict, Unpack

from ._errors import execution_error, request_error
from ._events import StreamEvent, with_outputs


class DeploymentOptions(TypedDict, total=False):
    """Options of the three calls that execute a deployment. Pass its id or its name; both must agree."""

    workflow_deployment_id: Optional[str]
    workflow_deployment_name: Optional[str]
    release_tag: Optional[str]
    external_id: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    previous_execution_id: Optional[str]
    idempotency_key: Optional[str]
    timeout: Optional[float]


class SyncOptions(DeploymentOptions, total=False):
    """Options of `execute_workflow`."""

    expand_meta: Optional[Mapping[str, bool]]


class StreamOptions(SyncOptions, total=False):
    """Options of `execute_workflow_stream`; `event_types` are WORKFLOW (the default) and NODE."""

    event_types: Optional[Sequence[types.EventType]]


class Client:
    """`stepwell.Client` with the methods and exceptions of this module.

    `base_url` defaults to `STEPWELL_URL`. `timeout` is in seconds, for each request; None: the
    defaults of `stepwell`.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        max_retries: int = 3,
    ) -> None:
        self._client_options: dict[str, Any] = {
            "api_key": api_key,
            "base_url": base_url,
            "max_retries": max_retries,
        }
        if timeout is not None:
            self._client_options["timeout"] = timeout
        self._timeout = timeout
        self._client = stepwell.Client(**self._client_options)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def execute_workflow(
        self, *, inputs: types.Inputs, **options: Unpack[SyncOptions]
    ) -> types.ExecuteWorkflowResponse:
        """Executes a deployment (`workflow_deployment_name` or `workflow_deployment_id`) and
        returns its outputs. Raises `VellumError`, also if the execution fails."""
        options.setdefault("timeout", self._timeout)
        try:
            response = self._client.vellum.execute_workflow(inputs, **options)
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=True) from error
        if response.data.state == "REJECTED":
            raise execution_error(response)
        return response

    def execute_workflow_async(
        self, *, inputs: types.Inputs, **options: Unpack[DeploymentOptions]
    ) -> types.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment. `workflow_execution_status` returns its status."""
        options.setdefault("timeout", self._timeout)
        try:
            return self._client.vellum.execute_workflow_async(inputs, **options)
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=True) from error

    def workflow_execution_status(self, execution_id: str) -> types.WorkflowExecutionStatus:
        """Returns the status of an execution. A failed one has an `error`."""
        try:
            return self._client.vellum.workflow_execution_status(execution_id)
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=False) from error

    def execute_workflow_stream(
        self, *, inputs: types.Inputs, **options: Unpack[StreamOptions]
    ) -> WorkflowStream:
        """Executes a deployment and streams its events to one `for` or `async for`. The request is
        sent when the iteration starts."""
        options.setdefault("timeout", self._timeout)
        return WorkflowStream(self._client, self._client_options, inputs, options)

    def submit_workflow_execution_actuals(
        self,
        *,
        actuals: Sequence[Union[types.Actual, Mapping[str, Any]]],
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
    ) -> None:
        """Submits feedback on the outputs of executions."""
        try:
            self._client.vellum.submit_workflow_execution_actuals(
                actuals, execution_id=execution_id, external_id=external_id
            )
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=False) from error


class WorkflowStream:
    """The events of one execution, for one `for` or `async for`.

    The iteration executes the workflow, so a second one raises RuntimeError.
    """

    def __init__(
        self,
        client: stepwell.Client,
        client_options: Mapping[str, Any],
        inputs: types.Inputs,
        options: StreamOptions,
    ) -> None:
        self._client = client
        self._client_options = client_options
        self._inputs = inputs
        self._options = options
        self._is_consumed = False

    def _mark_consumed(self) -> None:
        if self._is_consumed:
            raise RuntimeError("this stream was already read; execute the workflow again")
        self._is_consumed = True

    def __iter__(self) -> Generator[StreamEvent, None, None]:
        self._mark_consumed()
        try:
            for event in self._client.vellum.execute_workflow_stream(
                self._inputs, **self._options
            ):
                yield with_outputs(event)
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=True) from error

    async def __aiter__(self) -> AsyncGenerator[StreamEvent, None]:
        self._mark_consumed()
        # A new client, since asyncio connections belong to one event loop.
        try:
            async with stepwell.AsyncClient(**self._client_options) as client:
                async for event in client.vellum.execute_workflow_stream(
                    self._inputs, **self._options
                ):
                    yield with_outputs(event)
        except stepwell.StepwellError as error:
            raise request_error(error, is_execution=True) from error
