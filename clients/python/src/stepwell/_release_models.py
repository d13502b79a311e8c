"""Releases, release tags, and feedback on outputs (actuals): responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from ._base import Model


class Release(Model):
    """An immutable definition. `number` counts from 1."""

    number: int
    created_at: datetime
    definition: Any


class TrafficShare(Model):
    """A release of a tag and its weight."""

    release: int
    weight: int


class ReleaseTag(Model):
    """A name for a release, or for several with weights."""

    name: str
    traffic: list[TrafficShare]
    updated_at: datetime


class DeletedReleaseTag(Model):
    """A deleted release tag."""

    name: str
    deleted: bool


class Actual(Model):
    """Feedback on an output: its quality, 0 to 1, and the expected value. `matched`: whether the
    output equals the expected value; None if unknown."""

    id: str
    output_id: str
    output_name: str
    quality: Optional[float] = None
    desired_output_value: Any = None
    matched: Optional[bool] = None
    metadata: dict[str, Any]
    timestamp: datetime
    created_at: datetime


class QualityTotals(Model):
    """Totals of actuals: their count, the mean of the qualities, and the share of outputs that
    equal the expected value (of those with one)."""

    count: int
    mean_quality: Optional[float] = None
    exact_match_rate: Optional[float] = None


class ReleaseQuality(QualityTotals):
    """Totals of one release."""

    release: int


class TagQuality(QualityTotals):
    """Totals of the executions that used one tag."""

    tag: str


class Quality(QualityTotals):
    """Totals of a workflow: overall, by release and by tag."""

    releases: list[ReleaseQuality]
    tags: list[TagQuality]
