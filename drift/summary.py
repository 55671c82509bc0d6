"""From a batch's matrix to slice deltas, one numpy pass for all partitions, slices and signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from drift.cells import ABOVE, BELOW, FIRST_BIN, FIRST_CATEGORY, NULLS, ONE, SQUARES, SUM, UNSEEN, Z_LIMIT, Layout
from drift.observation import SliceDelta
from drift.profile import NumberReference, ReferenceProfile

MAX_SLICES = 256
"""Slices that one observation record should hold at most, to stay well below a broker's message limit."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Summariser:
    """Summarises rows against a profile. Holds no state: the same rows give the same deltas, and any split of the rows
    gives deltas with the same sums."""

    def __init__(self, profile: ReferenceProfile, slice_ms: int) -> None:
        if slice_ms < 1:
            raise ValueError(f"slice_ms is {slice_ms}, it must be at least 1")
        layout = Layout.of(profile)
        numbers = [(i, s) for i, s in enumerate(profile.signals) if isinstance(s, NumberReference)]
        categories = [(i, s) for i, s in enumerate(profile.signals) if not isinstance(s, NumberReference)]
        self._slice_ms = slice_ms
        self._signals = len(profile.signals)
        self._cells = layout.size
        self._numbers = [i for i, _ in numbers]
        self._edges = [np.array(s.edges) for _, s in numbers]
        self._low, self._high, self._mean, self._scale = (
            np.array([getattr(s, field) for _, s in numbers], dtype=np.float64).reshape(-1, 1)
            for field in ("low", "high", "mean", "scale")
        )
        self._number_bases = np.array([layout.bases[i] for i, _ in numbers], dtype=np.int64).reshape(-1, 1)
        self._categories = [i for i, _ in categories]
        self._sizes = np.array([len(s.categories) for _, s in categories], dtype=np.int64).reshape(-1, 1)
        self._category_bases = np.array([layout.bases[i] for i, _ in categories], dtype=np.int64).reshape(-1, 1)

    def chunks(self, partitions: Integers, times_ms: Integers) -> Iterator[slice]:
        """Consecutive row ranges that hold at most `MAX_SLICES` slices of any partition each: one range as a rule, more
        where old events come sparsely in time. Summarise and publish range by range."""
        pending = [slice(0, len(times_ms))]
        while pending:
            rows = pending.pop()
            spread = _groups(partitions[rows], times_ms[rows] // self._slice_ms)[0]
            if spread.size and np.unique(spread, return_counts=True)[1].max() > MAX_SLICES:
                middle = (rows.start + rows.stop) // 2
                pending += [slice(middle, rows.stop), slice(rows.start, middle)]
            else:
                yield rows

    def summarise(
        self, partitions: Integers, times_ms: Integers, matrix: Floats, offsets: Integers | None = None
    ) -> dict[int, list[SliceDelta]]:
        """Deltas of each partition, by rising slice, of n rows (n x signals, coded as drift.profile says).

        With `offsets` (n source offsets) each delta bounds its events, so that an alert can say what to replay.
        """
        if matrix.shape != (len(times_ms), self._signals):
            raise ValueError(f"matrix is {matrix.shape}, expected ({len(times_ms)}, {self._signals})")
        deltas: dict[int, list[SliceDelta]] = {}
        if not len(times_ms):
            return deltas
        owners, slices, group = _groups(partitions, times_ms // self._slice_ms)
        table = self._table(matrix, group, len(owners))
        events = np.bincount(group, minlength=len(owners)).tolist()
        firsts, lasts = _bounds(offsets, group, len(owners))
        for index, (owner, number) in enumerate(zip(owners.tolist(), slices.tolist(), strict=True)):
            row = table[index]
            filled = row.nonzero()[0]
            cells = dict(zip(filled.tolist(), row[filled].tolist(), strict=True))
            deltas.setdefault(owner, []).append(SliceDelta(number, events[index], cells, firsts[index], lasts[index]))
        return deltas

    def _table(self, matrix: Floats, group: Integers, groups: int) -> Integers:
        """groups x cells, every value counted once in a bin, category or null cell; sums and range counts on top."""
        start = group * self._cells
        size = groups * self._cells
        columns = matrix.T
        counted: list[Integers] = []
        table = np.zeros(size, dtype=np.int64)
        if self._categories:
            values = columns[self._categories]
            known = (values >= 0) & (values < self._sizes)
            codes = np.where(known, values, 0).astype(np.int64) + FIRST_CATEGORY
            codes[~known] = UNSEEN
            codes[np.isnan(values)] = NULLS
            counted.append((codes + self._category_bases + start).ravel())
        if self._numbers:
            values = np.ascontiguousarray(columns[self._numbers])
            first = self._number_bases + start
            codes = np.empty(values.shape, dtype=np.int64)
            for code, edges, column in zip(codes, self._edges, values, strict=True):
                code[:] = edges.searchsorted(column, side="right")
            codes += FIRST_BIN
            missing = np.isnan(values)
            codes[missing] = NULLS
            counted += [(codes + first).ravel(), first[values < self._low] + BELOW, first[values > self._high] + ABOVE]
            z = np.minimum(np.maximum(values, self._low), self._high)
            z -= self._mean
            z /= self._scale
            z[missing] = 0.0
            np.clip(z, -Z_LIMIT, Z_LIMIT, out=z)
            squares = z * z
            # Whole numbers far below 2**53: float sums of them are exact, in any order.
            for cell, amounts in ((SUM, z), (SQUARES, squares)):
                whole = np.rint(amounts * ONE)
                table += np.bincount((first + cell).ravel(), whole.ravel(), size).astype(np.int64)
        table += np.bincount(np.concatenate(counted), minlength=size)
        return table.reshape(groups, self._cells)


def _groups(partitions: Integers, slices: Integers) -> tuple[Integers, Integers, Integers]:
    """Distinct (partition, slice) pairs in order, and for each row the number of its pair."""
    low = slices.min() if slices.size else 0
    span = int(slices.max() - low) + 1 if slices.size else 1
    keys, group = np.unique(partitions * span + (slices - low), return_inverse=True)
    return keys // span, keys % span + low, group.reshape(-1)


def _bounds(offsets: Integers | None, group: Integers, groups: int) -> tuple[list[int | None], list[int | None]]:
    if offsets is None:
        return [None] * groups, [None] * groups
    firsts, lasts = np.full(groups, np.iinfo(np.int64).max), np.full(groups, -1)
    np.minimum.at(firsts, group, offsets)
    np.maximum.at(lasts, group, offsets)
    return firsts.tolist(), lasts.tolist()
