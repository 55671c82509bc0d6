"""How numbers depend on each other, pair by pair: a new pattern that no single feature shows.

Each value becomes a whole number by the rank of its bin, so the sums of a block and of products, two columns at a time,
are whole numbers too: they add up exactly, and an outlier weighs no more than any value of the last bin. What follows
from them is Spearman's rank correlation, near enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 300
"""In fewer, a correlation is as much chance as dependence."""
MOST_FEATURES = 16
"""The first so many numbers that vary: 120 pairs. The work grows with the square."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class JointReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pairs of numbers in training. `columns`: which signals of the profile; `bins`: how many each has. `means` and
    `sds` are of rank scores; of each pair, in order, `correlations`, and `swings`: the deviation of one row's part."""

    columns: tuple[int, ...]
    names: tuple[str, ...]
    bins: tuple[int, ...]
    rows: int
    means: tuple[float, ...]
    sds: tuple[float, ...]
    correlations: tuple[float, ...]
    swings: tuple[float, ...]

    def __post_init__(self) -> None:
        columns, pairs = len(self.columns), len(self.columns) * (len(self.columns) - 1) // 2
        if {len(self.names), len(self.bins), len(self.means), len(self.sds)} != {columns} or not all(
            sd > 0 for sd in self.sds
        ):
            raise ValueError("names, bins and deviations do not fit the columns")
        if {len(self.correlations), len(self.swings)} != {pairs} or not all(swing > 0 for swing in self.swings):
            raise ValueError(f"{len(self.correlations)} correlations and {len(self.swings)} swings for {pairs} pairs")

    @property
    def name(self) -> str:
        return "joint"

    @property
    def role(self) -> Literal["joint"]:
        return "joint"

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Positions within `columns`."""
        return pairs_of(len(self.columns))

    @property
    def pair_names(self) -> tuple[str, ...]:
        """First and second, as ``a~b``. What of a name would make that ambiguous has a backslash before it."""
        names = [name.replace("\\", r"\\").replace("~", r"\~") for name in self.names]
        return tuple(f"{names[first]}~{names[second]}" for first, second in self.pairs)

    @property
    def width(self) -> int:
        """Cells: one a column, its sum, then one a pair, the sum of its products."""
        return len(self.columns) + len(self.correlations)

    def correlation(self, pair: int, cells: Mapping[int, int], n: int) -> float:
        """Of a pair over n events, about the reference's means and in its deviations. So it is a mean of what each
        event adds, and an hour's compares with a day's, also where both features rise and fall with the hour."""
        first, second = self.pairs[pair]
        left, right = self.means[first], self.means[second]
        product = cells.get(len(self.columns) + pair, 0)
        about = product - left * cells.get(second, 0) - right * cells.get(first, 0) + n * left * right
        return about / (n * self.sds[first] * self.sds[second])


@cache
def pairs_of(columns: int) -> tuple[tuple[int, int], ...]:
    """Each two of them, in order."""
    return tuple(combinations(range(columns), 2))


def rank_scores(bins: Integers, counts: Sequence[int]) -> Floats:
    """Whole numbers around 0, as floats, of k columns x n bins; `counts` are of the bins each column has."""
    scores: Floats = (2 * bins - (np.array(counts).reshape(-1, 1) - 1)).astype(np.float64)
    return scores


def joint_reference(
    columns: Sequence[int], names: Sequence[str], counts: Sequence[int], bins: Integers, missing: NDArray[np.bool_]
) -> JointReference | None:
    """From the bins of k columns x n reference rows; None where there are no two columns that vary, or few rows."""
    scores = np.where(missing, 0.0, rank_scores(bins, counts)) if len(columns) else np.empty((0, 0))
    varying = [index for index, row in enumerate(scores) if row.size and row.min() < row.max()][:MOST_FEATURES]
    if len(varying) < 2 or scores.shape[1] < LEAST_ROWS:  # a pair
        return None
    kept = scores[varying]
    means, sds = kept.mean(axis=1), kept.std(axis=1)
    z = (kept - means[:, None]) / sds[:, None]
    products = [z[first] * z[second] for first, second in pairs_of(len(varying))]
    return JointReference(
        columns=tuple(columns[index] for index in varying),
        names=tuple(names[index] for index in varying),
        bins=tuple(counts[index] for index in varying),
        rows=scores.shape[1],
        means=tuple(means.tolist()),
        sds=tuple(sds.tolist()),
        correlations=tuple(float(product.mean()) for product in products),
        # Never nothing: two columns that say the same have products that vary, but a clear pair may hardly.
        swings=tuple(max(0.1, float(product.std())) for product in products),
    )


def joint_sums(scores: Floats, events: Integers) -> NDArray[np.int64]:
    """groups x cells of k columns x n rank scores, the rows in the order of their groups. Exact: sums of whole numbers
    far below 2**53."""
    upper = np.triu_indices(len(scores), 1)
    ends = events.cumsum()
    sums = np.empty((len(events), len(scores) + len(upper[0])))
    for group, (start, end) in enumerate(zip((ends - events).tolist(), ends.tolist(), strict=True)):
        part = scores[:, start:end]
        sums[group, : len(scores)] = part.sum(axis=1)
        sums[group, len(scores) :] = (part @ part.T)[upper]
    return sums.astype(np.int64)
