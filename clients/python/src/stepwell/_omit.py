"""The default of parameters for which None has a meaning of its own."""

from __future__ import annotations

from typing import Any


class Omit:
    """The type of `OMIT`: the parameter is not sent, so the field is unchanged. None clears it."""

    def __repr__(self) -> str:
        return "OMIT"

    def __bool__(self) -> bool:
        return False


OMIT = Omit()


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not `OMIT`."""
    return {name: value for name, value in fields.items() if not isinstance(value, Omit)}


def without_none(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
