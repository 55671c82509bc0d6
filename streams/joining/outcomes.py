"""What became of answers and labels, as columns of each model version. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.joining.key_index import Keys
from streams.joining.log import Rows
from streams.joining.state import Answerer
from streams.joining.values import Values, are_equal


class Fate(StrEnum):
    """What became of an answer or a label; metrics and documents use the same words."""

    JOINED = "joined"  # the answer was there first
    EARLY = "early"  # joined; the label was there first
    DUPLICATE = "duplicate"  # the same label again
    CONFLICTING = "conflicting"  # another label for the same event: the first holds
    REPEATED = "repeated"  # an answer to an event that has one
    MISSING = "missing"  # an answer left without a label
    UNMATCHED = "unmatched"  # a label left without an answer: too late, or of an event that was never answered


class Outcomes(NamedTuple):
    """Answers of one model version whose labels are known: columns. `times_ms` are the events'. `lags_ms`: from there
    to the label's own time, or its record's; below 0 where it was known before. `confidences`: NaN where none. `keys`:
    hashes of the events' ids."""

    model: str
    version: str
    times_ms: NDArray[np.int64]
    predictions: Values
    confidences: NDArray[np.float64]
    labels: Values
    right: NDArray[np.bool_]
    lags_ms: NDArray[np.int64]
    keys: Keys


class Left(NamedTuple):
    """Answers of one model version that no longer wait: columns."""

    model: str
    version: str
    times_ms: NDArray[np.int64]
    labelled: NDArray[np.bool_]


class Paired(NamedTuple):
    """Events that a champion and its challenger both answered and whose labels are known: columns."""

    model: str
    champion: str
    challenger: str
    times_ms: NDArray[np.int64]
    by_champion: Values
    by_challenger: Values
    labels: Values


def paired_of(answers: Rows, others: Rows, labels: Rows, versions: Sequence[Answerer]) -> Iterator[Paired]:
    """Of answers, what the challenger answered, and the label of each."""
    for place, name in _by_version(others, versions):
        own = answers[place]
        columns = (_values(own), _values(others[place]), _values(labels[place]))
        yield Paired(name.model, name.champion, name.version, own["time"], *columns)


def outcomes_of(answers: Rows, labels: Rows, versions: Sequence[Answerer]) -> Iterator[Outcomes]:
    """Of answers and the label of each."""
    for place, name in _by_version(answers, versions):
        own, its = answers[place], labels[place]
        yield Outcomes(
            model=name.model,
            version=name.version,
            times_ms=own["time"],
            predictions=_values(own),
            confidences=own["confidence"].astype(np.float64),
            labels=_values(its),
            right=equal(own, its),
            lags_ms=its["time"] - own["time"],
            keys=its["key"],
        )


def left_of(answers: Rows, labelled: NDArray[np.bool_], versions: Sequence[Answerer]) -> Iterator[Left]:
    for place, name in _by_version(answers, versions):
        yield Left(name.model, name.version, answers["time"][place], labelled[place])


def equal(rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Whether predictions or labels are the same, row by row."""
    return are_equal(_values(rows), _values(others))


def _by_version(answers: Rows, versions: Sequence[Answerer]) -> Iterator[tuple[NDArray[np.bool_], Answerer]]:
    for version in np.unique(answers["version"]).tolist():
        yield answers["version"] == version, versions[version - 1]


def _values(rows: Rows) -> Values:
    return Values(rows["kind"], rows["value"])
