"""Which columns there are between two steps."""

from __future__ import annotations

from collections.abc import Sequence

from models.preprocessing.step import Given
from models.schema import Feature

MOST_COLUMNS = 10_000
"""That steps may come to: a batch is held in memory with each of them."""


class Layout:
    """Columns in order."""

    def __init__(self, features: Sequence[Feature]) -> None:
        """Raises ValueError when a name repeats."""
        self.features = tuple(features)
        self._by_name = {feature.name: feature for feature in self.features}
        if len(self._by_name) != len(self.features):
            names = self.names
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"there would be two columns {', '.join(map(repr, repeated))}")

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    def read(self, names: Sequence[str]) -> list[Feature]:
        """The columns of these names. Raises ValueError when one is missing, or none is named."""
        missing = [name for name in names if name not in self._by_name]
        if missing:
            listed = ", ".join(self.names[:30])
            raise ValueError(f"no column {', '.join(map(repr, missing))}; there are {listed}")
        if not names:
            raise ValueError("it names no column")
        return [self._by_name[name] for name in names]

    def after(self, given: Sequence[Given]) -> Layout:
        """The columns once a step was taken. Raises ValueError when a name would repeat, or there would be too many."""
        following: list[Feature] = []
        replaced = {each.instead_of for each in given}
        for feature in self.features:
            if feature.name in replaced:
                following += [each.feature for each in given if each.instead_of == feature.name]
            else:
                following.append(feature)
        following += [each.feature for each in given if each.instead_of is None]
        if len(following) > max(MOST_COLUMNS, len(self.features)):
            raise ValueError(f"there would be {len(following)} columns, {MOST_COLUMNS} are the most")
        return Layout(following)
