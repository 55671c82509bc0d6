"""Everything that an online model is, as numbers in a file: what River holds in objects, and no object. Pure.

Floats are written in the shortest form that reads back as the same bits, so learning goes on from a file exactly as it
would have gone on without.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec

from models.errors import ModelError

FURTHEST_WEIGHT = 1e100
"""A row moves a weight by 1e78 at most (models.online.learner.FURTHEST at the largest rate). Only weights that grow by
themselves come so far, by a penalty that is too large for its learning rate."""

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Rate: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1000)]


class Scaler(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """River's StandardScaler: of each column how often it was there, its mean and its variance (Welford, 1962)."""

    counts: list[Number]
    means: list[float]
    variances: list[float]


class LogisticRegression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """Of two classes the second, by weights that stochastic gradient descent moves (Robbins and Monro, 1951)."""

    learning_rate: Rate
    intercept_learning_rate: Rate
    l2: Rate
    intercept: float
    weights: list[float]


class ClassGaussians(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one class, by its place among the labels: its rows, and of each column how often it was there, its mean, and
    the sum of the squared distances from it."""

    label: Number
    rows: Number
    counts: list[Number]
    means: list[float]
    squares: list[float]


class GaussianNaiveBayes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A normal distribution a class and column. Classes stand in the order in which they were first seen."""

    classes: list[ClassGaussians]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`columns`: see models.online.design. `labels`: how many classes there are. `learned`: rows so far."""

    format: Literal[1]
    columns: list[str]
    labels: Annotated[int, msgspec.Meta(ge=2)]
    learned: Number
    scaler: Scaler | None
    model: LogisticRegression | GaussianNaiveBayes

    def __post_init__(self) -> None:
        width = len(self.columns)
        if not width:
            raise ValueError("a model has columns")
        if self.scaler is not None:
            _check(width, self.scaler.counts, self.scaler.means, self.scaler.variances)
            _check_spread(self.scaler.variances)
        if isinstance(self.model, LogisticRegression):
            _check(width, self.model.weights)
            _check(1, [self.model.intercept])
            if self.labels != 2:
                raise ValueError(f"logistic regression tells two classes apart, not {self.labels}")
            return
        places = [each.label for each in self.model.classes]
        if len(set(places)) < len(places) or any(place >= self.labels for place in places):
            raise ValueError(f"classes {places} are not distinct places among {self.labels} labels")
        for each in self.model.classes:
            _check(width, each.counts, each.means, each.squares)
            _check_spread(each.squares)
            if each.rows < 1 or any(count > each.rows for count in each.counts):
                raise ValueError(f"class {each.label} has {each.rows} rows, and columns of more")

    @property
    def diverged(self) -> bool:
        """Whether weights grew by themselves: nothing that such a model answers means anything."""
        return isinstance(self.model, LogisticRegression) and too_far(self.model.weights)


def too_far(weights: Iterable[float]) -> bool:
    """Whether one of the weights is beyond what rows can lead to."""
    return not all(abs(weight) <= FURTHEST_WEIGHT for weight in weights)


def _check(width: int, *columns: Sequence[float]) -> None:
    for numbers in columns:
        if len(numbers) != width:
            raise ValueError(f"{len(numbers)} numbers where {width} are due")
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a number is not finite")


def _check_spread(numbers: Sequence[float]) -> None:
    if any(number < 0 for number in numbers):
        raise ValueError("a variance is negative")


_decode = msgspec.json.Decoder(Parameters).decode


def decode_parameters(data: bytes, where: str) -> Parameters:
    """Raises ModelError for unknown or missing fields, wrong types, numbers that are not finite or do not fit."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(
            f"the parameters do not hold: {error}",
            where=where,
            cause="no file of an online model, written by another release of Weir, or edited by hand",
            fix="add the model again with `weir model add`, or freeze the learner again",
        ) from error


def encode_parameters(parameters: Parameters) -> bytes:
    """Readable JSON; floats keep all their bits."""
    return msgspec.json.format(msgspec.json.encode(parameters), indent=1) + b"\n"
