"""Templates: `/api/v1/templates`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _template_models as m
from .._base import Deleted, SortOrder
from .._call import Call, build_path, change, decode_data, get, list_query, post
from .._names import first_id_in_list, is_id
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import TEMPLATE, TEMPLATES
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncTemplatesWithRawResponse


class AsyncTemplates(AsyncResource):
    """Templates, which are texts and JSON values with expressions: `client.templates`. The
    parameter `template` is an id or a name; a name costs one more request."""

    @property
    def with_raw_response(self) -> AsyncTemplatesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncTemplatesWithRawResponse

        return AsyncTemplatesWithRawResponse(self)

    async def create(
        self,
        name: str,
        body: Any,
        *,
        description: Optional[str] = None,
        sample: Optional[Mapping[str, Any]] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Template:
        """Creates a template: a Jinja text, or a JSON value whose texts are Jinja. `sample` is the
        data of a preview."""
        optional = without_none(description=description, sample=sample, metadata=metadata)
        content = {"name": name, "body": body, **optional}
        decode = decode_data(m.Template)
        call = post(TEMPLATES, decode, content, key=idempotency_key, timeout=timeout)
        return await self._send(call)

    async def get(self, template: str, *, timeout: Optional[float] = None) -> m.Template:
        """Returns a template."""
        url_path = await self._path(TEMPLATE, template)
        return await self._send(get(url_path, decode_data(m.Template), timeout=timeout))

    def list(
        self,
        *,
        name: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        sort_by: Optional[Literal["created_at", "updated_at", "name"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.Template]:
        """Lists templates, newest first by default. `metadata` are labels that the templates must
        have."""
        query = list_query(
            name=name,
            metadata=metadata,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(TEMPLATES, m.Template, query, timeout))

    async def update(
        self,
        template: str,
        *,
        name: Union[str, Omit] = OMIT,
        body: Union[Any, Omit] = OMIT,
        description: Union[str, None, Omit] = OMIT,
        sample: Union[Mapping[str, Any], None, Omit] = OMIT,
        metadata: Union[Mapping[str, Any], None, Omit] = OMIT,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> m.Template:
        """Updates the given fields. With `if_version`, raises `PreconditionFailedError` if the
        template has another `version`."""
        content = given(
            name=name, body=body, description=description, sample=sample, metadata=metadata
        )
        url_path = await self._path(TEMPLATE, template)
        decode = decode_data(m.Template)
        call = change("PUT", url_path, decode, content, version=if_version, timeout=timeout)
        return await self._send(call)

    async def delete(
        self,
        template: str,
        *,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Deleted:
        """Deletes a template."""
        url_path = await self._path(TEMPLATE, template)
        decode = decode_data(Deleted)
        call = change("DELETE", url_path, decode, version=if_version, timeout=timeout)
        return await self._send(call)

    async def preview(
        self,
        template: str,
        data: Optional[Mapping[str, Any]] = None,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.TemplatePreview:
        """Renders a template with `data`, by default with its own sample."""
        url_path = await self._path(TEMPLATE + "/preview", template)
        decode, body = decode_data(m.TemplatePreview), without_none(data=data)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    async def _path(self, path: str, template: str) -> str:
        """The path of a template that is given by its id or name."""
        if is_id(template, "tpl") or not self._client._resolves_names:
            return build_path(path, template)
        call = Call("GET", TEMPLATES, first_id_in_list(template), {"name": template})
        return build_path(path, await self._send(call))
