"""Releases, their tags, and what was said of their outputs."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Mapping, Optional, Sequence, Union

from .. import _release_models as r
from .._call import get, path, post, put, wrapped, wrapped_list
from .transport import AsyncTransport

_WORKFLOW = "/api/v1/workflows/{}"
_TAG = _WORKFLOW + "/release_tags/{}"


class AsyncReleases(AsyncTransport):
    """The calls on releases, release tags, and actuals."""

    async def create_release(
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
        where = path(_WORKFLOW + "/releases", workflow_id)
        return await self._send(post(where, wrapped(r.Release), body, key=idempotency_key))

    async def list_releases(
        self, workflow_id: str, *, limit: Optional[int] = None, cursor: Optional[str] = None
    ) -> r.ReleasePage:
        """A page of a workflow's releases, newest first."""
        where = path(_WORKFLOW + "/releases", workflow_id)
        return await self._send(get(where, wrapped(r.ReleasePage), limit=limit, cursor=cursor))

    async def iter_releases(self, workflow_id: str) -> AsyncGenerator[r.Release, None]:
        """All releases of a workflow, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = await self.list_releases(workflow_id, limit=100, cursor=cursor)
            for release in page.releases:
                yield release
            cursor = page.next_cursor
            if cursor is None:
                return

    async def put_release_tag(
        self, workflow_id: str, tag: str, target: Union[int, Mapping[int, int]]
    ) -> r.ReleaseTag:
        """Makes a tag or moves it, at once. `target` is the number of a release, or weights by
        release: `{1: 90, 2: 10}` sends one execution in ten to release 2. Moving it back is a
        rollback."""
        body = {"release": target} if isinstance(target, int) else {"traffic": _shares(target)}
        # The same again changes nothing.
        call = put(path(_TAG, workflow_id, tag), wrapped(r.ReleaseTag), body, repeatable=True)
        return await self._send(call)

    async def get_release_tag(self, workflow_id: str, tag: str) -> r.ReleaseTag:
        """Where a tag points."""
        return await self._send(get(path(_TAG, workflow_id, tag), wrapped(r.ReleaseTag)))

    async def list_release_tags(self, workflow_id: str) -> list[r.ReleaseTag]:
        """All tags of a workflow."""
        where = path(_WORKFLOW + "/release_tags", workflow_id)
        return await self._send(get(where, wrapped_list(r.ReleaseTag)))

    async def list_actuals(self, execution_id: str) -> list[r.StoredActual]:
        """What was said of an execution's outputs, in the order it came."""
        where = path("/api/v1/workflow_executions/{}/actuals", execution_id)
        return await self._send(get(where, wrapped_list(r.StoredActual)))

    async def workflow_quality(self, workflow_id: str) -> r.Quality:
        """The actuals of a workflow summed up: in all, by release, and by the tag that the
        executions named."""
        where = path(_WORKFLOW + "/quality", workflow_id)
        return await self._send(get(where, wrapped(r.Quality)))


def _shares(weights: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"release": release, "weight": weight} for release, weight in weights.items()]
