"""Base class of all responses, and types that several kinds of objects share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Optional, Union

from pydantic import BaseModel, ConfigDict

# A time with its zone (without one: in the zone of this machine), or a string in RFC 3339.
Timestamp = Union[datetime, str]
# Or a date.
DateOrTimestamp = Union[datetime, date, str]

SortOrder = Literal["asc", "desc"]


class Model(BaseModel):
    """Base class of all responses. Unknown fields of a newer server are kept and can be read."""

    # Validation errors must not show the input: it can contain the secret of a key or webhook.
    model_config = ConfigDict(
        extra="allow", hide_input_in_errors=True, protected_namespaces=(), populate_by_name=True
    )


class ErrorDetail(Model):
    """One problem, with the path of the field. `line` and `column` (from 1): its position in the
    definition that was sent."""

    path: str
    message: str
    expected: Optional[str] = None
    found: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None


class Pagination(Model):
    """The position of a page in its list; `page` is None if it was requested with a cursor."""

    page: Optional[int] = None
    page_size: int
    total_items: int
    total_pages: int
    next_cursor: Optional[str] = None


class Deleted(Model):
    """Response to a deletion; `cancelled_executions` is set for workflows, `operation_id` if a bulk
    operation still cancels executions."""

    id: str
    deleted: bool
    cancelled_executions: Optional[int] = None
    operation_id: Optional[str] = None
