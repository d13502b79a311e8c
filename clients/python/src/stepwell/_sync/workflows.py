# Generated from `_async/workflows.py` by `scripts/generate_clients.py`. Do not edit.
"""Workflows: `/api/v1/workflows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Optional, TypeVar, Union, overload

from .. import _workflow_models as m
from .._base import Deleted, SortOrder, Timestamp
from .._call import change, decode_data, get, if_match, list_query, post
from .._errors import APIError, ExecutionFailedError
from .._execution_calls import ended_execution_id, execution_call
from .._execution_models import Execution
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import DRY_RUN, EVALUATE, VALIDATE, WORKFLOW, WORKFLOWS
from .._release_models import Quality
from .._result_type import with_result_type
from .._trial_models import DryRun, Evaluation, Validation
from ..definitions import Configuration, Definition
from .executions import get_execution, wait_for_execution
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import WorkflowsWithRawResponse

R = TypeVar("R")

WorkflowOrder = Literal["created_at", "updated_at", "name", "type", "status"]
Integrations = Sequence[Union[m.Integration, Mapping[str, Any]]]


class Workflows(Resource):
    """Workflows: `client.workflows`. The parameter `workflow` is an id or a name; a name is that of
    the newest workflow that has it, and costs one more request."""

    @property
    def with_raw_response(self) -> WorkflowsWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import WorkflowsWithRawResponse

        return WorkflowsWithRawResponse(self)

    def create(
        self,
        name: str,
        *,
        configuration: Union[Configuration, Mapping[str, Any], None] = None,
        type: str = "custom",
        description: Optional[str] = None,
        integrations: Optional[Integrations] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Workflow:
        """Creates a workflow. It is inactive until you call `activate`.

        `configuration` has `steps` and the other fields of a definition, or a whole `definition`.
        An integration is `{"id": …, "required": …}`. `metadata` are labels.
        """
        body = without_none(
            name=name,
            type=type,
            description=description,
            configuration=configuration,
            integrations=integrations,
            metadata=metadata,
        )
        decode = decode_data(m.Workflow)
        return self._send(post(WORKFLOWS, decode, body, key=idempotency_key, timeout=timeout))

    def get(self, workflow: str, *, timeout: Optional[float] = None) -> m.Workflow:
        """Returns a workflow with the counts of its executions."""
        url_path = self._workflow_path(WORKFLOW, workflow)
        return self._send(get(url_path, decode_data(m.Workflow), timeout=timeout))

    def list(
        self,
        *,
        status: Optional[m.WorkflowState] = None,
        type: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        sort_by: Optional[WorkflowOrder] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.Workflow]:
        """Lists workflows, newest first by default. `metadata` are labels that the workflows must
        have."""
        query = list_query(
            status=status,
            type=type,
            metadata=metadata,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(WORKFLOWS, m.Workflow, query, timeout))

    def update(
        self,
        workflow: str,
        *,
        name: Union[str, Omit] = OMIT,
        type: Union[str, Omit] = OMIT,
        description: Union[str, None, Omit] = OMIT,
        configuration: Union[Configuration, Mapping[str, Any], Omit] = OMIT,
        integrations: Union[Integrations, None, Omit] = OMIT,
        metadata: Union[Mapping[str, Any], None, Omit] = OMIT,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> m.Workflow:
        """Updates the given fields. A change of the definition creates the next release. With
        `if_version`, raises `PreconditionFailedError` if the workflow has another `version`."""
        body = given(
            name=name,
            type=type,
            description=description,
            configuration=configuration,
            integrations=integrations,
            metadata=metadata,
        )
        url_path = self._workflow_path(WORKFLOW, workflow)
        decode = decode_data(m.Workflow)
        call = change("PUT", url_path, decode, body, version=if_version, timeout=timeout)
        return self._send(call)

    def activate(
        self,
        workflow: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.WorkflowStatus:
        """Activates a workflow, so that it can be executed."""
        return self._set_status(workflow, "activate", if_version, idempotency_key, timeout)

    def deactivate(
        self,
        workflow: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.WorkflowStatus:
        """Deactivates a workflow: no new executions start, running ones continue."""
        return self._set_status(workflow, "deactivate", if_version, idempotency_key, timeout)

    def _set_status(
        self,
        workflow: str,
        verb: str,
        version: Optional[int],
        key: Optional[str],
        timeout: Optional[float],
    ) -> m.WorkflowStatus:
        url_path = self._workflow_path(WORKFLOW + "/" + verb, workflow)
        decode = decode_data(m.WorkflowStatus)
        headers = if_match(version)
        return self._send(post(url_path, decode, key=key, headers=headers, timeout=timeout))

    def delete(
        self,
        workflow: str,
        *,
        cancel_running: bool = False,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Deleted:
        """Deletes a workflow; its history remains readable. Running executions continue, or are
        cancelled with `cancel_running`; of many, the rest by the bulk operation `operation_id`."""
        url_path = self._workflow_path(WORKFLOW, workflow)
        call = change(
            "DELETE",
            url_path,
            decode_data(Deleted),
            version=if_version,
            timeout=timeout,
            cancel_running="true" if cancel_running else None,
        )
        return self._send(call)

    def get_definition(
        self, workflow: str, *, timeout: Optional[float] = None
    ) -> m.WorkflowDefinition:
        """Returns the definition that the configuration was compiled to."""
        url_path = self._workflow_path(WORKFLOW + "/definition", workflow)
        return self._send(get(url_path, decode_data(m.WorkflowDefinition), timeout=timeout))

    def quality(self, workflow: str, *, timeout: Optional[float] = None) -> Quality:
        """Returns totals of the feedback on outputs (actuals): overall, by release, and by the tag
        that the executions used."""
        url_path = self._workflow_path(WORKFLOW + "/quality", workflow)
        return self._send(get(url_path, decode_data(Quality), timeout=timeout))

    def validate(
        self,
        definition: Union[Definition, Mapping[str, Any], str],
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Validation:
        """Validates a definition, a mapping or a string with YAML, and stores nothing. Returns its
        problems, or its steps, edges and schemas."""
        decode = decode_data(Validation)
        call = post(VALIDATE, decode, definition, key=idempotency_key, timeout=timeout)
        return self._send(call)

    def dry_run(
        self,
        workflow: str,
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        mocks: Optional[Mapping[str, Any]] = None,
        vars: Optional[Mapping[str, Any]] = None,
        now: Optional[Timestamp] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> DryRun:
        """Runs a workflow in the memory of the server: without effects, storage and waiting.

        `mocks` are the results of steps by step id: `{"output": …}` or `{"error": {"code",
        "message"}}`, or a list of these for successive calls. `vars` are variables by name,
        instead of those of the workspace. `now` is when the simulated clock begins. A run that
        fails is returned, not raised.
        """
        url_path = self._workflow_path(WORKFLOW + "/dry-run", workflow)
        body = without_none(parameters=parameters, mocks=mocks, vars=vars, now=now)
        decode = decode_data(DryRun)
        return self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    def dry_run_definition(
        self,
        definition: Union[Definition, Mapping[str, Any]],
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        mocks: Optional[Mapping[str, Any]] = None,
        vars: Optional[Mapping[str, Any]] = None,
        now: Optional[Timestamp] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> DryRun:
        """As `dry_run`, with a definition that is not stored."""
        body = without_none(
            definition=definition, parameters=parameters, mocks=mocks, vars=vars, now=now
        )
        decode = decode_data(DryRun)
        return self._send(post(DRY_RUN, decode, body, key=idempotency_key, timeout=timeout))

    def evaluate(
        self,
        *,
        expression: Optional[str] = None,
        template: Optional[str] = None,
        scope: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Evaluation:
        """Evaluates an expression (`inputs.n > 3`) or a template (`Dear {{ inputs.name }}`) over a
        scope: variables by name, such as `inputs`, `steps` and `state`. An expression that fails is
        returned with its `error`, not raised."""
        body = without_none(expression=expression, template=template, scope=scope)
        decode = decode_data(Evaluation)
        return self._send(post(EVALUATE, decode, body, key=idempotency_key, timeout=timeout))

    @overload
    def execute(
        self,
        workflow: str,
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        result_type: type[R],
        execution_timeout: Optional[float] = None,
        callback_url: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution[R]: ...

    @overload
    def execute(
        self,
        workflow: str,
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        result_type: None = None,
        execution_timeout: Optional[float] = None,
        callback_url: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution: ...

    def execute(
        self,
        workflow: str,
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        result_type: Optional[type[Any]] = None,
        execution_timeout: Optional[float] = None,
        callback_url: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Executes a workflow and returns the completed execution. Raises `ExecutionFailedError` if
        it fails, times out or is cancelled.

        `execution_timeout`: seconds after which the server ends the execution as `timed_out`.
        `timeout`: seconds to wait; after that this raises `WaitTimeoutError`, and the execution
        continues. `result_type`: the type of `result`, such as a pydantic model or a dataclass.
        The ended execution is sent to `callback_url`. `metadata` are labels. `release_tag` selects
        the release; of several with weights, the same `traffic_key` always selects the same one.
        `secrets` (name to value) apply to this execution only.
        """
        url_path = self._workflow_path(
            WORKFLOW + ("/execute" if timeout is None else "/execute_async"), workflow
        )
        call = execution_call(
            url_path,
            without_none(
                parameters=parameters,
                callback_url=callback_url,
                metadata=metadata,
                release_tag=release_tag,
                traffic_key=traffic_key,
            ),
            execution_timeout=execution_timeout,
            secrets=secrets,
            key=idempotency_key,
            timeout=timeout,
        )
        started = monotonic()
        try:
            execution = self._send(call)
            if not execution.ended:
                left = None if timeout is None else max(0.0, started + timeout - monotonic())
                execution = wait_for_execution(self._client, execution.id, left)
        except APIError as error:
            execution_id = ended_execution_id(error)
            if execution_id is None:
                raise
            failed = self._send(get_execution(execution_id))
            raise ExecutionFailedError(failed) from None
        return with_result_type(execution.raise_for_status(), result_type)

    def start(
        self,
        workflow: str,
        parameters: Optional[Mapping[str, Any]] = None,
        *,
        execution_timeout: Optional[float] = None,
        callback_url: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Starts an execution and returns it without waiting for its end: `running`, or `queued` if
        it waits for capacity. It is durable; `executions.wait` waits for its end. The parameters
        are those of `execute`, but `timeout` is that of the request."""
        url_path = self._workflow_path(WORKFLOW + "/execute_async", workflow)
        call = execution_call(
            url_path,
            without_none(
                parameters=parameters,
                callback_url=callback_url,
                metadata=metadata,
                release_tag=release_tag,
                traffic_key=traffic_key,
            ),
            execution_timeout=execution_timeout,
            secrets=secrets,
            key=idempotency_key,
            timeout=timeout,
        )
        return self._send(call)
