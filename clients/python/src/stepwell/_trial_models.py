"""Validations and dry runs of the management API: responses."""

from __future__ import annotations

from typing import Any, Optional, Union

from pydantic import Field

from ._base import Model
from ._execution_models import ExecutionStatus, Failure


class DefinitionProblem(Model):
    """What is wrong in a definition, and what to change. `path` is empty if it is about the whole;
    `line` and `column` count from 1."""

    path: str
    message: str
    expected: Optional[str] = None
    found: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None


class DefinitionWarning(Model):
    """What is accepted in a definition, but is probably a mistake."""

    code: str
    path: str
    message: str
    line: Optional[int] = None
    column: Optional[int] = None


class GraphParent(Model):
    """The list of a block that a step is in: `cases[0]`, `else`, `branches.mail`, `steps`."""

    block: str
    body: str


class GraphStep(Model):
    """A step of a compiled definition. `bodies` are the lists of steps of a block. A schema is None
    if all schemas would be too large together."""

    id: str
    type: str
    effect: str
    path: str
    line: Optional[int] = None
    column: Optional[int] = None
    parent: Optional[GraphParent] = None
    bodies: Optional[list[str]] = None
    conditional: bool
    ports: list[str]
    input_schema: Any = None
    output_schema: Any = None


class GraphEdge(Model):
    """An edge between two steps. `port` is None for the usual one; `implicit` edges follow from the
    order of the list."""

    source: str = Field(alias="from")
    port: Optional[str] = None
    to: str
    implicit: bool


class GraphOutput(Model):
    """A declared output."""

    name: str
    value_schema: Any = Field(default=None, alias="schema")


class DefinitionGraph(Model):
    """A compiled definition: its steps, each block before the steps in it, and their edges."""

    name: str
    input_schema: Any
    steps: list[GraphStep]
    edges: list[GraphEdge]
    outputs: list[GraphOutput]


class Validation(Model):
    """What a definition contains, or what is wrong with it; then `graph` is None."""

    valid: bool
    problems: list[DefinitionProblem]
    warnings: list[DefinitionWarning]
    graph: Optional[DefinitionGraph] = None


class EvaluationFailure(Model):
    """Why an expression cannot be evaluated, and where in the text; the places count from 1."""

    message: str
    line: Optional[int] = None
    column: Optional[int] = None


class Evaluation(Model):
    """The value of an expression with its JSON type, or the `error`."""

    value: Any = None
    type: Optional[str] = None
    error: Optional[EvaluationFailure] = None


class DryRunStep(Model):
    """A step run of a dry run. `step` is the id of the step, in an iteration with the enclosing
    steps: `orders[3].charge`."""

    step: str
    step_id: str
    type: str
    status: str
    mocked: bool
    attempts: int
    input: Any = None
    output: Any = None
    port: Optional[str] = None
    error: Optional[Failure] = None
    started_after_ms: int
    ended_after_ms: Optional[int] = None


class DryRunBranch(Model):
    """A list of steps of the block `step` that ran: `cases[0]`, `else`, `catch[1]`."""

    step: str
    branch: str


class DryRun(Model):
    """What a dry run did: the step runs in the order in which they started or were skipped, and the
    time that an execution would have taken."""

    status: Union[ExecutionStatus, str]
    output: Any = None
    error: Optional[Failure] = None
    elapsed_ms: int
    steps: list[DryRunStep]
    branches: list[DryRunBranch]
