"""The types of the dataflow API: `client.dataflow`. Its executions have tasks instead of steps, and
statuses in upper case."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from pydantic import Field

from ._base import Model

FINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

ExecutionStatus = Literal["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]
ExecutionFilter = Literal[
    "PENDING", "RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"
]
WorkflowState = Literal["active", "inactive"]
TaskStatus = Literal[
    "PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED", "NOT_REACHED"
]


class WarningItem(Model):
    """What was accepted, but is probably a mistake."""

    code: str
    path: str
    message: str


class WorkflowCreated(Model):
    """Response to the creation of a workflow."""

    workflow_id: str
    warnings: Optional[list[WarningItem]] = None


class WorkflowRow(Model):
    """A workflow in a list."""

    workflow_id: str
    name: str
    status: Union[WorkflowState, str]
    created_at: datetime
    updated_at: datetime


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
    warnings: Optional[list[WarningItem]] = None


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
    warnings: Optional[list[WarningItem]] = None


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


class AttemptFailure(Model):
    """The cause of a failed attempt of a task."""

    code: str
    message: str


class TaskAttempt(Model):
    """An attempt of a task. `next_attempt_at` is when the next attempt is due, or was; None: there
    is no next one."""

    attempt: int
    status: Union[TaskStatus, str]
    started_at: datetime
    completed_at: Optional[datetime] = None
    error: Optional[AttemptFailure] = None
    next_attempt_at: Optional[datetime] = None


class TaskWait(Model):
    """What a task waits for: `reason` is `timer`, `retry`, `sub_workflow`, `signal`,
    `approval` or `concurrency`; `until` is None if it is not known. `signal` and `key` name the
    signal; for `concurrency`, `key` and `limit` are those of the step, and `position` is its place
    in the queue of the server."""

    reason: str = Field(alias="for")
    until: Optional[datetime] = None
    signal: Optional[str] = None
    key: Optional[str] = None
    limit: Optional[int] = None
    position: Optional[int] = None


class ExecutionWait(Model):
    """What an execution waits for: `reason` is `timer`, `retry`, `sub_workflow`, `signal`,
    `approval`, `concurrency` or `capacity`; `step_id` is None if it is queued, `until` is None if
    it is not known. `signal` and `key` name the signal; for `concurrency`, `key` and `limit` are those
    of the workflow or step, and `position` is its place in the queue."""

    reason: str = Field(alias="for")
    step_id: Optional[str] = None
    until: Optional[datetime] = None
    signal: Optional[str] = None
    key: Optional[str] = None
    limit: Optional[int] = None
    position: Optional[int] = None


class Task(Model):
    """The run of a step in an execution. `config` is its resolved configuration, if the execution
    was read with a key that may read the workflow; `reused`: its result is that of the execution
    that this one reruns; `child_execution_id`: the execution that a
    `SubWorkflow` started; in events `attempts` has only the last attempt; `children`: the tasks
    inside it, if it is a block; `compensates`: the step that it compensates, if it is a
    compensation; `skip_reason`: of a skipped step, `condition` if its `when` was false, `not_taken`
    if no edge led to it."""

    task_id: str
    type: str
    status: Union[TaskStatus, str]
    step_id: str
    attempt: int
    attempts: list[TaskAttempt] = []
    waiting: Optional[TaskWait] = None
    skip_reason: Optional[str] = None
    reused: bool = False
    compensates: Optional[str] = None
    children: list[Task] = []
    input: Any = None
    output: Any = None
    config: Any = None
    config_truncated: bool = False
    child_execution_id: Optional[str] = None
    error: Optional[Failure] = None
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


class Execution(Model):
    """An execution with all of its tasks, in the order of the definition. `parent_execution_id` and
    `parent_step_id` are what started a sub-workflow."""

    execution_id: str
    workflow_id: str
    status: Union[ExecutionStatus, str]
    tasks: list[Task]
    input: Any = None
    output: Any = None
    error: Optional[Failure] = None
    waiting: Optional[ExecutionWait] = None
    progress: Progress
    release: int
    release_tag: Optional[str] = None
    rerun_of: Optional[str] = None
    parent_execution_id: Optional[str] = None
    parent_step_id: Optional[str] = None
    created_at: datetime
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    warnings: Optional[list[WarningItem]] = None

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
    parent_execution_id: Optional[str] = None


class LogLine(Model):
    """A line of an execution's log; `step_id` is None if it is about the whole execution."""

    sequence: int
    timestamp: datetime
    step_id: Optional[str] = None
    level: str
    message: str


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
    block_schema: Any = None
    default_input: Optional[str] = None
    default_output: Optional[str] = None
    ports: list[str]
    secret_fields: list[str]
    examples: list[Any]


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


def decode_logs(body: Any) -> list[LogLine]:
    """The lines of a log."""
    return [LogLine.model_validate(line) for line in body["logs"]]


def decode_step_types(body: Any) -> list[StepType]:
    """The step types of a response."""
    return [StepType.model_validate(kind) for kind in body["step_types"]]
