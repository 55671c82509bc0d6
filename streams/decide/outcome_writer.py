"""What the labels role tells drift: outcomes of answers, and which of them left without a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.observation import Observation
from drift.outcome_watch import SLICE_MS
from drift.outcomes import (
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
from streams.decide.observing import NO_EVENT_TIME, NO_OFFSET
from streams.joining.join import Left, Outcomes, Step
from streams.joining.records import Scalar, kept_values
from streams.joining.state import ModelVersion
from streams.records import OutboxRecord

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model version: the places of its classes (None: a regression), the unit of its errors."""

    layout: str
    outcomes: Summariser
    unit: float
    classes: Mapping[Scalar, int] | None

    @classmethod
    def of(cls, reference: ReferenceProfile) -> Known:
        layout, names = outcomes_layout(reference), classes_of(reference)
        classes = None if names is None else {name: place for place, name in enumerate(kept_values(names))}
        return cls(layout.id, Summariser(layout, SLICE_MS), error_unit(reference), classes)


@dataclass
class OutcomeWriter:
    """Writes for the model versions in `references`; of others nothing can be said."""

    joins_topic: str
    observations_topic: str
    references: Mapping[ModelVersion, ReferenceProfile]
    _known: dict[ModelVersion, Known] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {name: Known.of(reference) for name, reference in self.references.items()}
        self._coverage_layout = coverage_layout()
        self._coverage = Summariser(self._coverage_layout, SLICE_MS)
        self._encode = msgspec.json.Encoder().encode

    def observations(self, partition: int, offsets: tuple[int, int], step: Step) -> Iterator[OutboxRecord]:
        """At most two a model version; `offsets` are the first and last of the records that the step came of."""
        for outcomes in step.outcomes:
            known = self._known.get(ModelVersion(outcomes.model, outcomes.version))
            if known is not None:
                yield self._observation(
                    outcomes, "outcomes", known.layout, known.outcomes, partition, offsets, _matrix(known, outcomes)
                )
        for left in step.left:
            if (left.model, left.version) in self._known:
                matrix = left.labelled.astype(np.float64).reshape(-1, 1)
                yield self._observation(
                    left, "coverage", self._coverage_layout.id, self._coverage, partition, offsets, matrix
                )

    def idle_marks(self, partition: int, idle_ms: int, versions: Iterable[ModelVersion]) -> Iterator[OutboxRecord]:
        """Nothing came to a partition of `joins` for so long."""
        for name in versions:
            known = self._known.get(name)
            for stream, layout in (("outcomes", known.layout), ("coverage", self._coverage_layout.id)) if known else ():
                yield self._record(
                    Observation(
                        model=name.model,
                        version=name.version,
                        profile=layout,
                        topic=self.joins_topic,
                        partition=partition,
                        first_offset=NO_OFFSET,
                        last_offset=NO_OFFSET,
                        max_time=NO_EVENT_TIME,
                        idle_ms=idle_ms,
                        stream=stream,
                    )
                )

    def _observation(
        self,
        of: Outcomes | Left,
        stream: Stream,
        layout: str,
        summariser: Summariser,
        partition: int,
        offsets: tuple[int, int],
        matrix: Floats,
    ) -> OutboxRecord:
        owners = np.full(len(matrix), partition, dtype=np.int64)
        slices = summariser.summarise(owners, coarse_times(of.times_ms), matrix)[partition]
        return self._record(
            Observation(
                model=of.model,
                version=of.version,
                profile=layout,
                topic=self.joins_topic,
                partition=partition,
                first_offset=offsets[0],
                last_offset=offsets[1],
                max_time=int(of.times_ms.max()),
                slices=slices,
                stream=stream,
            )
        )

    def _record(self, observation: Observation) -> OutboxRecord:
        return OutboxRecord(self.observations_topic, observation.model.encode(), self._encode(observation))


def _matrix(known: Known, outcomes: Outcomes) -> Floats:
    if known.classes is None:
        pairs = zip(outcomes.predictions, outcomes.labels, strict=True)
        errors = np.array([_difference(prediction, label) for prediction, label in pairs], dtype=np.float64)
        return regressed(errors, known.unit, outcomes.lags_ms)
    places = [known.classes.get(_name(label), -1) for label in outcomes.labels]
    return classified(outcomes.right, np.array(places, dtype=np.int64), outcomes.lags_ms)


def _difference(prediction: Scalar, label: Scalar) -> float:
    numbers = (prediction, label)
    if any(isinstance(number, str | bool) for number in numbers):
        return float("nan")
    return float(prediction) - float(label)


def _name(label: Scalar) -> str:
    """As the names of classes are written; a whole number is one however it was written."""
    if isinstance(label, str):
        return label
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return msgspec.json.encode(label).decode()
