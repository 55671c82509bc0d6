"""What the labels role tells drift: outcomes of answers, and which of them left without a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.challenge import PAIRS, Pairs
from drift.observation import Observation, SliceDelta
from drift.outcome_watch import SLICE_MS
from drift.outcomes import (
    STREAMS,
    Stream,
    classes_of,
    classified,
    coarse_times,
    coverage_layout,
    error_unit,
    outcomes_layout,
    regressed,
)
from drift.profile import ReferenceProfile
from drift.summary import Summariser
from streams.decide.class_places import ClassPlaces
from streams.decide.observing import NO_EVENT_TIME, NO_OFFSET
from streams.decide.pairing import pair_counts
from streams.joining.join import Step
from streams.joining.outcomes import Outcomes
from streams.joining.state import ModelVersion
from streams.joining.values import Kind, Values
from streams.records import OutboxRecord

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model version: the places of its classes (None: a regression), the unit of its errors."""

    layout: str
    outcomes: Summariser
    unit: float
    classes: ClassPlaces | None

    @classmethod
    def of(cls, reference: ReferenceProfile) -> Known:
        layout, names = outcomes_layout(reference), classes_of(reference)
        classes = None if names is None else ClassPlaces(names)
        return cls(layout.id, Summariser(layout, SLICE_MS), error_unit(reference), classes)


class OutcomeWriter:
    """Writes for the model versions that it learned of; of others nothing can be said."""

    def __init__(self, joins_topic: str, observations_topic: str) -> None:
        self.joins_topic, self.observations_topic = joins_topic, observations_topic
        self._known: Mapping[ModelVersion, Known] = {}
        coverage = coverage_layout()
        self._coverage_layout, self._coverage = coverage.id, Summariser(coverage, SLICE_MS)
        self._encode = msgspec.json.Encoder().encode

    def learn(self, name: ModelVersion, reference: ReferenceProfile) -> None:
        """From any thread, one at a time: a decision on the way sees the versions of before, or those and this one."""
        self._known = {**self._known, name: Known.of(reference)}

    def unknown(self, names: Iterable[ModelVersion]) -> set[ModelVersion]:
        return {name for name in names if name not in self._known}

    def observations(self, partition: int, offsets: tuple[int, int], step: Step) -> Iterator[OutboxRecord]:
        """At most two a model version, and one a challenger of it; `offsets` are the first and last of the records that
        the step came of."""
        for outcomes in step.outcomes:
            name = ModelVersion(outcomes.model, outcomes.version)
            if known := self._known.get(name):
                slices = _slices(known.outcomes, partition, outcomes.times_ms, _matrix(known, outcomes))
                newest = int(outcomes.times_ms.max())
                yield self._record(name, "outcomes", partition, offsets, newest, slices=slices)
        for left in step.left:
            name = ModelVersion(left.model, left.version)
            if name in self._known:
                matrix = left.labelled.astype(np.float64).reshape(-1, 1)
                slices = _slices(self._coverage, partition, left.times_ms, matrix)
                yield self._record(name, "coverage", partition, offsets, int(left.times_ms.max()), slices=slices)
        for paired in step.paired:
            if known := self._known.get(ModelVersion(paired.model, paired.champion)):
                counts = pair_counts(paired, regression=known.classes is None)
                place = (partition, *offsets, int(paired.times_ms.max()))
                observation = Observation(
                    paired.model,
                    paired.challenger,
                    known.layout,
                    self.joins_topic,
                    *place,
                    stream=PAIRS,
                    pairs=Pairs(paired.champion, counts),
                )
                yield OutboxRecord(self.observations_topic, paired.model.encode(), self._encode(observation))

    def idle_marks(self, partition: int, idle_ms: int, versions: Iterable[ModelVersion]) -> Iterator[OutboxRecord]:
        """Nothing came to a partition of `joins` for so long."""
        for name in versions:
            for stream in STREAMS if name in self._known else ():
                yield self._record(
                    name, stream, partition, (NO_OFFSET, NO_OFFSET), NO_EVENT_TIME, slices=[], idle_ms=idle_ms
                )

    def _record(
        self,
        name: ModelVersion,
        stream: Stream,
        partition: int,
        offsets: tuple[int, int],
        max_time: int,
        *,
        slices: list[SliceDelta],
        idle_ms: int | None = None,
    ) -> OutboxRecord:
        observation = Observation(
            model=name.model,
            version=name.version,
            profile=self._known[name].layout if stream == "outcomes" else self._coverage_layout,
            topic=self.joins_topic,
            partition=partition,
            first_offset=offsets[0],
            last_offset=offsets[1],
            max_time=max_time,
            slices=slices,
            idle_ms=idle_ms,
            stream=stream,
        )
        return OutboxRecord(self.observations_topic, name.model.encode(), self._encode(observation))


def _slices(summariser: Summariser, partition: int, times_ms: Integers, matrix: Floats) -> list[SliceDelta]:
    owners = np.full(len(matrix), partition, dtype=np.int64)
    return summariser.summarise(owners, coarse_times(times_ms), matrix)[partition]


def _matrix(known: Known, outcomes: Outcomes) -> Floats:
    if known.classes is None:
        return regressed(_differences(outcomes.predictions, outcomes.labels), known.unit, outcomes.lags_ms)
    return classified(outcomes.right, known.classes.of(outcomes.labels), outcomes.lags_ms)


def _differences(predictions: Values, labels: Values) -> Floats:
    """NaN where one of the two is no number."""
    both = (predictions.kinds < Kind.BOOLEAN) & (labels.kinds < Kind.BOOLEAN)
    return np.where(both, predictions.numbers - labels.numbers, np.nan)
