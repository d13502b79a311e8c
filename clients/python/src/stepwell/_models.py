"""Responses of the dataflow API and the API keys.

Unknown fields of a newer server are kept and can be read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Mapping, Optional, TypedDict, Union

from pydantic import BaseModel, ConfigDict, Field

FINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

ExecutionStatus = Literal["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]
WorkflowState = Literal["active", "inactive"]
ApiKeyStatus = Literal["active", "expired", "revoked"]
ApiKeyOrder = Literal["created_at", "expires_at", "last_used_at", "name"]
Role = Literal["admin", "developer", "analyst", "user"]
Tier = Literal["standard", "enterprise"]
TaskStatus = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]


class Model(BaseModel):
    """Base class of all responses."""

    # Validation errors must not show the input: it can contain the secret of a key or webhook.
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True, protected_namespaces=())


class ErrorDetail(Model):
    """One problem, with the path of the field."""

    path: str
    message: str
    expected: Optional[str] = None
    found: Optional[str] = None


class WorkflowCreated(Model):
    """Response to the creation of a workflow."""

    workflow_id: str


class WorkflowRow(Model):
    """A workflow in a list."""

    workflow_id: str
    name: str
    status: Union[WorkflowState, str]
    created_at: datetime
    updated_at: datetime


class WorkflowPage(Model):
    """A page of workflows; `next_cursor` is None after the last."""

    workflows: list[WorkflowRow]
    next_cursor: Optional[str] = None


class WorkflowStep(Model):
    """A step of a workflow, resolved."""

    step_id: str
    type: str
    after: list[str]
    effect: str
    input_schema: Any
    output_schema: Any


class Workflow(Model):
    """A workflow with its current release."""

    workflow_id: str
    name: str
    status: Union[WorkflowState, str]
    release: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any]
    definition: Any
    input_schema: Any
    steps: list[WorkflowStep]


class Stats(Model):
    """Counts of a workflow's executions."""

    workflow_id: str
    total: int
    active: int
    completed: int
    failed: int
    timed_out: int
    cancelled: int
    success_rate: Optional[float] = None
    average_duration_ms: Optional[float] = None


class ExecutionAccepted(Model):
    """Response to a request to execute: the execution is durable."""

    execution_id: str


class ExecutionChanged(Model):
    """Response to cancel, pause and resume."""

    execution_id: str
    status: Union[ExecutionStatus, str]


class Failure(Model):
    """The cause of a failed task or execution."""

    code: str
    message: str
    step_id: Optional[str] = None
    attempt: Optional[int] = None
    details: Any = None


class Progress(Model):
    """How many tasks have finished."""

    completed: int
    total: int


class Task(Model):
    """The run of a step in an execution."""

    task_id: str
    type: str
    status: Union[TaskStatus, str]
    step_id: str
    attempt: int
    input: Any = None
    output: Any = None
    error: Optional[Failure] = None
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


class Execution(Model):
    """An execution with all of its tasks, in the order of the definition."""

    execution_id: str
    workflow_id: str
    status: Union[ExecutionStatus, str]
    tasks: list[Task]
    input: Any = None
    output: Any = None
    error: Optional[Failure] = None
    progress: Progress
    release: int
    created_at: datetime
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL_STATUSES

    def raise_for_status(self) -> Execution:
        """Returns the execution; raises `ExecutionFailedError` if it is `FAILED` or `CANCELLED`."""
        from ._errors import ExecutionFailedError

        if self.status in FINAL_STATUSES and self.status != "COMPLETED":
            raise ExecutionFailedError(self)
        return self


class ExecutionRow(Model):
    """An execution in a list."""

    execution_id: str
    status: Union[ExecutionStatus, str]
    created_at: datetime
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


class ExecutionPage(Model):
    """A page of executions, newest first; `next_cursor` is None after the last."""

    executions: list[ExecutionRow]
    next_cursor: Optional[str] = None


class LogLine(Model):
    """A line of an execution's log; `step_id` is None if it is about the whole execution."""

    sequence: int
    timestamp: datetime
    step_id: Optional[str] = None
    level: str
    message: str


class Logs(Model):
    """The log of an execution, in order."""

    logs: list[LogLine]


class StepType(Model):
    """A step type."""

    type: str
    aliases: list[str]
    description: str
    documentation: str
    category: str
    effect: str
    configuration_schema: Any
    input_schema: Any
    output_schema: Any
    default_input: Optional[str] = None
    default_output: Optional[str] = None
    ports: list[str]
    secret_fields: list[str]
    examples: list[Any]


class StepTypes(Model):
    """All step types, sorted by name."""

    step_types: list[StepType]


class _Event(Model):
    """The common fields of all events. `sequence` is the position in the execution's journal, which
    several events can share; `id` is unique and the value for `after`."""

    id: str = ""
    execution_id: str
    sequence: int
    timestamp: datetime


class StatusEvent(_Event):
    """The execution's status changed."""

    event: Literal["status"] = "status"
    status: Union[ExecutionStatus, str]
    output: Any = None
    error: Optional[Failure] = None


class TaskEvent(_Event):
    """A task changed."""

    event: Literal["task"] = "task"
    task: Task


class ProgressEvent(_Event):
    """A task has finished; the counts are those of all tasks."""

    event: Literal["progress"] = "progress"
    completed: int
    total: int


class LogEvent(_Event):
    """A line was logged."""

    event: Literal["log"] = "log"
    step_id: Optional[str] = None
    level: str
    message: str


class OtherEvent(_Event):
    """An event type that this version does not know; its data is in the extra fields."""

    event: str


Event = Union[StatusEvent, TaskEvent, ProgressEvent, LogEvent, OtherEvent]


class RateLimits(Model):
    """Limits; None: unlimited."""

    executions_per_second: Optional[int] = None
    requests_per_minute: Optional[int] = None
    concurrent_executions: Optional[int] = None


class ApiKey(Model):
    """An API key. `hint` is the start of its secret; `role` is the role with the same scopes."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    role: Optional[Union[Role, str]] = None
    workspace_id: Optional[str] = None
    tier: Optional[Union[Tier, str]] = None
    rate_limits: RateLimits = RateLimits()
    status: Union[ApiKeyStatus, str]
    created_at: datetime
    expires_at: Optional[datetime] = None
    last_used_at: Optional[datetime] = None
    revoked_at: Optional[datetime] = None


class ApiKeyChange(TypedDict, total=False):
    """Changes of a key; omitted fields are unchanged."""

    name: str
    tier: Optional[Tier]
    rate_limits: Union[RateLimits, Mapping[str, Any], None]


class NewApiKey(ApiKey):
    """A created key; `secret` is shown only once."""

    secret: str = Field(repr=False)


class Pagination(Model):
    """The position of a page in its list; `page` is None if it was requested with a cursor."""

    page: Optional[int] = None
    page_size: int
    total_items: int
    total_pages: int
    next_cursor: Optional[str] = None

    def next_page_query(self) -> Optional[dict[str, Union[str, int]]]:
        """The query parameters of the next page; None after the last."""
        if self.next_cursor is not None:
            return {"cursor": self.next_cursor}
        if self.page is None or self.page >= self.total_pages:
            return None
        return {"page": self.page + 1}


class ApiKeyPage(Model):
    """A page of API keys."""

    items: list[ApiKey]
    pagination: Pagination
