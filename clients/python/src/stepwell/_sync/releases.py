# Generated from `_async/releases.py` by `scripts/generate_clients.py`. Do not edit.
"""Releases: `/api/v1/workflows/{id}/releases`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _release_models as m
from .._base import SortOrder
from .._call import decode_data, list_query, post, string_list
from .._paging import page_request
from .._paths import WORKFLOW
from ..definitions import Definition
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import ReleasesWithRawResponse

_RELEASES = WORKFLOW + "/releases"


class Releases(Resource):
    """Releases of a workflow: `client.releases`. `workflow` is an id or a name."""

    @property
    def with_raw_response(self) -> ReleasesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import ReleasesWithRawResponse

        return ReleasesWithRawResponse(self)

    def create(
        self,
        workflow: str,
        definition: Union[Definition, Mapping[str, Any]],
        *,
        release_tags: Sequence[str] = (),
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Release:
        """Creates a release from a definition. `LATEST` and the `release_tags` move to it."""
        body = {"definition": definition, "release_tags": string_list("release_tags", release_tags)}
        url_path = self._workflow_path(_RELEASES, workflow)
        decode = decode_data(m.Release)
        return self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    def list(
        self,
        workflow: str,
        *,
        sort_by: Optional[Literal["created_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.Release]:
        """Lists the releases of a workflow, newest first by default."""
        query = list_query(
            sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size, cursor=cursor
        )
        return self._list(page_request(_RELEASES, m.Release, query, timeout), workflow)
