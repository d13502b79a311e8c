# Made of `_async/releases.py` by `scripts/make_sync.py`: change that one.
"""Releases, their tags, and what was said of their outputs."""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _release_models as r
from .._call import get, listed, path, post, put, query_of, wrapped
from .._management_models import CursorListOptions, ListOptions, Page, Sorting
from .transport import Transport

_WORKFLOW = "/api/v1/workflows/{}"
_RELEASES = _WORKFLOW + "/releases"
_TAGS = _WORKFLOW + "/release_tags"
_TAG = _TAGS + "/{}"
_ACTUALS = "/api/v1/workflow_executions/{}/actuals"


class Releases(Transport):
    """The calls on releases, release tags, and actuals."""

    def create_release(
        self,
        workflow_id: str,
        definition: Mapping[str, Any],
        *,
        release_tags: Sequence[str] = (),
        idempotency_key: Optional[str] = None,
    ) -> r.Release:
        """Releases a definition: it becomes the newest release, which `LATEST` means, and
        `release_tags` are moved to it."""
        body = {"definition": definition, "release_tags": list(release_tags)}
        where = path(_RELEASES, workflow_id)
        return self._send(post(where, wrapped(r.Release), body, key=idempotency_key))

    def list_releases(
        self, workflow_id: str, **options: Unpack[CursorListOptions]
    ) -> Page[r.Release]:
        """A page of a workflow's releases, newest first."""
        return self._send(listed(path(_RELEASES, workflow_id), Page[r.Release], options))

    def iter_releases(
        self, workflow_id: str, **sorting: Unpack[Sorting]
    ) -> Generator[r.Release, None, None]:
        """All releases of a workflow, newest first, page by page."""
        return self._each(path(_RELEASES, workflow_id), Page[r.Release], query_of(sorting))

    def put_release_tag(
        self, workflow_id: str, tag: str, target: Union[int, Mapping[int, int]]
    ) -> r.ReleaseTag:
        """Makes a tag or moves it, at once. `target` is the number of a release, or weights by
        release: `{1: 90, 2: 10}` sends one execution in ten to release 2. Moving it back is a
        rollback."""
        body = {"release": target} if isinstance(target, int) else {"traffic": _shares(target)}
        # The same again changes nothing.
        call = put(path(_TAG, workflow_id, tag), wrapped(r.ReleaseTag), body, repeatable=True)
        return self._send(call)

    def get_release_tag(self, workflow_id: str, tag: str) -> r.ReleaseTag:
        """Where a tag points."""
        return self._send(get(path(_TAG, workflow_id, tag), wrapped(r.ReleaseTag)))

    def list_release_tags(
        self, workflow_id: str, **options: Unpack[ListOptions]
    ) -> Page[r.ReleaseTag]:
        """A page of a workflow's tags: `LATEST`, then the others by name."""
        return self._send(listed(path(_TAGS, workflow_id), Page[r.ReleaseTag], options))

    def iter_release_tags(
        self, workflow_id: str, **sorting: Unpack[Sorting]
    ) -> Generator[r.ReleaseTag, None, None]:
        """All tags of a workflow, page by page."""
        return self._each(path(_TAGS, workflow_id), Page[r.ReleaseTag], query_of(sorting))

    def list_actuals(
        self, execution_id: str, **options: Unpack[ListOptions]
    ) -> Page[r.StoredActual]:
        """A page of what was said of an execution's outputs, in the order it came."""
        return self._send(listed(path(_ACTUALS, execution_id), Page[r.StoredActual], options))

    def iter_actuals(
        self, execution_id: str, **sorting: Unpack[Sorting]
    ) -> Generator[r.StoredActual, None, None]:
        """All that was said of an execution's outputs, in the order it came, page by page."""
        return self._each(path(_ACTUALS, execution_id), Page[r.StoredActual], query_of(sorting))

    def workflow_quality(self, workflow_id: str) -> r.Quality:
        """The actuals of a workflow summed up: in all, by release, and by the tag that the
        executions named."""
        where = path(_WORKFLOW + "/quality", workflow_id)
        return self._send(get(where, wrapped(r.Quality)))


def _shares(weights: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"release": release, "weight": weight} for release, weight in weights.items()]
