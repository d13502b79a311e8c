"""Managing, executing and scheduling workflows."""

from stepwell.management import (
    Deleted,
    ExecutionRow,
    Failure,
    Integration,
    LastExecution,
    Page,
    ScheduleRow,
    Step,
    WorkflowRow,
    WorkflowStats,
    WorkflowStatus,
)

from ._executor import Execution, ExecutionOptions, StartedExecution, WorkflowExecutor
from ._manager import Workflow, WorkflowConfig, WorkflowManager
from ._scheduler import Schedule, WorkflowScheduler

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
