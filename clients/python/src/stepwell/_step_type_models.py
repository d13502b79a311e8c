"""Step types of the management API: responses."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

from ._base import Model


class StepType(Model):
    """A step type. `effect`: whether it can be repeated after a crash. `effect_varies`: the
    configuration can weaken the effect. `is_source`: without an explicit input it has none, instead
    of the output of the previous step. `block_schema`: of a block, the fields that only it has."""

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
    block_schema: Any = None
    default_input: Optional[str] = None
    default_output: Optional[str] = None
    is_source: bool = False
    ports: list[str] = []
    secret_fields: list[str] = []
    examples: list[Any] = []
