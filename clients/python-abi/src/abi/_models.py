"""Executions and pages as this module names their fields."""

from __future__ import annotations

from typing import Any, Generic, Optional, TypeVar, Union

import stepwell
from pydantic import BaseModel

T = TypeVar("T")
M = TypeVar("M", bound=stepwell.Model)


class Execution(stepwell.Execution[Any]):
    """An execution. `result` is that of a completed one; a failed one has an `error`."""

    @property
    def execution_id(self) -> str:
        """The id of the execution."""
        return self.id


class LastExecution(stepwell.LastExecution):
    """The last execution that a schedule started."""

    @property
    def execution_id(self) -> str:
        """The id of the execution."""
        return self.id


class Pagination(BaseModel):
    """The position of a page in its list; `page` is None if it was requested with a cursor."""

    page: Optional[int] = None
    page_size: int
    total_items: Optional[int]
    total_pages: Optional[int]
    next_cursor: Optional[str] = None


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    pagination: Pagination


def convert(kind: type[M], result: stepwell.Model) -> M:
    """An object of `stepwell` as one of this module."""
    return kind.model_validate(result.model_dump(by_alias=True, exclude_unset=True))


def page_of(kind: type[M], page: Union[stepwell.Page[Any], stepwell.AsyncPage[Any]]) -> Page[M]:
    """A page of `stepwell` as one of this module."""
    pagination = Pagination(
        page=page.page,
        page_size=page.page_size,
        total_items=page.total_items,
        total_pages=page.total_pages,
        next_cursor=page.next_cursor,
    )
    return Page[M](items=[convert(kind, item) for item in page.items], pagination=pagination)
