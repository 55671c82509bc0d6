"""The reference profile: what each signal looked like in training, frozen and named by its content.

Columns are coded as the model's input matrix is: number = value, boolean = 0 or 1, category = index into its
categories (-1: unseen), null = NaN.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.binning import bin_edges, clip_range
from drift.joint import JointReference, joint_reference
from drift.noise import Calibration
from drift.volume import VolumeReference

FORMAT = 1
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BOOLEAN_CATEGORIES = ("false", "true")
OTHERS = "(others)"
"""What the classes that are not watched one by one go by, together."""

Role: TypeAlias = Literal["feature", "output", "error", "label"]
"""An input, an answer, how wrong answers are, and how labels come; a VolumeReference is of none of them."""


class ProfileError(ValueError):
    """A profile cannot be built from these columns, or these bytes are none that this version reads."""


def key_of(role: str, name: str) -> str:
    """What a signal goes by in alerts, metrics and state: a feature by its name, what is no feature as a metric."""
    return name if role == "feature" else f"metric/{name}"


class SignalSpec(msgspec.Struct, frozen=True):
    """One column to watch: an input feature or an output of the model."""

    name: str
    kind: Literal["number", "category", "boolean"]
    role: Role
    categories: tuple[str, ...] = ()


class NumberReference(msgspec.Struct, frozen=True, tag_field="kind", tag="number", forbid_unknown_fields=True):
    """A number in training. `mean` and `sd` are those of the values clipped to [`low`, `high`]; `rows` counts nulls
    too. `counts` are over the bins that `edges` divide (one more than edges)."""

    name: str
    role: Role
    rows: int
    nulls: int
    low: float
    high: float
    below: int
    above: int
    mean: float
    sd: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    quantiles: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.low, self.high, self.mean, self.sd, *self.edges))):
            raise ValueError(f"signal {self.name!r}: a reference value is not finite")
        if self.low > self.high or self.sd < 0 or any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"signal {self.name!r}: clip range, deviation or bin edges are out of order")
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"signal {self.name!r}: {len(self.counts)} counts for {len(self.edges)} bin edges")

    @property
    def scale(self) -> float:
        """What one standard deviation is; 1.0 where the reference hardly varies."""
        return self.sd if self.sd > 1e-12 * max(abs(self.low), abs(self.high), 1e-290) else 1.0

    @property
    def constant(self) -> bool:
        return self.low == self.high


class CategoryReference(msgspec.Struct, frozen=True, tag_field="kind", tag="category", forbid_unknown_fields=True):
    """A category or boolean in training, with the count of each category; `rows` counts nulls and unseen too."""

    name: str
    role: Role
    rows: int
    nulls: int
    unseen: int
    categories: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.categories):
            raise ValueError(f"signal {self.name!r}: {len(self.counts)} counts for {len(self.categories)} categories")


SignalReference: TypeAlias = NumberReference | CategoryReference
WatchedReference: TypeAlias = SignalReference | JointReference | VolumeReference


class ReferenceProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every watched signal in training, in matrix order; `first_ms` and `last_ms` bound the rows in time if known.
    `calibration` (see drift.calibration) has an entry for each, and one for `joint` where that is."""

    format: int
    rows: int
    signals: tuple[SignalReference, ...]
    first_ms: int | None = None
    last_ms: int | None = None
    joint: JointReference | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if self.calibration and len(self.calibration.signals) != len(self.watched):
            raise ValueError(f"{len(self.calibration.signals)} calibrations for {len(self.watched)} signals")
        if self.joint and max(self.joint.columns) >= len(self.signals):
            raise ValueError("the joint reference is of more signals than there are")
        if self.format != FORMAT:
            raise ValueError(f"profile format {self.format}, this version reads {FORMAT}: add the model again")
        if repeated := sorted({key for key in self.keys if self.keys.count(key) > 1}):
            raise ProfileError(f"signals go by the same key: {', '.join(repeated)}; rename the features")
        if "" in self.keys:
            raise ProfileError("a feature has no name: without one nobody could tell what drifted")

    @property
    def watched(self) -> tuple[SignalReference | JointReference, ...]:
        """The signals and, where it is, the joint one last."""
        return (*self.signals, self.joint) if self.joint else self.signals

    @property
    def keys(self) -> tuple[str, ...]:
        """What each of `watched` goes by."""
        return tuple(key_of(reference.role, reference.name) for reference in self.watched)

    def encode(self) -> bytes:
        """Deterministic JSON."""
        return msgspec.json.encode(self)

    @property
    def id(self) -> str:
        """Short hash of the content: equal profiles, equal ids."""
        return hashlib.sha256(self.encode()).hexdigest()[:16]


