"""`WorkflowManager`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Literal, Mapping, Optional, Union

import stepwell
from pydantic import BaseModel, ConfigDict
from ._models import Page, convert, page_of
from ._service import ServiceClient
from ._tracked import TrackedModel

Order = Literal["created_at", "updated_at", "name", "type", "status"]


class WorkflowConfig(BaseModel):
    """A workflow to create. The fields of `configuration` depend on `type`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: Optional[str] = None
    type: str = "custom"
    configuration: dict[str, Any] = {}
    integrations: list[Union[stepwell.Integration, dict[str, Any]]] = []
    metadata: dict[str, Any] = {}


_WRITABLE = ("name", "description", "type", "configuration", "integrations", "metadata")


class Workflow(stepwell.Workflow, TrackedModel):
    """A workflow, in lists without its configuration. Change its fields, or the dicts and lists in them, and pass it to
    `update_workflow`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class WorkflowManager(ServiceClient):
    """Creates, lists, updates, activates, deactivates and deletes workflows."""

    def create_workflow(
        self,
        config: Union[WorkflowConfig, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
    ) -> Workflow:
        """Creates a workflow. It is inactive until it is activated. Calling again with the same
        `idempotency_key` does not create a second one."""
        with self._sync_client() as client:
            created = client.workflows.create(idempotency_key=idempotency_key, **_fields(config))
            return _workflow(created)

    async def create_workflow_async(
        self,
        config: Union[WorkflowConfig, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
    ) -> Workflow:
        """Async variant of `create_workflow`."""
        async with self._async_client() as client:
            created = await client.workflows.create(
                idempotency_key=idempotency_key, **_fields(config)
            )
            return _workflow(created)

    def get_workflow(self, workflow_id: str) -> Workflow:
        """Returns a workflow with the counts of its executions."""
        with self._sync_client() as client:
            return _workflow(client.workflows.get(workflow_id))

    async def get_workflow_async(self, workflow_id: str) -> Workflow:
        """Async variant of `get_workflow`."""
        async with self._async_client() as client:
            return _workflow(await client.workflows.get(workflow_id))

    def list_workflows(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Page[Workflow]:
        """Returns a page of workflows, newest first. Other arguments filter by metadata:
        `department="customer_success"`."""
        with self._sync_client() as client:
            result = client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
        return page_of(Workflow, result)

    async def list_workflows_async(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Page[Workflow]:
        """Async variant of `list_workflows`."""
        async with self._async_client() as client:
            result = await client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
        return page_of(Workflow, result)

    def iter_workflows(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Iterator[Workflow]:
        """Iterates over all workflows; the arguments are those of `list_workflows`."""
        with self._sync_client() as client:
            rows = client.workflows.list(
                status=status,
                type=type,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
            for row in rows:
                yield _workflow(row)

    async def iter_workflows_async(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> AsyncIterator[Workflow]:
        """Async variant of `iter_workflows`."""
        async with self._async_client() as client:
            rows = client.workflows.list(
                status=status,
                type=type,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
            async for row in rows:
                yield _workflow(row)

    def update_workflow(self, workflow: Workflow, *, if_unchanged: bool = False) -> Workflow:
        """Updates the fields that were changed since the workflow was read. With `if_unchanged`,
        raises `PreconditionFailedError` if it has been changed on the server since then."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        with self._sync_client() as client:
            changed = client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.mark_saved(sent)
        return _workflow(changed)

    async def update_workflow_async(
        self, workflow: Workflow, *, if_unchanged: bool = False
    ) -> Workflow:
        """Async variant of `update_workflow`."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        async with self._async_client() as client:
            changed = await client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.mark_saved(sent)
        return _workflow(changed)

    def activate_workflow(self, workflow_id: str) -> stepwell.WorkflowStatus:
        """Activates a workflow, so that it can be executed."""
        with self._sync_client() as client:
            return client.workflows.activate(workflow_id)

    async def activate_workflow_async(self, workflow_id: str) -> stepwell.WorkflowStatus:
        """Async variant of `activate_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.activate(workflow_id)

    def deactivate_workflow(self, workflow_id: str) -> stepwell.WorkflowStatus:
        """Deactivates a workflow: no new executions start, running ones continue."""
        with self._sync_client() as client:
            return client.workflows.deactivate(workflow_id)

    async def deactivate_workflow_async(self, workflow_id: str) -> stepwell.WorkflowStatus:
        """Async variant of `deactivate_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.deactivate(workflow_id)

    def delete_workflow(self, workflow_id: str) -> stepwell.Deleted:
        """Deletes a workflow; running executions continue, and its history remains readable."""
        with self._sync_client() as client:
            return client.workflows.delete(workflow_id)

    async def delete_workflow_async(self, workflow_id: str) -> stepwell.Deleted:
        """Async variant of `delete_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.delete(workflow_id)


def _fields(config: Union[WorkflowConfig, Mapping[str, Any]]) -> Mapping[str, Any]:
    return WorkflowConfig.model_validate(config).model_dump(mode="json", exclude_none=True)


def _changes(workflow: Workflow) -> Mapping[str, Any]:
    return workflow.changes()


def _version(workflow: Workflow) -> int:
    if workflow.version is None:
        raise ValueError("if_unchanged requires a workflow from `get_workflow`")
    return workflow.version


def _workflow(result: stepwell.Workflow) -> Workflow:
    return convert(Workflow, result)
