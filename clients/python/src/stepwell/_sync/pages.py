# Generated from `_async/pages.py` by `scripts/generate_clients.py`. Do not edit.
"""Pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Generic, Optional, TypeVar

from .._errors import NoSuchPageError
from .._paging import PageContent, PageRequest

T = TypeVar("T")


class Page(Generic[T]):
    """A page of a list. Iterating over it returns its items and those of all following pages.

    `items` are those of this page, `total_items` counts all of the list (None in the dataflow
    API). `page` is the number of the page (None if it was requested with a cursor).
    """

    items: list[T]
    page: Optional[int]
    page_size: int
    total_items: Optional[int]
    total_pages: Optional[int]
    next_cursor: Optional[str]

    def __init__(
        self,
        request: PageRequest[T],
        content: PageContent[T],
        get_page: Callable[[PageRequest[T]], Page[T]],
    ) -> None:
        self.items = content.items
        self.page = content.page
        self.page_size = content.page_size
        self.total_items = content.total_items
        self.total_pages = content.total_pages
        self.next_cursor = content.next_cursor
        self._next = request.next_request(content)
        self._previous = request.previous_request(content)
        self._get_page = get_page

    def has_next_page(self) -> bool:
        """Whether there is a page after this one."""
        return self._next is not None

    def next_page(self) -> Page[T]:
        """Requests the page after this one; raises `NoSuchPageError` if this is the last."""
        if self._next is None:
            raise NoSuchPageError("this is the last page; see has_next_page")
        return self._get_page(self._next)

    def has_previous_page(self) -> bool:
        """Whether the page before this one is known: it is not if this one was requested with your
        own cursor."""
        return self._previous is not None

    def previous_page(self) -> Page[T]:
        """Requests the page before this one; raises `NoSuchPageError` if this is the first."""
        if self._previous is None:
            raise NoSuchPageError("this is the first page; see has_previous_page")
        return self._get_page(self._previous)

    def iter_pages(self) -> Generator[Page[T], None, None]:
        """Iterates over this page and all following ones."""
        page = self
        while True:
            yield page
            if not page.has_next_page():
                return
            page = page.next_page()

    def __iter__(self) -> Generator[T, None, None]:
        for page in self.iter_pages():
            for item in page.items:
                yield item

    def __repr__(self) -> str:
        count = len(self.items)
        return f"{type(self).__name__}({count} items, page={self.page}, total={self.total_items})"
