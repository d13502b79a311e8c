"""What the server answers, as types.

Fields that a newer server adds are kept and readable, and nothing fails because of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Mapping, Optional, TypedDict, Union

from pydantic import BaseModel, ConfigDict, Field

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

ExecutionStatus = Literal["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]
TaskStatus = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]


class Model(BaseModel):
    """The base of all of them."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class ErrorDetail(Model):
    """One thing that is wrong at one place."""

    path: str
    message: str
    expected: Optional[str] = None
    found: Optional[str] = None


class WorkflowCreated(Model):
    """The answer to a created workflow."""

    workflow_id: str


class WorkflowRow(Model):
    """A workflow in a list."""

    workflow_id: str
    name: str
    status: str
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
    status: str
    release: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any]
    definition: Any
    input_schema: Any
    steps: list[WorkflowStep]


class Stats(Model):
    """Counts of a workflow's executions; durations are in milliseconds."""

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
    """The answer to an accepted execution: it is durable, whatever happens next."""

    execution_id: str


class ExecutionChanged(Model):
    """The answer to cancel, pause and resume."""

    execution_id: str
    status: Union[ExecutionStatus, str]


class Failure(Model):
    """Why a task or an execution failed."""

    code: str
    message: str
    step_id: Optional[str] = None
    attempt: Optional[int] = None
    details: Any = None


class Progress(Model):
    """How many tasks are settled."""

    completed: int
    total: int


class Task(Model):
    """A step of an execution."""

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
        """Whether nothing further happens to it."""
        return self.status in ENDED

    def raise_for_status(self) -> Execution:
        """Itself, or `ExecutionFailedError` where it ended `FAILED` or `CANCELLED`."""
        from ._errors import ExecutionFailedError

        if self.status in ENDED and self.status != "COMPLETED":
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
    """A line of an execution's log; without `step_id` it is about the execution."""

    sequence: int
    timestamp: datetime
    step_id: Optional[str] = None
    level: str
    message: str


class Logs(Model):
    """The log of an execution, in order."""

    logs: list[LogLine]


class StepType(Model):
    """A step type that definitions can use."""

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
    """What every event of an execution carries; `sequence` is its place in the journal, which it
    can share with others, `id` is its own and what `after` takes."""

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
    """A task settled."""

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
    """An event of a newer server; what it says is in the extra fields."""

    event: str


Event = Union[StatusEvent, TaskEvent, ProgressEvent, LogEvent, OtherEvent]


class RateLimits(Model):
    """How much may be used; None: as much as one likes."""

    executions_per_second: Optional[int] = None
    requests_per_minute: Optional[int] = None
    concurrent_executions: Optional[int] = None


class ApiKey(Model):
    """An API key. `hint` is how its secret begins, `role` the name of exactly these scopes."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    role: Optional[str] = None
    workspace_id: Optional[str] = None
    tier: Optional[str] = None
    rate_limits: RateLimits = RateLimits()
    status: str
    created_at: datetime
    expires_at: Optional[datetime] = None
    last_used_at: Optional[datetime] = None
    revoked_at: Optional[datetime] = None


class ApiKeyChange(TypedDict, total=False):
    """What can be changed of a key; what is left out stays as it is."""

    name: str
    tier: Optional[str]
    rate_limits: Union[RateLimits, Mapping[str, Any], None]


class NewApiKey(ApiKey):
    """A key just made; `secret` is shown this once."""

    secret: str = Field(repr=False)


class Pagination(Model):
    """Where in a list a page is; `page` is None where it was asked for by a cursor."""

    page: Optional[int] = None
    page_size: int
    total_items: int
    total_pages: int
    next_cursor: Optional[str] = None

    def following(self) -> Optional[dict[str, Union[str, int]]]:
        """What to ask for the next page with; None after the last."""
        if self.next_cursor is not None:
            return {"cursor": self.next_cursor}
        if self.page is None or self.page >= self.total_pages:
            return None
        return {"page": self.page + 1}


class ApiKeyPage(Model):
    """A page of API keys."""

    items: list[ApiKey]
    pagination: Pagination
