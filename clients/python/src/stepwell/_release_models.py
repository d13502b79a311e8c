"""Releases, their tags, and what was said of their outputs, as types."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from ._models import Model


class Release(Model):
    """A definition that does not change any more. `number` counts from 1."""

    number: int
    created_at: datetime
    definition: Any


class Share(Model):
    """A release and its weight beside the others of a tag."""

    release: int
    weight: int


class ReleaseTag(Model):
    """A name for a release, or for several by weight."""

    name: str
    traffic: list[Share]
    updated_at: datetime


class StoredActual(Model):
    """What was said of an output: how good it was, 0 to 1, and what it should have been.
    `matched`: whether it was exactly that; None where that is not known."""

    id: str
    output_id: str
    output_name: str
    quality: Optional[float] = None
    desired_output_value: Any = None
    matched: Optional[bool] = None
    metadata: dict[str, Any]
    timestamp: datetime
    created_at: datetime


class QualitySum(Model):
    """Actuals summed up: how many, the mean of those with a quality, and the share of outputs
    that were exactly as they should have been, of those of which that is known."""

    count: int
    mean_quality: Optional[float] = None
    exact_match_rate: Optional[float] = None


class ReleaseQuality(QualitySum):
    """The same of one release."""

    release: int


class TagQuality(QualitySum):
    """The same of the executions that named one tag."""

    tag: str


class Quality(QualitySum):
    """The same of a workflow in all, by release and by tag."""

    releases: list[ReleaseQuality]
    tags: list[TagQuality]
