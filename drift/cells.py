"""Sparse integer cells: the additive form that all summaries have. Merging is addition, so it is exact and commutes.

A profile lays its signals out one after the other:

* number: nulls, below, above, sum, squares, then one cell a bin;
* category and boolean: nulls, unseen, then one cell a category;
* last, the numbers together: see drift.joint.

`sum` and `squares` are of clipped, standardised values in fixed point (`ONE` is 1.0); the others count events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from drift.classes import class_groups
from drift.joint import JointReference
from drift.profile import CategoryReference, NumberReference, ReferenceProfile, SignalReference

Cells: TypeAlias = dict[int, int]

ONE = 1 << 20
Z_LIMIT = 64.0  # beyond any clip range of a real column; keeps sums of 2 million events exact in a float64

NULLS = 0
BELOW, ABOVE, SUM, SQUARES, FIRST_BIN = 1, 2, 3, 4, 5
UNSEEN, FIRST_CATEGORY = 1, 2


def width(signal: SignalReference | JointReference) -> int:
    """How many cells a signal takes."""
    if isinstance(signal, JointReference):
        return signal.width
    if isinstance(signal, NumberReference):
        return FIRST_BIN + len(signal.counts)
    return FIRST_CATEGORY + len(signal.categories)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each signal's cells begin (`bases`), the joint ones last, to which a cell belongs (`owners`), and into
    which one a cell goes that is not told apart (`folds`)."""

    bases: tuple[int, ...]
    owners: tuple[int, ...]
    folds: Mapping[int, int]

    @classmethod
    def of(cls, profile: ReferenceProfile) -> Layout:
        bases: list[int] = []
        owners: list[int] = []
        folds: dict[int, int] = {}
        for index, reference in enumerate(profile.watched):
            base = len(owners)
            bases.append(base)
            owners += [index] * width(reference)
            if isinstance(reference, CategoryReference):
                for _, (first, *rest) in class_groups(reference):
                    folds |= {base + FIRST_CATEGORY + other: base + FIRST_CATEGORY + first for other in rest}
        return cls(tuple(bases), tuple(owners), folds)

    @property
    def size(self) -> int:
        return len(self.owners)

    def folded(self, cells: Cells) -> Cells:
        """With the classes that are only watched together in the cell of the first of them. All that is watched stays
        the same; a block of a category of thousands would be too large to remember."""
        if not self.folds:
            return cells
        total: Cells = {}
        for cell, count in cells.items():
            into = self.folds.get(cell, cell)
            total[into] = total.get(into, 0) + count
        return total

    def split(self, cells: Mapping[int, int]) -> list[Cells]:
        """The cells of each signal, numbered from its own base."""
        parts: list[Cells] = [{} for _ in self.bases]
        for cell, count in sorted(cells.items()):
            owner = self.owners[cell]
            parts[owner][cell - self.bases[owner]] = count
        return parts


def add(total: Cells, more: Mapping[int, int]) -> None:
    """Add `more` into `total`. Cells that come to nothing go, so equal sums are equal mappings."""
    for cell, count in more.items():
        merged = total.get(cell, 0) + count
        if merged:
            total[cell] = merged
        else:
            total.pop(cell, None)


def ordered(cells: Mapping[int, int]) -> Cells:
    """The same cells by rising number, for bytes that depend on the content only."""
    return dict(sorted(cells.items()))