_decode = msgspec.json.Decoder(ReferenceProfile).decode


def decode_profile(data: bytes) -> ReferenceProfile:
    """Read a profile back. Raises ProfileError on anything that `encode` of this format did not write."""
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise ProfileError(f"not a reference profile ({error}); build it again with the model") from error


def build_profile(
    specs: tuple[SignalSpec, ...] | list[SignalSpec],
    matrix: NDArray[np.float64],
    times_ms: NDArray[np.int64] | None = None,
) -> ReferenceProfile:
    """Profile n reference rows (n x len(specs), coded as above). Raises ProfileError on infinite values."""
    if matrix.ndim != 2 or matrix.shape[1] != len(specs):
        raise ProfileError(f"matrix is {matrix.shape}, expected (rows, {len(specs)}): one column a signal")
    if np.isinf(matrix).any():
        names = [spec.name for spec, column in zip(specs, matrix.T, strict=True) if np.isinf(column).any()]
        raise ProfileError(f"infinite reference values in {', '.join(names)}: drop or null those rows")
    timed = times_ms is not None and times_ms.size > 0
    signals = tuple(
        _number(spec, column) if spec.kind == "number" else _category(spec, column)
        for spec, column in zip(specs, matrix.T, strict=True)
    )
    return ReferenceProfile(
        format=FORMAT,
        rows=len(matrix),
        signals=signals,
        joint=_joint(signals, matrix),
        first_ms=int(times_ms.min()) if timed and times_ms is not None else None,
        last_ms=int(times_ms.max()) if timed and times_ms is not None else None,
    )


def bins_of(
    signals: Sequence[SignalReference], columns: Sequence[int], matrix: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Bin of each value of some number columns, columns x rows."""
    numbers = [signals[column] for column in columns]
    edges = [np.array(number.edges) for number in numbers if isinstance(number, NumberReference)]
    found = [np.searchsorted(own, matrix[:, column], side="right") for own, column in zip(edges, columns, strict=True)]
    return np.array(found, dtype=np.intp).reshape(len(columns), len(matrix))


def _joint(signals: Sequence[SignalReference], matrix: NDArray[np.float64]) -> JointReference | None:
    numbers = [
        (index, signal)
        for index, signal in enumerate(signals)
        if isinstance(signal, NumberReference) and signal.role == "feature" and not signal.constant
    ]
    columns = [index for index, _ in numbers]
    return joint_reference(
        columns,
        [signal.name for _, signal in numbers],
        [len(signal.counts) for _, signal in numbers],
        bins_of(signals, columns, matrix),
        np.isnan(matrix[:, columns].T),
    )


def _number(spec: SignalSpec, column: NDArray[np.float64]) -> NumberReference:
    values = column[~np.isnan(column)]
    low, high = clip_range(values)
    clipped = np.clip(values, low, high)
    mean, sd = (float(np.mean(clipped)), float(np.std(clipped))) if values.size else (0.0, 0.0)
    if not (math.isfinite(mean) and math.isfinite(sd)):
        raise ProfileError(f"values of {spec.name!r} are too large for a mean and deviation: rescale the feature")
    edges = bin_edges(values)
    counts = np.bincount(np.searchsorted(np.array(edges), values, side="right"), minlength=len(edges) + 1)
    shown = np.quantile(values, QUANTILES, method="inverted_cdf").tolist() if values.size else []
    return NumberReference(
        name=spec.name,
        role=spec.role,
        rows=len(column),
        nulls=len(column) - values.size,
        low=low,
        high=high,
        below=int(np.count_nonzero(values < low)),
        above=int(np.count_nonzero(values > high)),
        mean=mean,
        sd=0.0 if low == high else sd,
        edges=edges,
        counts=tuple(counts.tolist()),
        quantiles=tuple(shown),
    )


def _category(spec: SignalSpec, column: NDArray[np.float64]) -> CategoryReference:
    categories = BOOLEAN_CATEGORIES if spec.kind == "boolean" else spec.categories
    known = column[(column >= 0) & (column < len(categories))].astype(np.int64)
    nulls = int(np.count_nonzero(np.isnan(column)))
    return CategoryReference(
        name=spec.name,
        role=spec.role,
        rows=len(column),
        nulls=nulls,
        unseen=len(column) - nulls - known.size,
        categories=categories,
        counts=tuple(np.bincount(known, minlength=len(categories)).tolist()),
    )
