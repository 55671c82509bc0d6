"""The pipeline: a batch of raw values in, for every one of them an answer or a reason why not. Pure.

Kafka, HTTP and batch files all call it. It reads in the order of the data flow, and what is known to be bad leaves it
at once; nothing a value or a model does makes it raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix, Model, Predictions
from models.preprocessing.computed import NOTHING_COMPUTED, Computed, of_times
from streams.cloud_events.opening import opened_by_content
from streams.coding import Coding
from streams.contracts import STAGE_OF, Reason, Stage
from streams.decoding import EventDecoder
from streams.diagnosis import Diagnosis, Finding
from streams.event_time import are_sound, times_ms
from streams.feature_rows import FeatureRows, prepare_rows
from streams.ladder.degradation import CacheUse, Degradation
from streams.limits import Limits, UnknownFeatures
from streams.model_call import Answers, predict, take
from streams.one_line import one_line


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row without an answer. `time_ms` is the event's time where it got so far as to have a sound one."""

    row: int
    stage: Stage
    reason: Reason
    error: str
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """What a batch holds before a model is asked. Each row is in exactly one of `rows`, `rejections` and `tombstones`.

    `event_ids`, `times_ms` and `features` (n x features, coded) are columns over the valid events at `rows`, which
    rise. `stage_seconds` is for metrics only.
    """

    rows: list[int]
    event_ids: list[str]
    times_ms: NDArray[np.int64]
    features: FloatMatrix
    rejections: list[Rejection]
    tombstones: list[int]
    stage_seconds: Mapping[Stage, float]

    def at(self, rows: Sequence[int]) -> ReadEvents:
        """These events of some rows of a batch, as ones of the batch: row i was its row `rows[i]`. They rise."""
        return replace(
            self,
            rows=[rows[row] for row in self.rows],
            rejections=[replace(rejection, row=rows[rejection.row]) for rejection in self.rejections],
            tombstones=[rows[row] for row in self.tombstones],
        )

    def refusing(self, rejections: Iterable[Rejection]) -> ReadEvents:
        """These events, and rows beside them that are rejected."""
        return replace(self, rejections=[*self.rejections, *rejections])


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of a batch. Each row is in exactly one of `rows`, `rejections` and `tombstones`; all in row order.

    `event_ids`, `times_ms`, `matrix` (coded features), what is `computed` beside it, and `predictions` are columns over
    the answered `rows`. `degraded` names those of them that something else answered in the model's place; where that
    gave no probability, scores are NaN. `stage_seconds` and `cache` are for metrics only.
    """

    rows: list[int]
    event_ids: list[str]
    times_ms: NDArray[np.int64]
    matrix: FloatMatrix
    predictions: Predictions
    rejections: list[Rejection]
    tombstones: list[int]
    stage_seconds: Mapping[Stage, float] = field(default_factory=dict)
    degraded: Mapping[int, Degradation] = field(default_factory=dict)
    cache: CacheUse | None = None
    computed: Computed = field(default_factory=dict)

    def taking(self, indices: Sequence[int]) -> Outcomes:
        """These outcomes with the answered rows at some rising indices, and no others."""
        wanted = np.zeros(len(self.rows), dtype=np.bool_)
        wanted[list(indices)] = True
        return replace(
            self,
            rows=[self.rows[index] for index in indices],
            event_ids=[self.event_ids[index] for index in indices],
            times_ms=self.times_ms[wanted],
            matrix=self.matrix[wanted],
            computed={name: column[wanted] for name, column in self.computed.items()},
            predictions=take(self.predictions, wanted),
        )

    def rejecting(self, faults: Mapping[int, tuple[Reason, str]]) -> Outcomes:
        """These outcomes with the answered rows that `faults` names rejected after all."""
        rejected = [
            Rejection(row, STAGE_OF[faults[row][0]], *faults[row], int(time))
            for row, time in zip(self.rows, self.times_ms, strict=True)
            if row in faults
        ]
        return replace(
            self.taking([index for index, row in enumerate(self.rows) if row not in faults]),
            rejections=sorted([*self.rejections, *rejected], key=lambda rejection: rejection.row),
            degraded={row: how for row, how in self.degraded.items() if row not in faults},
        )


class Pipeline:
    """One model behind the rules for what an event may be."""

    def __init__(
        self,
        model: Model,
        limits: Limits,
        unknown_features: UnknownFeatures = "ignore",
        clock: Callable[[], float] = lambda: 0.0,
        answer: Callable[[FeatureRows], Answers] | None = None,
    ) -> None:
        """`clock` measures the stages; nothing is decided by it. `answer` answers rows as the model does, and what else
        there is where it does not; by default the model alone."""
        self.model = model
        self._answer = answer or (lambda rows: predict(model, rows.prepared))
        self._clock = clock
        self._limits = limits
        self._decoder = EventDecoder(model.schema, limits, unknown_features)
        self._coding = Coding(model.schema)
        self._diagnose = Diagnosis(model.schema, limits, unknown_features)

    def run(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Outcomes:
        """Answer `values`; `timestamps` are their records' own, in ms (negative: none). For a model with keyed features
        call the halves, and compute these in between."""
        return self.answer(self.read(values, timestamps))

    def read(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> ReadEvents:
        """The first half: which values are events, coded."""
        began = self._clock()
        # 1. decode, and validate what the schema's types say
        decoded = self._decoder.decode(values)
        unopened: Mapping[int, Finding] = {}
        if decoded.refused and (opened := opened_by_content(values, (row for row, _ in decoded.refused))):
            values, unopened = opened.values, opened.refused
            decoded = self._decoder.decode(values)
        rows, events, refused = decoded.rows, decoded.events, decoded.refused

        decoded_at = self._clock()
        # 2. validate times
        stamps = timestamps if not refused else [timestamps[row] for row in rows]
        times = times_ms([event.time for event in events], stamps)
        sound = are_sound(times, np.array(stamps, dtype=np.int64), self._limits.max_ahead_s)
        if not sound.all():
            refused = [*refused, *((rows[i], "the time is not sound") for i in np.flatnonzero(~sound))]
            rows = [rows[i] for i in np.flatnonzero(sound)]
            events = [events[i] for i in np.flatnonzero(sound)]
            times = times[sound]

        validated_at = self._clock()
        # 3. preprocess, first code
        features = self._coding.matrix([event.features for event in events])
        coded_at = self._clock()
        # the second track: why the others are no events
        rejections = [
            rejected(row, unopened[row]) if row in unopened else self._rejection(row, value, timestamps[row], word)
            for row, word in refused
            if (value := values[row]) is not None
        ]
        return ReadEvents(
            rows=rows,
            event_ids=[event.id for event in events],
            times_ms=times,
            features=features,
            rejections=rejections,
            tombstones=[row for row, _ in refused if values[row] is None],
            stage_seconds={
                Stage.DECODE: decoded_at - began,
                Stage.VALIDATE: validated_at - decoded_at,
                Stage.PREPROCESS: coded_at - validated_at,
            },
        )

    def answer(self, read: ReadEvents, keyed: Computed = NOTHING_COMPUTED) -> Outcomes:
        """The second half: what the model says of events, of which `keyed` features were computed."""
        rows, event_ids, times = read.rows, read.event_ids, read.times_ms
        began = self._clock()
        # 3. preprocess
        given, kept, failures = prepare_rows(self.model.preparation, read.features, {**of_times(times), **keyed})
        rejections = [
            Rejection(rows[i], Stage.PREPROCESS, Reason.PREPROCESS, one_line(error), int(times[i]))
            for i, error in failures.items()
        ]
        if failures:
            rows, event_ids, times = [rows[i] for i in kept], [event_ids[i] for i in kept], times[kept]

        preprocessed_at = self._clock()
        # 4. predict, 5. post-process
        answers = self._answer(given)
        predicted_at = self._clock()
        rejections += [
            Rejection(rows[blame.row], STAGE_OF[blame.reason], blame.reason, blame.error, int(times[blame.row]))
            for blame in answers.blamed
        ]
        degraded = {rows[index]: how for index, how in answers.degraded.items()}
        if answers.blamed:
            rows = [rows[i] for i in answers.rows]
            event_ids = [event_ids[i] for i in answers.rows]
            times, given = times[answers.rows], given.taking(answers.rows)
        return Outcomes(
            rows=rows,
            event_ids=event_ids,
            times_ms=times,
            matrix=given.features,
            computed=given.computed,
            predictions=answers.predictions,
            rejections=sorted([*read.rejections, *rejections], key=lambda rejection: rejection.row),
            tombstones=read.tombstones,
            stage_seconds={
                **read.stage_seconds,
                Stage.PREPROCESS: read.stage_seconds[Stage.PREPROCESS] + preprocessed_at - began,
                Stage.PREDICT: predicted_at - preprocessed_at,
            },
            degraded=degraded,
            cache=answers.cache,
        )

    def _rejection(self, row: int, value: bytes, timestamp_ms: int, decoders_word: str) -> Rejection:
        # The diagnosis agrees with the decoder (a property test); should it ever not, the decoder's word stands.
        finding = self._diagnose(value, timestamp_ms) or Finding(Reason.JSON, one_line(decoders_word))
        return rejected(row, finding)


def rejected(row: int, finding: Finding) -> Rejection:
    """A row with what is wrong with it."""
    return Rejection(row, STAGE_OF[finding.reason], finding.reason, finding.error)
