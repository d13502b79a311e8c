"""The client, a thin layer over `stepwell`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Optional, Union

import stepwell
from typing_extensions import Unpack

from ._errors import failed, rejected


class Client:
    """As `stepwell.Client`, with the methods and exceptions of this module.

    `base_url` comes from `STEPWELL_URL` where it is not given. `timeout` is in seconds, for each
    request; None: the defaults of `stepwell`.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        max_retries: int = 3,
    ) -> None:
        self._made_with: dict[str, Any] = {
            "api_key": api_key,
            "base_url": base_url,
            "max_retries": max_retries,
        }
        if timeout is not None:
            self._made_with["timeout"] = timeout
        self._timeout = timeout
        self._client = stepwell.Client(**self._made_with)

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
        self, *, inputs: stepwell.Inputs, **options: Unpack[stepwell.SyncOptions]
    ) -> stepwell.ExecuteWorkflowResponse:
        """Executes a deployment (`workflow_deployment_name` or `workflow_deployment_id`) and
        answers with its outputs. Raises `VellumError`, also where the execution fails."""
        options.setdefault("timeout", self._timeout)
        try:
            response = self._client.execute_workflow(inputs, **options)
        except stepwell.StepwellError as error:
            raise failed(error, executing=True) from error
        if response.data.state == "REJECTED":
            raise rejected(response)
        return response

    def execute_workflow_async(
        self, *, inputs: stepwell.Inputs, **options: Unpack[stepwell.DeploymentOptions]
    ) -> stepwell.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment; look with `workflow_execution_status`."""
        options.setdefault("timeout", self._timeout)
        try:
            return self._client.execute_workflow_async(inputs, **options)
        except stepwell.StepwellError as error:
            raise failed(error, executing=True) from error

    def workflow_execution_status(self, execution_id: str) -> stepwell.WorkflowExecutionStatus:
        """Where an execution stands. One that failed is an answer, with `error`."""
        try:
            return self._client.workflow_execution_status(execution_id)
        except stepwell.StepwellError as error:
            raise failed(error, executing=False) from error

    def execute_workflow_stream(
        self, *, inputs: stepwell.Inputs, **options: Unpack[stepwell.StreamOptions]
    ) -> WorkflowStream:
        """Executes a deployment and gives its events as they happen, once, to `for` or to
        `async for`. Nothing is sent before the loop begins."""
        options.setdefault("timeout", self._timeout)
        return WorkflowStream(self._client, self._made_with, inputs, options)

    def submit_workflow_execution_actuals(
        self,
        *,
        actuals: Sequence[Union[stepwell.Actual, Mapping[str, Any]]],
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
    ) -> None:
        """Tells what the outputs of executions should have been."""
        try:
            self._client.submit_workflow_execution_actuals(
                actuals, execution_id=execution_id, external_id=external_id
            )
        except stepwell.StepwellError as error:
            raise failed(error, executing=False) from error


class WorkflowStream:
    """The events of one execution, for one `for` or `async for`.

    The loop is what executes the workflow, so a second one is a RuntimeError.
    """

    def __init__(
        self,
        client: stepwell.Client,
        made_with: Mapping[str, Any],
        inputs: stepwell.Inputs,
        options: stepwell.StreamOptions,
    ) -> None:
        self._client = client
        self._made_with = made_with
        self._inputs = inputs
        self._options = options
        self._begun = False

    def _begin(self) -> None:
        if self._begun:
            raise RuntimeError("this stream was read before; execute the workflow again")
        self._begun = True

    def __iter__(self) -> Generator[stepwell.WorkflowStreamEvent, None, None]:
        self._begin()
        try:
            yield from self._client.execute_workflow_stream(self._inputs, **self._options)
        except stepwell.StepwellError as error:
            raise failed(error, executing=True) from error

    async def __aiter__(self) -> AsyncGenerator[stepwell.WorkflowStreamEvent, None]:
        self._begin()
        # A client of its own, since an asyncio connection belongs to one event loop.
        try:
            async with stepwell.AsyncClient(**self._made_with) as client:
                async for event in client.execute_workflow_stream(self._inputs, **self._options):
                    yield event
        except stepwell.StepwellError as error:
            raise failed(error, executing=True) from error
