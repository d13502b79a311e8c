# Generated from `_async/variables.py` by `scripts/generate_clients.py`. Do not edit.
"""Variables: `/api/v1/variables`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _variable_models as m
from .._base import SortOrder
from .._call import build_path, change, decode_data, get, list_query, post
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import VARIABLE, VARIABLES
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import VariablesWithRawResponse


class Variables(Resource):
    """Variables, settings of a workspace that expressions read as `vars.NAME`: `client.variables`.
    Executions have the values that they started with. They are not secret."""

    @property
    def with_raw_response(self) -> VariablesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import VariablesWithRawResponse

        return VariablesWithRawResponse(self)

    def create(
        self,
        name: str,
        value: Any,
        *,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Variable:
        """Creates a variable. Its value is any JSON value, also None."""
        content = {"name": name, "value": value, **without_none(description=description)}
        decode = decode_data(m.Variable)
        call = post(VARIABLES, decode, content, key=idempotency_key, timeout=timeout)
        return self._send(call)

    def get(self, name: str, *, timeout: Optional[float] = None) -> m.Variable:
        """Returns a variable."""
        url_path = build_path(VARIABLE, name)
        return self._send(get(url_path, decode_data(m.Variable), timeout=timeout))

    def list(
        self,
        *,
        name: Optional[str] = None,
        sort_by: Optional[Literal["created_at", "updated_at", "name"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.Variable]:
        """Lists variables with their values, newest first by default."""
        query = list_query(
            name=name,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(VARIABLES, m.Variable, query, timeout))

    def update(
        self,
        name: str,
        *,
        value: Union[Any, Omit] = OMIT,
        description: Union[str, None, Omit] = OMIT,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> m.Variable:
        """Updates the given fields. With `if_version`, raises `PreconditionFailedError` if the
        variable has another `version`."""
        content = given(value=value, description=description)
        url_path = build_path(VARIABLE, name)
        decode = decode_data(m.Variable)
        call = change("PUT", url_path, decode, content, version=if_version, timeout=timeout)
        return self._send(call)

    def delete(
        self,
        name: str,
        *,
        if_version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> m.DeletedVariable:
        """Deletes a variable."""
        url_path = build_path(VARIABLE, name)
        decode = decode_data(m.DeletedVariable)
        call = change("DELETE", url_path, decode, version=if_version, timeout=timeout)
        return self._send(call)
