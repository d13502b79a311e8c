"""Variables of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from ._base import Model


class Variable(Model):
    """A setting of a workspace, which expressions read as `vars.NAME`."""

    id: str
    name: str
    value: Any = None
    description: Optional[str] = None
    created_at: datetime
    updated_at: datetime
    version: int


class DeletedVariable(Model):
    """Response to the deletion of a variable."""

    name: str
    deleted: bool
