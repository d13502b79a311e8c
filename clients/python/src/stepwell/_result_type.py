"""Decodes the result of an execution as a type of the caller."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Optional, TypeVar

from pydantic import TypeAdapter, ValidationError

from ._errors import UnexpectedResponseError
from ._execution_models import Execution

R = TypeVar("R")


def with_result_type(execution: Execution[Any], result_type: Optional[type[R]]) -> Execution[Any]:
    """The execution with its result decoded as `result_type`, which is a pydantic model, a
    dataclass, a TypedDict or any other type that pydantic knows. An execution without a result is
    returned as it is."""
    if result_type is None or execution.status != "completed":
        return execution
    kind: Any = result_type
    try:
        result = _adapter(kind).validate_python(execution.result)
    except ValidationError as error:
        raise UnexpectedResponseError(
            f"the result of {execution.id} is not a {_name(kind)}: {_problems(error)}"
        ) from None
    return execution.model_copy(update={"result": result})


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(kind)
    except TypeError:  # The type is not hashable, such as `Annotated` with a list.
        return TypeAdapter(kind)


@lru_cache(maxsize=256)
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _problems(error: ValidationError) -> str:
    """The places and messages, without the values, which can be confidential."""
    problems = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'result'}: {problem['msg']}"
        for problem in problems[:5]
    )
