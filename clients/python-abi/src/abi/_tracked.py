"""Objects that know what was changed in them since they were read."""

from __future__ import annotations

from datetime import datetime
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

    def __setattr__(self, name: str, value: Any) -> None:
        # An update would not send it, and nobody would notice.
        if not name.startswith("_") and name not in self.WRITABLE:
            can = ", ".join(self.WRITABLE)
            raise AttributeError(f"`{name}` cannot be changed here; these can: {can}")
        super().__setattr__(name, value)

    def _writable(self) -> dict[str, Any]:
        # Dumped: what is changed inside of a field later must not change this.
        return self.model_dump(mode="json", include=set(self.WRITABLE))

    def changes(self) -> dict[str, Any]:
        """The fields that were changed, as they are now; None empties what can be empty."""
        now = self._writable()
        changed = {name: now[name] for name in now if now[name] != self._read.get(name)}
        for name in changed:
            value = getattr(self, name)
            if isinstance(value, datetime):
                changed[name] = value  # One without a zone is given that of this machine.
        return changed

    def stored(self, sent: Tracked) -> None:
        """Notes that its changes were stored as they were in the copy `sent`, so that they are not
        sent again."""
        self._read = sent._writable()
