# Generated from `_async/templates.py` by `scripts/generate_sync.py`. Do not edit.
"""Templates, texts and JSON values with expressions: `/api/v1/templates`."""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional

from typing_extensions import Unpack

from .. import _template_models as t
from .._call import (
    build_path,
    decode_data,
    delete_with_result,
    get,
    list_page,
    post,
    put,
    query_params,
    without_none,
)
from .._management import TEMPLATE, TEMPLATES
from .._management_models import Deleted, Page
from .resource import Resource


class Templates(Resource):
    """Calls for templates: `client.templates`."""

    def create(
        self,
        name: str,
        body: Any,
        *,
        idempotency_key: Optional[str] = None,
        **fields: Unpack[t.TemplateFields],
    ) -> t.Template:
        """Creates a template: a Jinja text, or a JSON value whose texts are Jinja."""
        content = {"name": name, "body": body, **fields}
        call = post(TEMPLATES, decode_data(t.Template), content, key=idempotency_key)
        return self._client._send(call)

    def get(self, template_id: str) -> t.Template:
        """Returns a template."""
        return self._client._send(
            get(build_path(TEMPLATE, template_id), decode_data(t.Template))
        )

    def list(self, **options: Unpack[t.TemplateListOptions]) -> Page[t.TemplateRow]:
        """Returns a page of templates."""
        return self._client._send(list_page(TEMPLATES, Page[t.TemplateRow], options))

    def iter(
        self, **selection: Unpack[t.TemplateSelection]
    ) -> Generator[t.TemplateRow, None, None]:
        """Iterates over all templates, page by page."""
        return self._client._iter_pages(TEMPLATES, Page[t.TemplateRow], query_params(selection))

    def update(
        self,
        template_id: str,
        *,
        if_version: Optional[int] = None,
        **changes: Unpack[t.TemplateChange],
    ) -> t.Template:
        """Updates the given fields. With `if_version`, raises `PreconditionFailedError` if the
        template has another `version`."""
        url_path = build_path(TEMPLATE, template_id)
        call = put(url_path, decode_data(t.Template), changes, version=if_version)
        return self._client._send(call)

    def delete(self, template_id: str, *, if_version: Optional[int] = None) -> Deleted:
        """Deletes a template."""
        url_path = build_path(TEMPLATE, template_id)
        call = delete_with_result(url_path, decode_data(Deleted), version=if_version)
        return self._client._send(call)

    def preview(
        self,
        template_id: str,
        data: Optional[Mapping[str, Any]] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> t.TemplatePreview:
        """Renders a template with `data`, by default with its own sample."""
        url_path = build_path(TEMPLATE + "/preview", template_id)
        body = without_none(data=data)
        call = post(url_path, decode_data(t.TemplatePreview), body, key=idempotency_key)
        return self._client._send(call)
