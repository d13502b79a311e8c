"""`WorkflowManager`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Literal, Mapping, Optional, Union

from pydantic import BaseModel, ConfigDict
from stepwell import management

from ._service import Service
from ._tracked import Tracked

Page = management.Page


class WorkflowConfig(BaseModel):
    """A workflow to create. What its `configuration` has depends on its `type`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: Optional[str] = None
    type: str = "custom"
    configuration: dict[str, Any] = {}
    integrations: list[Union[management.Integration, dict[str, Any]]] = []
    metadata: dict[str, Any] = {}


_WRITABLE = ("name", "description", "type", "configuration", "integrations", "metadata")


class WorkflowRow(management.WorkflowRow, Tracked):
    """A workflow in a list. It can be changed, too, and given to `update_workflow`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class Workflow(management.Workflow, Tracked):
    """A workflow. Change it, also inside of its dicts and lists, and give it to
    `update_workflow`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class WorkflowManager(Service):
    """Creates, finds, changes, activates, deactivates and deletes workflows."""

    def create_workflow(
        self,
        config: Union[WorkflowConfig, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
    ) -> Workflow:
        """Creates a workflow. It is inactive until it is activated. With an `idempotency_key`
        of your own, calling again makes no second one."""
        with self._calling() as client:
            made = client.workflows.create(idempotency_key=idempotency_key, **_new(config))
            return _workflow(made)

    async def create_workflow_async(
        self,
        config: Union[WorkflowConfig, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
    ) -> Workflow:
        """As `create_workflow`."""
        async with self._calling_async() as client:
            made = await client.workflows.create(idempotency_key=idempotency_key, **_new(config))
            return _workflow(made)

    def get_workflow(self, workflow_id: str) -> Workflow:
        """A workflow with the counts of its executions."""
        with self._calling() as client:
            return _workflow(client.workflows.get(workflow_id))

    async def get_workflow_async(self, workflow_id: str) -> Workflow:
        """As `get_workflow`."""
        async with self._calling_async() as client:
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
        """A page of workflows, newest first. Other arguments are metadata that they have:
        `department="customer_success"`."""
        with self._calling() as client:
            found = client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
        return _page(found)

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
        """As `list_workflows`."""
        async with self._calling_async() as client:
            found = await client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )
        return _page(found)

    def iter_workflows(
        self,
        *,
        status: Optional[Literal["active", "inactive"]] = None,
        type: Optional[str] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        **metadata: str,
    ) -> Iterator[WorkflowRow]:
        """All workflows, page by page; the arguments are those of `list_workflows`."""
        with self._calling() as client:
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
        """As `iter_workflows`."""
        async with self._calling_async() as client:
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
        """Stores what was changed in a workflow since it was read, and nothing else. With
        `if_unchanged`, `PreconditionFailedError` where anybody changed it in between."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        with self._calling() as client:
            changed = client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.stored(sent)
        return _workflow(changed)

    async def update_workflow_async(
        self, workflow: Union[Workflow, WorkflowRow], *, if_unchanged: bool = False
    ) -> Workflow:
        """As `update_workflow`."""
        version = _version(workflow) if if_unchanged else None
        sent = workflow.model_copy(deep=True)
        async with self._calling_async() as client:
            changed = await client.workflows.update(sent.id, if_version=version, **_changes(sent))
        workflow.stored(sent)
        return _workflow(changed)

    def activate_workflow(self, workflow_id: str) -> management.WorkflowStatus:
        """Lets a workflow be executed."""
        with self._calling() as client:
            return client.workflows.activate(workflow_id)

    async def activate_workflow_async(self, workflow_id: str) -> management.WorkflowStatus:
        """As `activate_workflow`."""
        async with self._calling_async() as client:
            return await client.workflows.activate(workflow_id)

    def deactivate_workflow(self, workflow_id: str) -> management.WorkflowStatus:
        """Takes no further executions; those under way go on."""
        with self._calling() as client:
            return client.workflows.deactivate(workflow_id)

    async def deactivate_workflow_async(self, workflow_id: str) -> management.WorkflowStatus:
        """As `deactivate_workflow`."""
        async with self._calling_async() as client:
            return await client.workflows.deactivate(workflow_id)

    def delete_workflow(self, workflow_id: str) -> management.Deleted:
        """Deletes a workflow; executions under way go on, and history stays readable."""
        with self._calling() as client:
            return client.workflows.delete(workflow_id)

    async def delete_workflow_async(self, workflow_id: str) -> management.Deleted:
        """As `delete_workflow`."""
        async with self._calling_async() as client:
            return await client.workflows.delete(workflow_id)


def _new(config: Union[WorkflowConfig, Mapping[str, Any]]) -> Mapping[str, Any]:
    return WorkflowConfig.model_validate(config).model_dump(mode="json", exclude_none=True)


def _changes(workflow: Union[Workflow, WorkflowRow]) -> Mapping[str, Any]:
    return workflow.changes()


def _version(workflow: Union[Workflow, WorkflowRow]) -> int:
    version = workflow.version if isinstance(workflow, Workflow) else None
    if version is None:
        raise ValueError("if_unchanged needs a workflow as `get_workflow` gives it")
    return version


def _workflow(found: management.Workflow) -> Workflow:
    return Workflow.model_validate(found.model_dump(exclude_unset=True))


def _row(found: management.WorkflowRow) -> WorkflowRow:
    return WorkflowRow.model_validate(found.model_dump(exclude_unset=True))


def _page(found: Page[management.WorkflowRow]) -> Page[WorkflowRow]:
    items = [_row(row) for row in found.items]
    return Page[WorkflowRow](items=items, pagination=found.pagination)
