"""Requests of pages as data. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Generic, Optional, TypeVar
from urllib.parse import quote

from ._base import Model, Pagination
from ._call import Call, Query

T = TypeVar("T")
M = TypeVar("M", bound=Model)

# The largest page, since the usual purpose is to iterate over all items.
DEFAULT_PAGE_SIZE = 100


@dataclass(frozen=True)
class PageContent(Generic[T]):
    """The items of a page, and its position in the list."""

    items: list[T]
    page: Optional[int]
    page_size: int
    total_items: Optional[int]
    total_pages: Optional[int]
    next_cursor: Optional[str]


@dataclass(frozen=True)
class PageRequest(Generic[T]):
    """A request of one page. `{}` in the path is the id of a workflow."""

    path: str
    decode: Callable[[Any], PageContent[T]]
    query: Query
    timeout: Optional[float] = None
    previous: Optional[PageRequest[T]] = None

    def call(self) -> Call[PageContent[T]]:
        """The request to send."""
        return Call("GET", self.path, self.decode, self.query, timeout=self.timeout)

    def for_workflow(self, workflow_id: str) -> PageRequest[T]:
        """This request for one workflow: in the path, or as a filter."""
        if "{}" in self.path:
            return replace(self, path=self.path.format(quote(workflow_id, safe="")))
        return replace(self, query={**self.query, "workflow_id": workflow_id})

    def next_request(self, content: PageContent[T]) -> Optional[PageRequest[T]]:
        """The request of the page after this one, whose content is `content`; None: it is the
        last."""
        if content.next_cursor is not None:
            return self._at(previous=self, cursor=content.next_cursor)
        if content.page is None or content.page >= (content.total_pages or 0):
            return None
        return self._at(previous=self, page=content.page + 1)

    def previous_request(self, content: PageContent[T]) -> Optional[PageRequest[T]]:
        """The request of the page before this one; None: it is the first, or was requested with a
        cursor."""
        if self.previous is not None:
            return self.previous
        if content.page is None or content.page <= 1:
            return None
        return self._at(previous=None, page=content.page - 1)

    def _at(self, previous: Optional[PageRequest[T]], **position: Any) -> PageRequest[T]:
        kept = {name: self.query[name] for name in self.query if name not in ("page", "cursor")}
        return replace(self, query={**kept, **position}, previous=previous)


def page_request(
    path: str, kind: type[M], query: Query, timeout: Optional[float]
) -> PageRequest[M]:
    """Requests a page of a list of the management API."""

    def decode(body: Any) -> PageContent[M]:
        data = body["data"]
        at = Pagination.model_validate(data["pagination"])
        items = [kind.model_validate(item) for item in data["items"]]
        return PageContent(
            items, at.page, at.page_size, at.total_items, at.total_pages, at.next_cursor
        )

    return PageRequest(path, decode, {"page_size": DEFAULT_PAGE_SIZE, **query}, timeout)


def dataflow_page_request(
    path: str, field: str, kind: type[M], query: Query, timeout: Optional[float]
) -> PageRequest[M]:
    """Requests a page of a list of the dataflow API, whose items are in `field`."""
    query = {"limit": DEFAULT_PAGE_SIZE, **query}

    def decode(body: Any) -> PageContent[M]:
        items = [kind.model_validate(item) for item in body[field]]
        limit = int(query["limit"])
        return PageContent(items, None, limit, None, None, body.get("next_cursor"))

    return PageRequest(path, decode, query, timeout)
