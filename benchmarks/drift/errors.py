"""Error streams: a tree learns a concept, and the concept changes under it. Its errors are the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from benchmarks.drift.cases import Case, Trial, in_chunks
from benchmarks.drift.processes import FAST, Floats
from benchmarks.drift.scoring import Truth
from drift.profile import SignalSpec
from drift.scenarios import Episode, Rows

LEARNT = 2_000
HELD_APART = 2_000
ALLOWED = 2_000

ERROR = (SignalSpec("error", "boolean", "output"),)


@dataclass(frozen=True, slots=True)
class Concepts:
    """Rows of a concept, from row `change` on of another; the transition takes `width` rows, and its tails begin `lead`
    rows before."""

    features: Floats
    labels: Floats
    change: int
    width: int = 0
    lead: int = 0


def error_case(name: str, draw_concepts: Callable[[int, int], Concepts], about: str, trials: int) -> Case:
    """Each trial is one change: the tree learns the first `LEARNT` rows, its errors on the next `HELD_APART` are the
    reference, and `ALLOWED` rows after the change are the time to find it in."""

    def draw(trial: int, seed: int) -> Trial:
        concepts = draw_concepts(trial, seed)
        stop = concepts.change + ALLOWED
        tree = DecisionTreeClassifier(random_state=seed).fit(concepts.features[:LEARNT], concepts.labels[:LEARNT])
        errors = tree.predict(concepts.features[LEARNT:stop]) != concepts.labels[LEARNT:stop]
        column = errors.astype(np.float64).reshape(-1, 1)
        times = FAST.times(0, len(column))
        live = Rows(ERROR, column[HELD_APART:], times[HELD_APART:])
        first = concepts.change - LEARNT - HELD_APART
        full = min(len(live), first + concepts.width)
        episode = Episode("concept", live.keys, first, full, len(live), int(live.times_ms[first]), None)
        truth = Truth(len(live), live.keys, (episode,), ALLOWED, concepts.lead)
        return Trial(Rows(ERROR, column[:HELD_APART], times[:HELD_APART]), in_chunks(live), truth)

    return Case(name, f"errors of a tree on {about}", trials, draw, "errors")


def generated_concepts(make: Callable[[int, int], Any], before: int, after: int) -> Callable[[int, int], Concepts]:
    """10,000 rows of concept `before`, then some of `after`, of a River generator: `make(concept, seed)`."""

    def draw(_trial: int, seed: int) -> Concepts:
        change = 10_000
        rows = list(chain(islice(make(before, seed), change), islice(make(after, seed + 1_000_000), ALLOWED)))
        return Concepts(_matrix(x.values() for x, _ in rows), np.array([float(y) for _, y in rows]), change)

    return draw


def _matrix(rows: Iterable[Iterable[Any]]) -> Floats:
    return np.array([[float(value) for value in row] for row in rows])
