"""The types of the management API about templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping, Optional, TypedDict

from ._management_models import CursorPaging, Sorting
from ._models import Model


class TemplateRow(Model):
    """A template in a list."""

    id: str
    name: str
    description: Optional[str] = None
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    version: int


class Template(TemplateRow):
    """A template. `body` is a Jinja text, or a JSON value whose texts are Jinja; `sample` is the
    data of a preview."""

    body: Any = None
    sample: dict[str, Any] = {}


class TemplatePreview(Model):
    """The result of a preview: a text, or the JSON value with its texts rendered."""

    rendered: Any = None


class TemplateFields(TypedDict, total=False):
    """The fields of a template besides its name and body."""

    description: Optional[str]
    sample: Optional[Mapping[str, Any]]
    metadata: Optional[Mapping[str, Any]]


class TemplateChange(TemplateFields, total=False):
    """A change of a template; omitted fields are unchanged."""

    name: str
    body: Any


class TemplateSelection(Sorting, total=False):
    """Filters of templates, sorted by `created_at`, `updated_at` or `name`; `metadata` are labels
    that the templates have."""

    name: Optional[str]
    metadata: Optional[Mapping[str, str]]


class TemplateListOptions(TemplateSelection, CursorPaging, total=False):
    """As `TemplateSelection`, and which page."""
