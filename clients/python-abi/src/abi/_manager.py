"""`WorkflowManager`."""

from __future__ import annotations

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


class Workflow(management.Workflow, Tracked):
    """A workflow. Change it, also inside of its dicts and lists, and give it to
    `update_workflow`."""

    WRITABLE: ClassVar[tuple[str, ...]] = (
        "name",
        "description",
        "type",
        "configuration",
        "integrations",
        "metadata",
    )


class WorkflowManager(Service):
    """Creates, finds, changes, activates, deactivates and deletes workflows."""

    def create_workflow(self, config: WorkflowConfig) -> Workflow:
        """Creates a workflow. It is inactive until it is activated."""
        with self._calling() as client:
            return _workflow(client.workflows.create(**_new(config)))

    async def create_workflow_async(self, config: WorkflowConfig) -> Workflow:
        """As `create_workflow`."""
        async with self._calling_async() as client:
            return _workflow(await client.workflows.create(**_new(config)))

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
    ) -> Page[management.WorkflowRow]:
        """A page of workflows, newest first. Other arguments are metadata that they have:
        `department="customer_success"`."""
        with self._calling() as client:
            return client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )

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
    ) -> Page[management.WorkflowRow]:
        """As `list_workflows`."""
        async with self._calling_async() as client:
            return await client.workflows.list(
                status=status,
                type=type,
                page=page,
                page_size=page_size,
                cursor=cursor,
                sort_by=sort_by,
                sort_order=sort_order,
                metadata=metadata,
            )

    def update_workflow(self, workflow: Workflow, *, if_unchanged: bool = False) -> Workflow:
        """Stores what was changed in a workflow since it was read, and nothing else. With
        `if_unchanged`, `PreconditionFailedError` where anybody changed it in between."""
        version = workflow.version if if_unchanged else None
        with self._calling() as client:
            changed = client.workflows.update(workflow.id, if_version=version, **_changes(workflow))
            return _workflow(changed)

    async def update_workflow_async(
        self, workflow: Workflow, *, if_unchanged: bool = False
    ) -> Workflow:
        """As `update_workflow`."""
        version = workflow.version if if_unchanged else None
        async with self._calling_async() as client:
            return _workflow(
                await client.workflows.update(workflow.id, if_version=version, **_changes(workflow))
            )

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


def _new(config: WorkflowConfig) -> Mapping[str, Any]:
    return config.model_dump(mode="json", exclude_none=True)


def _changes(workflow: Workflow) -> Mapping[str, Any]:
    return workflow.changes()


def _workflow(found: management.Workflow) -> Workflow:
    return Workflow.model_validate(found.model_dump(exclude_unset=True))
