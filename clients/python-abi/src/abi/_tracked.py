"""Objects that know what was changed in them since they were read."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import PrivateAttr
from stepwell.management import Model


class Tracked(Model):
    """An object whose `WRITABLE` fields can be changed here, and are then sent by an update."""

    WRITABLE: ClassVar[tuple[str, ...]] = ()
    _read: dict[str, Any] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Remembers the fields as they were read."""
        super().model_post_init(context)
        self._read = self._writable()

    def _writable(self) -> dict[str, Any]:
        # Dumped: what is changed inside of a field later must not change this.
        return self.model_dump(mode="json", include=set(self.WRITABLE))

    def changes(self) -> dict[str, Any]:
        """The fields that were changed, as they are now."""
        now = self._writable()
        return {name: now[name] for name in now if now[name] != self._read.get(name)}
