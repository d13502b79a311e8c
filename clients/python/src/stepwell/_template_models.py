"""Templates of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from ._base import Model


class Template(Model):
    """A template. `body` is a Jinja text, or a JSON value whose texts are Jinja; `sample` is the
    data of a preview. Lists have neither of them."""

    id: str
    name: str
    description: Optional[str] = None
    body: Any = None
    sample: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    version: int


class TemplatePreview(Model):
    """The result of a preview: a text, or the JSON value with its texts rendered."""

    rendered: Any = None
