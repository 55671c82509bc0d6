"""What every change of one feature has in common."""

from __future__ import annotations

import msgspec


class OfFeature(msgspec.Struct, frozen=True):
    """A change of one signal, by its key in alerts."""

    feature: str

    @property
    def signals(self) -> tuple[str, ...]:
        return (self.feature,)
