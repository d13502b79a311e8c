"""Managing, executing and scheduling workflows."""

from stepwell.management import (
    Deleted,
    ExecutionRow,
    Failure,
    Integration,
    LastExecution,
    Page,
    Step,
    WorkflowStats,
    WorkflowStatus,
)

from ._executor import Execution, ExecutionOptions, StartedExecution, WorkflowExecutor
from ._manager import Workflow, WorkflowConfig, WorkflowManager, WorkflowRow
from ._scheduler import Schedule, ScheduleRow, WorkflowScheduler

__all__ = [
    "Deleted",
    "Execution",
    "ExecutionOptions",
    "ExecutionRow",
    "Failure",
    "Integration",
    "LastExecution",
    "Page",
    "Schedule",
    "ScheduleRow",
    "StartedExecution",
    "Step",
    "Workflow",
    "WorkflowConfig",
    "WorkflowExecutor",
    "WorkflowManager",
    "WorkflowRow",
    "WorkflowScheduler",
    "WorkflowStats",
    "WorkflowStatus",
]
