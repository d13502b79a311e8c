"""The Vellum-compatible API: `client.vellum`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import httpx

from .. import vellum as m
from .._call import Call, build_path, decode_as, get, ignore_body, post, to_json, transport_error
from .._execution_calls import EXECUTE_TIMEOUT
from .._omit import without_none
from .._vellum_calls import DeploymentStreamParser, execute_body
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncVellumWithRawResponse

_STREAM = "/v1/execute-workflow-stream"


class AsyncVellum(AsyncResource):
    """The Vellum-compatible API: `client.vellum`, with the types in `stepwell.vellum`. Every
    workflow is also a deployment, which is executed by its name or id, with an optional release tag
    and your own `external_id`. `inputs` map names to values, or are a list of
    `{"name", "type", "value"}` with optional `type`."""

    @property
    def with_raw_response(self) -> AsyncVellumWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncVellumWithRawResponse

        return AsyncVellumWithRawResponse(self)

    async def execute_workflow(
        self,
        inputs: m.Inputs,
        *,
        workflow_deployment_name: Optional[str] = None,
        workflow_deployment_id: Optional[str] = None,
        release_tag: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        previous_execution_id: Optional[str] = None,
        expand_meta: Optional[Mapping[str, bool]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecuteWorkflowResponse:
        """Executes a deployment and returns its outputs; if it failed, its error is `data.error`.
        Waits up to 10 minutes, or `timeout` seconds."""
        body = execute_body(
            inputs,
            workflow_deployment_name=workflow_deployment_name,
            workflow_deployment_id=workflow_deployment_id,
            release_tag=release_tag,
            external_id=external_id,
            metadata=metadata,
            previous_execution_id=previous_execution_id,
            expand_meta=expand_meta,
        )
        decode, url_path = decode_as(m.ExecuteWorkflowResponse), "/v1/execute-workflow"
        limit = EXECUTE_TIMEOUT if timeout is None else timeout
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=limit))

    async def execute_workflow_async(
        self,
        inputs: m.Inputs,
        *,
        workflow_deployment_name: Optional[str] = None,
        workflow_deployment_id: Optional[str] = None,
        release_tag: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        previous_execution_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment. `workflow_execution_status` returns its status."""
        body = execute_body(
            inputs,
            workflow_deployment_name=workflow_deployment_name,
            workflow_deployment_id=workflow_deployment_id,
            release_tag=release_tag,
            external_id=external_id,
            metadata=metadata,
            previous_execution_id=previous_execution_id,
        )
        decode, url_path = decode_as(m.ExecuteWorkflowAsyncResponse), "/v1/execute-workflow-async"
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    def execute_workflow_stream(
        self,
        inputs: m.Inputs,
        *,
        workflow_deployment_name: Optional[str] = None,
        workflow_deployment_id: Optional[str] = None,
        release_tag: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        previous_execution_id: Optional[str] = None,
        expand_meta: Optional[Mapping[str, bool]] = None,
        event_types: Optional[Sequence[m.EventType]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncGenerator[m.WorkflowStreamEvent, None]:
        """Executes a deployment and yields its events as they happen; `event_types` are `WORKFLOW`
        (the default) and `NODE`. The request is sent when the iteration starts. `timeout` is the
        longest time without data, in seconds.

        Raises `ConnectionFailedError` with the `execution_id` if the stream breaks. Leaving the
        loop early closes the connection and does not stop the execution.
        """
        body = execute_body(
            inputs,
            workflow_deployment_name=workflow_deployment_name,
            workflow_deployment_id=workflow_deployment_id,
            release_tag=release_tag,
            external_id=external_id,
            metadata=metadata,
            previous_execution_id=previous_execution_id,
            expand_meta=expand_meta,
            event_types=event_types,
        )
        limit, url_path = EXECUTE_TIMEOUT if timeout is None else timeout, _STREAM
        return self._stream(post(url_path, ignore_body, body, key=idempotency_key, timeout=limit))

    async def _stream(self, call: Call[None]) -> AsyncGenerator[m.WorkflowStreamEvent, None]:
        parser = DeploymentStreamParser()
        response = await self._client._send_with_retries(call, stream=True)
        try:
            if not response.is_success:
                await response.aread()
                call.decode_response(response)
            async for chunk in response.aiter_bytes():
                for event in parser.feed(chunk):
                    yield event
            for event in parser.close():
                yield event
        except httpx.RequestError as error:
            server = self._client._settings.server_label
            raise transport_error(error, server, parser.execution_id) from error
        finally:
            await response.aclose()

    async def workflow_execution_status(
        self, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.WorkflowExecutionStatus:
        """Returns the status of an execution of a deployment."""
        url_path = build_path("/v1/workflows/executions/{}/status", execution_id)
        return await self._send(
            get(url_path, decode_as(m.WorkflowExecutionStatus), timeout=timeout)
        )

    async def submit_workflow_execution_actuals(
        self,
        actuals: Sequence[Union[m.Actual, Mapping[str, Any]]],
        *,
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> None:
        """Submits feedback on the outputs of executions: their quality, or the expected values.
        Either all actuals are stored or none. The execution is identified here or in each actual.
        `executions.list_actuals` and `workflows.quality` return them."""
        names = without_none(execution_id=execution_id, external_id=external_id)
        body = {"actuals": [to_json(actual) for actual in actuals], **names}
        url_path = "/v1/submit-workflow-execution-actuals"
        await self._send(post(url_path, ignore_body, body, key=idempotency_key, timeout=timeout))
