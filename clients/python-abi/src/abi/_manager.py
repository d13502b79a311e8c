"""`WorkflowManager`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Literal, Mapping, Optional, Union

from pydantic import BaseModel, ConfigDict
from stepwell import management

from ._service import ServiceClient
from ._tracked import TrackedModel

Page = management.Page


class WorkflowConfig(BaseModel):
    """A workflow to create. The fields of `configuration` depend on `type`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: Optional[str] = None
    type: str = "custom"
    configuration: dict[str, Any] = {}
    integrations: list[Union[management.Integration, dict[str, Any]]] = []
    metadata: dict[str, Any] = {}


_WRITABLE = ("name", "description", "type", "configuration", "integrations", "metadata")


class WorkflowRow(management.WorkflowRow, TrackedModel):
    """A workflow in a list. Change its fields and pass it to `update_workflow`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class Workflow(management.Workflow, TrackedModel):
    """A workflow. Change its fields, or the dicts and lists in them, and pass it to
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
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Page[WorkflowRow]:
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
        return _page(result)

    async def list_workflows_async(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Page[WorkflowRow]:
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
        return _page(result)

    def iter_workflows(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Iterator[WorkflowRow]:
        """Iterates over all workflows; the arguments are those of `list_workflows`."""
        with self._sync_client() as client:
            rows = client.workflows.iter(
                status=status,
                type=type,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
            for row in rows:
                yield _row(row)

    async def iter_workflows_async(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> AsyncIterator[WorkflowRow]:
        """Async variant of `iter_workflows`."""
        async with self._async_client() as client:
            rows = client.workflows.iter(
                status=status,
                type=type,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
            async for row in rows:
                yield _row(row)

    def update_workflow(
        self, workflow: Union[Workflow, WorkflowRow], *, if_unchanged: bool = False
    ) -> Workflow:
        """Updates the fields that were changed since the workflow was read. With `if_unchanged`,
        raises `PreconditionFailedError` if it has been changed on the server since then."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        with self._sync_client() as client:
            changed = client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.mark_saved(sent)
        return _workflow(changed)

    async def update_workflow_async(
        self, workflow: Union[Workflow, WorkflowRow], *, if_unchanged: bool = False
    ) -> Workflow:
        """Async variant of `update_workflow`."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        async with self._async_client() as client:
            changed = await client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.mark_saved(sent)
        return _workflow(changed)

    def activate_workflow(self, workflow_id: str) -> management.WorkflowStatus:
        """Activates a workflow, so that it can be executed."""
        with self._sync_client() as client:
            return client.workflows.activate(workflow_id)

    async def activate_workflow_async(self, workflow_id: str) -> management.WorkflowStatus:
        """Async variant of `activate_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.activate(workflow_id)

    def deactivate_workflow(self, workflow_id: str) -> management.WorkflowStatus:
        """Deactivates a workflow: no new executions start, running ones continue."""
        with self._sync_client() as client:
            return client.workflows.deactivate(workflow_id)

    async def deactivate_workflow_async(self, workflow_id: str) -> management.WorkflowStatus:
        """Async variant of `deactivate_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.deactivate(workflow_id)

    def delete_workflow(self, workflow_id: str) -> management.Deleted:
        """Deletes a workflow; running executions continue, and its history remains readable."""
        with self._sync_client() as client:
            return client.workflows.delete(workflow_id)

    async def delete_workflow_async(self, workflow_id: str) -> management.Deleted:
        """Async variant of `delete_workflow`."""
        async with self._async_client() as client:
            return await client.workflows.delete(workflow_id)


def _fields(config: Union[WorkflowConfig, Mapping[str, Any]]) -> Mapping[str, Any]:
    return WorkflowConfig.model_validate(config).model_dump(mode="json", exclude_none=True)


def _changes(workflow: Union[Workflow, WorkflowRow]) -> Mapping[str, Any]:
    return workflow.changes()


def _version(workflow: Union[Workflow, WorkflowRow]) -> int:
    version = workflow.version if isinstance(workflow, Workflow) else None
    if version is None:
        raise ValueError("if_unchanged requires a workflow from `get_workflow`")
    return version


def _workflow(result: management.Workflow) -> Workflow:
    return Workflow.model_validate(result.model_dump(exclude_unset=True))


def _row(result: management.WorkflowRow) -> WorkflowRow:
    return WorkflowRow.model_validate(result.model_dump(exclude_unset=True))


def _page(result: Page[management.WorkflowRow]) -> Page[WorkflowRow]:
    items = [_row(row) for row in result.items]
    return Page[WorkflowRow](items=items, pagination=result.pagination)
