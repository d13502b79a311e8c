"""Step types: `/api/v1/step_types`, and the schema of definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Optional

from .. import _step_type_models as m
from .._base import SortOrder
from .._call import build_path, decode_data, get, list_query
from .._paging import page_request
from .._paths import STEP_TYPES
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncStepTypesWithRawResponse


class AsyncStepTypes(AsyncResource):
    """Step types, and the schema of definitions: `client.step_types`."""

    @property
    def with_raw_response(self) -> AsyncStepTypesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncStepTypesWithRawResponse

        return AsyncStepTypesWithRawResponse(self)

    def list(
        self,
        *,
        category: Optional[str] = None,
        sort_by: Optional[Literal["type", "category"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.StepType]:
        """Lists the available step types, by name."""
        query = list_query(
            category=category,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
        )
        return self._list(page_request(STEP_TYPES, m.StepType, query, timeout))

    async def get(self, type: str, *, timeout: Optional[float] = None) -> m.StepType:
        """Returns a step type by name or alias."""
        url_path = build_path(STEP_TYPES + "/{}", type)
        return await self._send(get(url_path, decode_data(m.StepType), timeout=timeout))

    async def definition_schema(self, *, timeout: Optional[float] = None) -> dict[str, Any]:
        """Returns the JSON Schema of definitions, for editors and validators."""
        return await self._send(get("/api/v1/schema/definition", dict, timeout=timeout))
