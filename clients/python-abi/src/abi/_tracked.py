"""Objects that track their changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import PrivateAttr
from stepwell import Model


class TrackedModel(Model):
    """An object whose `WRITABLE` fields can be assigned; an update sends the changed ones."""

    WRITABLE: ClassVar[tuple[str, ...]] = ()
    _saved: dict[str, Any] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Keeps a copy of the fields to compare with."""
        super().model_post_init(context)
        self._saved = self._dump_writable()

    def __setattr__(self, name: str, value: Any) -> None:
        # An update would not send other fields, so assigning one would have no effect.
        if not name.startswith("_") and name not in self.WRITABLE:
            writable = ", ".join(self.WRITABLE)
            raise AttributeError(f"`{name}` cannot be changed; writable fields: {writable}")
        super().__setattr__(name, value)

    def _dump_writable(self) -> dict[str, Any]:
        # A deep copy, so that changes inside of a field are detected.
        return self.model_dump(mode="json", include=set(self.WRITABLE))

    def changes(self) -> dict[str, Any]:
        """The changed fields with their current values; None clears an optional field."""
        current = self._dump_writable()
        changed = {name: value for name, value in current.items() if value != self._saved.get(name)}
        for name in changed:
            value = getattr(self, name)
            if isinstance(value, datetime):
                changed[name] = value  # The client adds the local zone if there is none.
        return changed

    def mark_saved(self, sent: TrackedModel) -> None:
        """Records that the server has stored the changes of the copy `sent`."""
        self._saved = sent._dump_writable()
