# Generated from `_async/release_tags.py` by `scripts/generate_clients.py`. Do not edit.
"""Release tags: `/api/v1/workflows/{id}/release_tags`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _release_models as m
from .._base import SortOrder
from .._call import change, decode_data, get, list_query
from .._paging import page_request
from .._paths import WORKFLOW
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import ReleaseTagsWithRawResponse

_TAGS = WORKFLOW + "/release_tags"
_TAG = _TAGS + "/{}"


class ReleaseTags(Resource):
    """Release tags, which are names for releases: `client.release_tags`. `workflow` is an id or a
    name."""

    @property
    def with_raw_response(self) -> ReleaseTagsWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import ReleaseTagsWithRawResponse

        return ReleaseTagsWithRawResponse(self)

    def set(
        self,
        workflow: str,
        tag: str,
        target: Union[int, Mapping[int, int]],
        *,
        timeout: Optional[float] = None,
    ) -> m.ReleaseTag:
        """Creates or moves a tag, effective immediately. `target` is the number of a release, or
        weights by release: `{1: 90, 2: 10}` routes 10 % of the executions to release 2. To roll
        back, move the tag back."""
        body: dict[str, Any] = {"release": target}
        if not isinstance(target, int):
            body = {"traffic": [{"release": r, "weight": w} for r, w in target.items()]}
        url_path = self._workflow_path(_TAG, workflow, tag)
        decode = decode_data(m.ReleaseTag)
        # A PUT of the same target has no further effect.
        call = change("PUT", url_path, decode, body, timeout=timeout, repeatable=True)
        return self._send(call)

    def get(
        self, workflow: str, tag: str, *, timeout: Optional[float] = None
    ) -> m.ReleaseTag:
        """Returns a tag with the releases that it points to."""
        url_path = self._workflow_path(_TAG, workflow, tag)
        return self._send(get(url_path, decode_data(m.ReleaseTag), timeout=timeout))

    def delete(
        self, workflow: str, tag: str, *, timeout: Optional[float] = None
    ) -> m.DeletedReleaseTag:
        """Deletes a tag. Requests that name it fail from now on; executions are unchanged."""
        url_path = self._workflow_path(_TAG, workflow, tag)
        decode = decode_data(m.DeletedReleaseTag)
        return self._send(change("DELETE", url_path, decode, timeout=timeout))

    def list(
        self,
        workflow: str,
        *,
        sort_by: Optional[Literal["name", "updated_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.ReleaseTag]:
        """Lists the tags of a workflow: `LATEST`, then the others by name."""
        query = list_query(sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size)
        return self._list(page_request(_TAGS, m.ReleaseTag, query, timeout), workflow)
