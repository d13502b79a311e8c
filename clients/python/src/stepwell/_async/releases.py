"""Releases, release tags, and feedback on outputs (actuals)."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Mapping, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _release_models as r
from .._call import build_path, decode_data, get, list_page, post, put, query_params, string_list
from .._management_models import CursorListOptions, ListOptions, Page, Sorting
from .transport import AsyncTransport

_WORKFLOW = "/api/v1/workflows/{}"
_RELEASES = _WORKFLOW + "/releases"
_TAGS = _WORKFLOW + "/release_tags"
_TAG = _TAGS + "/{}"
_ACTUALS = "/api/v1/workflow_executions/{}/actuals"


class AsyncReleases(AsyncTransport):
    """Calls for releases, release tags and actuals."""

    async def create_release(
        self,
        workflow_id: str,
        definition: Mapping[str, Any],
        *,
        release_tags: Sequence[str] = (),
        idempotency_key: Optional[str] = None,
    ) -> r.Release:
        """Creates a release from a definition. `LATEST` and the `release_tags` move to it."""
        body = {"definition": definition, "release_tags": string_list("release_tags", release_tags)}
        url_path = build_path(_RELEASES, workflow_id)
        return await self._send(post(url_path, decode_data(r.Release), body, key=idempotency_key))

    async def list_releases(
        self, workflow_id: str, **options: Unpack[CursorListOptions]
    ) -> Page[r.Release]:
        """Returns a page of a workflow's releases, newest first."""
        return await self._send(
            list_page(build_path(_RELEASES, workflow_id), Page[r.Release], options)
        )

    def iter_releases(
        self, workflow_id: str, **sorting: Unpack[Sorting]
    ) -> AsyncGenerator[r.Release, None]:
        """Iterates over the releases of a workflow, newest first, page by page."""
        return self._iter_pages(
            build_path(_RELEASES, workflow_id), Page[r.Release], query_params(sorting)
        )

    async def put_release_tag(
        self, workflow_id: str, tag: str, target: Union[int, Mapping[int, int]]
    ) -> r.ReleaseTag:
        """Creates or moves a tag, effective immediately. `target` is the number of a release, or
        weights by release: `{1: 90, 2: 10}` routes 10 % of the executions to release 2. To roll
        back, move the tag back."""
        body = {"release": target} if isinstance(target, int) else {"traffic": _traffic(target)}
        # A PUT of the same target has no further effect.
        call = put(
            build_path(_TAG, workflow_id, tag), decode_data(r.ReleaseTag), body, repeatable=True
        )
        return await self._send(call)

    async def get_release_tag(self, workflow_id: str, tag: str) -> r.ReleaseTag:
        """Returns a tag with the releases that it points to."""
        return await self._send(get(build_path(_TAG, workflow_id, tag), decode_data(r.ReleaseTag)))

    async def list_release_tags(
        self, workflow_id: str, **options: Unpack[ListOptions]
    ) -> Page[r.ReleaseTag]:
        """Returns a page of a workflow's tags: `LATEST`, then the others by name."""
        return await self._send(
            list_page(build_path(_TAGS, workflow_id), Page[r.ReleaseTag], options)
        )

    def iter_release_tags(
        self, workflow_id: str, **sorting: Unpack[Sorting]
    ) -> AsyncGenerator[r.ReleaseTag, None]:
        """Iterates over the tags of a workflow, page by page."""
        return self._iter_pages(
            build_path(_TAGS, workflow_id), Page[r.ReleaseTag], query_params(sorting)
        )

    async def list_actuals(
        self, execution_id: str, **options: Unpack[ListOptions]
    ) -> Page[r.StoredActual]:
        """Returns a page of the actuals of an execution, in the order of their submission."""
        return await self._send(
            list_page(build_path(_ACTUALS, execution_id), Page[r.StoredActual], options)
        )

    def iter_actuals(
        self, execution_id: str, **sorting: Unpack[Sorting]
    ) -> AsyncGenerator[r.StoredActual, None]:
        """Iterates over the actuals of an execution, oldest first, page by page."""
        return self._iter_pages(
            build_path(_ACTUALS, execution_id), Page[r.StoredActual], query_params(sorting)
        )

    async def workflow_quality(self, workflow_id: str) -> r.Quality:
        """Returns totals of the actuals of a workflow: overall, by release, and by the tag that the
        executions used."""
        url_path = build_path(_WORKFLOW + "/quality", workflow_id)
        return await self._send(get(url_path, decode_data(r.Quality)))


def _traffic(weights: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"release": release, "weight": weight} for release, weight in weights.items()]
