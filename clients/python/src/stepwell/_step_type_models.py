"""What the management API answers about step types, as types, and what it takes."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

from ._management_models import Paging, Sorting
from ._models import Model


class StepType(Model):
    """A step type that definitions can use. `effect` says what a crash means for it;
    `effect_varies`: its configuration can make that less. `is_source`: without an input it goes
    without, instead of taking the output of the step before."""

    type: str
    aliases: list[str] = []
    description: str
    documentation: str = ""
    category: str
    effect: Union[Literal["pure", "idempotent", "external"], str]
    effect_varies: bool = False
    configuration_schema: Any = None
    input_schema: Any = None
    output_schema: Any = None
    default_input: Optional[str] = None
    default_output: Optional[str] = None
    is_source: bool = False
    ports: list[str] = []
    secret_fields: list[str] = []
    examples: list[Any] = []


class StepTypeSelection(Sorting, total=False):
    """Which step types a list has, sorted by `type` or `category`, ascending unless `sort_order`
    is `desc`."""

    category: Optional[str]


class StepTypeListOptions(StepTypeSelection, Paging, total=False):
    """As `StepTypeSelection`, and which page."""
