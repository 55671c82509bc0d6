"""From a batch's matrix to slice deltas, one numpy pass for all partitions, slices and signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from drift.bin_finder import BinFinder
from drift.cells import ABOVE, BELOW, FIRST_BIN, FIRST_CATEGORY, NULLS, ONE, SQUARES, SUM, UNSEEN, Z_LIMIT, Layout
from drift.joint import joint_sums, rank_scores
from drift.observation import SliceDelta
from drift.profile import NumberReference, ReferenceProfile

MAX_SLICES = 256
"""Slices that one observation record should hold at most, to stay well below a broker's message limit."""

ROWS_AT_ONCE = 2048
"""So that what each pass over them leaves is still in the processor's cache for the next one."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Summariser:
    """Summarises rows against a profile. Holds no state: the same rows give the same deltas, and any split of the rows
    gives deltas with the same sums."""

    def __init__(self, profile: ReferenceProfile, slice_ms: int, rows_at_once: int = ROWS_AT_ONCE) -> None:
        if slice_ms < 1:
            raise ValueError(f"slice_ms is {slice_ms}, it must be at least 1")
        layout = Layout.of(profile)
        numbers = [(i, s) for i, s in enumerate(profile.signals) if isinstance(s, NumberReference)]
        categories = [(i, s) for i, s in enumerate(profile.signals) if not isinstance(s, NumberReference)]
        self._slice_ms, self._rows_at_once = slice_ms, rows_at_once
        self._signals = len(profile.signals)
        self._cells = layout.size
        self._numbers = [i for i, _ in numbers]
        self._bins = BinFinder([np.array(s.edges, dtype=np.float64) for _, s in numbers])
        self._low, self._high, self._mean, self._scale = (
            np.array([getattr(s, field) for _, s in numbers], dtype=np.float64).reshape(-1, 1)
            for field in ("low", "high", "mean", "scale")
        )
        # Standardising is monotone: where the ends of the clip range are within the limit, so is everything between.
        ends = np.concatenate([self._low - self._mean, self._high - self._mean], axis=1) / self._scale
        self._z_bounded = bool((np.abs(ends) <= Z_LIMIT).all())
        self._number_bases = np.array([layout.bases[i] for i, _ in numbers], dtype=np.int64).reshape(-1, 1)
        joint = profile.joint
        self._joint = [self._numbers.index(column) for column in joint.columns] if joint else []
        self._joint_bins = joint.bins if joint else ()
        self._joint_base = layout.bases[-1]
        self._categories = [i for i, _ in categories]
        self._sizes = np.array([len(s.categories) for _, s in categories], dtype=np.int64).reshape(-1, 1)
        self._category_bases = np.array([layout.bases[i] for i, _ in categories], dtype=np.int64).reshape(-1, 1)

    def chunks(self, partitions: Integers, times_ms: Integers) -> Iterator[slice]:
        """Consecutive row ranges that hold at most `MAX_SLICES` slices of any partition each: one range as a rule, more
        where old events come sparsely in time. Summarise and publish range by range."""
        pending = [slice(0, len(times_ms))]
        while pending:
            rows = pending.pop()
            if self._fits(partitions[rows], times_ms[rows]):
                yield rows
            else:
                middle = (rows.start + rows.stop) // 2
                pending += [slice(middle, rows.stop), slice(rows.start, middle)]

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
        events = np.bincount(group, minlength=len(owners))
        order = np.argsort(group.astype(np.uint16) if len(owners) < 1 << 16 else group, kind="stable")
        table = self._table(matrix[order], events)
        firsts, lasts = _bounds(None if offsets is None else offsets[order], events)
        counts = events.tolist()
        for index, (owner, number) in enumerate(zip(owners.tolist(), slices.tolist(), strict=True)):
            row = table[index]
            filled = row.nonzero()[0]
            cells = dict(zip(filled.tolist(), row[filled].tolist(), strict=True))
            deltas.setdefault(owner, []).append(SliceDelta(number, counts[index], cells, firsts[index], lasts[index]))
        return deltas

    def _fits(self, partitions: Integers, times_ms: Integers) -> bool:
        if not len(times_ms) or (times_ms.max() - times_ms.min()) // self._slice_ms < MAX_SLICES - 1:
            return True
        owners = _groups(partitions, times_ms // self._slice_ms)[0]
        return bool(np.unique(owners, return_counts=True)[1].max() <= MAX_SLICES)

    def _table(self, matrix: Floats, events: Integers) -> Integers:
        """groups x cells, every value counted once in a bin, category or null cell; sums and range counts on top.

        The rows are in the order of their groups, `events[i]` of them in group i.
        """
        table = np.zeros((len(events), self._cells), dtype=np.int64)
        ends = events.cumsum()
        for begin in range(0, len(matrix), self._rows_at_once):
            end = min(begin + self._rows_at_once, len(matrix))
            groups = slice(int(ends.searchsorted(begin, side="right")), int(ends.searchsorted(end)) + 1)
            inside = np.minimum(ends[groups], end) - np.maximum(ends[groups] - events[groups], begin)
            table[groups] += self._counted(matrix[begin:end], inside)
        return table

    def _counted(self, matrix: Floats, events: Integers) -> Integers:
        groups = len(events)
        size = groups * self._cells
        starts = events.cumsum() - events
        cell_starts = np.repeat(np.arange(groups) * self._cells, events)
        columns = matrix.T
        counted: list[Integers] = []
        if self._categories:
            values = columns[self._categories]
            known = (values >= 0) & (values < self._sizes)
            codes = np.where(known, values, 0).astype(np.int64) + FIRST_CATEGORY
            codes[~known] = UNSEEN
            codes[np.isnan(values)] = NULLS
            codes += self._category_bases
            codes += cell_starts
            counted.append(codes.ravel())
        sums: list[tuple[int, Floats]] = []
        together = None
        if self._numbers:
            values = np.ascontiguousarray(columns[self._numbers])
            missing = np.isnan(values)
            nulls = bool(missing.any())
            codes = self._bins(np.where(missing, self._mean, values) if nulls else values)
            if self._joint:
                scores = rank_scores(codes[self._joint], self._joint_bins)
                together = joint_sums(np.where(missing[self._joint], 0.0, scores) if nulls else scores, events)
            codes += FIRST_BIN
            if nulls:
                codes[missing] = NULLS
            codes += self._number_bases
            codes += cell_starts
            counted.append(codes.ravel())
            z = np.minimum(np.maximum(values, self._low), self._high)
            if nulls or not np.array_equal(z, values):  # most batches hold nothing out of range
                for cell, beyond in ((BELOW, values < self._low), (ABOVE, values > self._high)):
                    rows = beyond.nonzero()
                    counted.append(self._number_bases[rows[0], 0] + cell_starts[rows[1]] + cell)
            z -= self._mean
            z /= self._scale
            if nulls:
                z[missing] = 0.0
            if not self._z_bounded:
                np.minimum(np.maximum(z, -Z_LIMIT, out=z), Z_LIMIT, out=z)
            # Whole numbers far below 2**53: float sums of them are exact, in any order.
            sums = [
                (cell, np.add.reduceat(np.rint(amounts * ONE), starts, axis=1))
                for cell, amounts in ((SUM, z), (SQUARES, z * z))
            ]
        table = np.bincount(np.concatenate(counted), minlength=size).reshape(groups, self._cells)
        for cell, totals in sums:
            table[:, self._number_bases[:, 0] + cell] = totals.T.astype(np.int64)
        if together is not None:
            table[:, self._joint_base :] = together
        return table


def _groups(partitions: Integers, slices: Integers) -> tuple[Integers, Integers, Integers]:
    """Distinct (partition, slice) pairs in order, and for each row the number of its pair."""
    low, first = slices.min(), partitions.min()
    span = int(slices.max() - low) + 1
    keys = (partitions - first) * span + (slices - low)
    most = int(keys.max()) + 1
    if most > 8 * len(keys):
        distinct, group = np.unique(keys, return_inverse=True)
        group = group.reshape(-1)
    else:  # as a rule: few pairs, counted faster than sorted
        present = np.bincount(keys, minlength=most) > 0
        distinct, group = present.nonzero()[0], (present.cumsum() - 1)[keys]
    return distinct // span + first, distinct % span + low, group


def _bounds(offsets: Integers | None, events: Integers) -> tuple[list[int | None], list[int | None]]:
    """Lowest and highest offset of each group; `offsets` in the order of the groups."""
    if offsets is None:
        return [None] * len(events), [None] * len(events)
    starts = events.cumsum() - events
    return np.minimum.reduceat(offsets, starts).tolist(), np.maximum.reduceat(offsets, starts).tolist()
