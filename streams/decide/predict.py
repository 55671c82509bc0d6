"""The decision of the predict role: events in; predictions, dead letters and observations out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from models.prediction import Model
from streams.addressing import Addressing
from streams.cloud_events.opening import opened_by_headers
from streams.contracts import STAGE_OF, Reason, ServedBy
from streams.decide.contest import Challenger, Contested, contested
from streams.decide.keyed import Awaiting, given_up, keyed_batch
from streams.decide.partition_runs import partition_runs
from streams.decide.predict_state import PredictState
from streams.decide.serving import Serving
from streams.decider import AnswerRefused, PartitionState
from streams.diagnosis import Finding
from streams.duplicates import AnsweredIds
from streams.model_call import no_predictions
from streams.one_line import one_line
from streams.pipeline import Outcomes, Pipeline, ReadEvents, Rejection, rejected
from streams.records import BatchReport, Decision, OutboxRecord, RecordBatch, pick

MOST_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """What becomes of a batch if no event in it repeats an earlier one, as nearly always."""

    serving: Serving
    outcomes: Outcomes
    predictions: list[OutboxRecord]
    dead_letters: list[OutboxRecord]
    observations: list[OutboxRecord]
    answers: list[OutboxRecord]
    report: BatchReport | None
    """None of a replay, of which nothing is published."""
    contest: Contested | None = None
    """Where a challenger was asked too."""
    conduct: Sequence[OutboxRecord] = ()
    """What drift is told of that."""


class PredictDecider:
    """Answers each batch with the model version that is served when it is prepared. Holds no state: what a partition
    remembers are the ids it answered, and what its keys keep for a model with keyed features."""

    role = "predict"

    def __init__(
        self,
        serving: Callable[[], Serving],
        *,
        dead_letters_topic: str,
        dedupe_window: int,
        most_keys: int = MOST_KEYS,
        addressing: Addressing | None = None,
        challenger: Callable[[Serving], Challenger | None] = lambda _serving: None,
    ) -> None:
        """`serving` is asked once a batch, and then who challenges it. `most_keys`: of keyed features, in a partition.
        Without `addressing` every event is this model's."""
        self._serving, self._dead_letters_topic = serving, dead_letters_topic
        self._dedupe_window, self._most_keys = dedupe_window, most_keys
        self._addressing, self._challenger = addressing, challenger
        self._asked: Serving | None = None

    def load(self, partition: int, entries: Mapping[str, bytes]) -> PredictState:  # noqa: ARG002  # the protocol's
        return PredictState(self._dedupe_window, self._most_keys, entries)

    def prepare(self, batch: RecordBatch) -> Prepared | Awaiting | None:
        """Run the pipeline, and write what follows from it; for a model with keyed features only as far as no state is
        needed. None: there is no record."""
        if not len(batch):
            return None
        serving = self._asked = self._serving()
        events = self._read(serving.pipeline, batch)
        if serving.model.keyed is not None:
            return Awaiting(serving, events)
        return self._written(serving, batch, serving.pipeline.answer(events))

    def _written(self, serving: Serving, batch: RecordBatch, outcomes: Outcomes) -> Prepared:
        outcomes = serving.encoder.publishable(batch, outcomes)
        challenger = None if batch.replay else self._challenger(serving)
        contest = contested(challenger, batch, outcomes) if challenger else None
        return _prepared(serving, batch, outcomes, contest)

    def _read(self, pipeline: Pipeline, batch: RecordBatch) -> ReadEvents:
        own = self._addressing.among(batch) if self._addressing else None
        opened = opened_by_headers(batch)
        if own is None and opened is None:
            return pipeline.read(batch.values, batch.timestamps)
        rows = range(len(batch)) if own is None else own.rows
        faults = {} if opened is None else {row: opened.refused[row] for row in rows if row in opened.refused}
        if own is not None:
            faults |= {row: Finding(Reason.NO_MODEL, why) for row, why in own.unknown.items()}
        values = batch.values if opened is None else opened.values
        asked = [row for row in rows if row not in faults]
        read = pipeline.read([values[row] for row in asked], [batch.timestamps[row] for row in asked])
        return read.at(asked).refusing(rejected(row, fault) for row, fault in faults.items())

    def decide(
        self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Prepared | Awaiting | None
    ) -> Decision:
        """Every record to this model becomes one prediction, one dead letter or one tombstone; every answered event
        that repeats no other enters one observation and one record for the label join."""
        if not isinstance(prepared, Awaiting):
            return self._decide(states, batch, prepared)
        serving, events = prepared.serving, prepared.events
        keyed = keyed_batch(prepared, states, batch)
        ready = self._written(serving, batch, serving.pipeline.answer(events, keyed.computed))
        decision = self._decide(states, batch, ready)
        report = decision.report
        if isinstance(report, BatchReport):
            report = replace(report, keyed=keyed.use)
        return replace(decision, changes=keyed.changes_with(decision.changes, ready.outcomes), report=report)

    def _decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Prepared | None) -> Decision:
        if prepared is None:
            writer = self._serving().observation_writer
            return Decision([writer.idle_mark(partition, ms) for partition, ms in batch.idle.items()], {})
        serving, outcomes, predictions = prepared.serving, prepared.outcomes, prepared.predictions
        observations, answers = prepared.observations, prepared.answers
        duplicates, changes = self._duplicates(states, batch, outcomes)
        if prepared.report is None:
            return Decision([], changes)
        if duplicates:
            contest, encoder = prepared.contest, serving.encoder
            if contest is None:
                predictions = encoder.repeating(batch, outcomes, predictions, duplicates)
            else:
                predictions = contest.repeating(encoder, batch, outcomes, predictions, duplicates)
            observations = serving.observation_writer.observations(batch, outcomes, duplicates)
            answers = _answers(serving, outcomes, duplicates, contest)
        outbox = [*predictions, *prepared.dead_letters, *observations, *prepared.conduct, *answers]
        waited_s = prepared.contest.waited_s if prepared.contest else 0.0
        return Decision(outbox, changes, replace(prepared.report, duplicates=len(duplicates)), waited_s)

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        """A dead letter for a record about which no decision could be made, or whose answer Kafka does not take."""
        if not len(batch):
            return Decision([], {})
        reason = Reason.MODEL_ERROR
        text = one_line(f"no decision could be made: {type(error).__name__}: {error}")
        if isinstance(error, AnswerRefused):
            reason = Reason.OUTPUT_TOO_LARGE
            text = one_line(f"{error.topic} does not take the answer: {error.why}")
        # Not the next version: it would be switched to while another batch is being answered by the one of now.
        serving = self._asked or self._serving()
        model = serving.model
        own = self._addressing.among(batch) if self._addressing else None
        rows = range(len(batch)) if own is None else own.rows
        outcomes = Outcomes(
            rows=[],
            event_ids=[],
            times_ms=np.empty(0, dtype=np.int64),
            matrix=np.empty((0, len(model.schema.features))),
            predictions=no_predictions(len(model.output_signals)),
            rejections=[
                Rejection(row, STAGE_OF[reason], reason, text) for row in rows if batch.values[row] is not None
            ],
            tombstones=[row for row in rows if batch.values[row] is None],
        )
        outcomes = serving.encoder.publishable(batch, outcomes)
        try:
            changes = given_up(model, batch, self._read(serving.pipeline, batch))
        except Exception:  # noqa: BLE001  # what cannot even be read is no event, on a replay either
            changes = {}
        if isinstance(error, AnswerRefused) and error.topic == self._dead_letters_topic:
            # Not even the event as it is: it stays where `weir-source` points.
            batch = batch.without_values()
        return replace(self._decide({}, batch, _prepared(serving, batch, outcomes)), changes=changes)

    def _duplicates(
        self, states: Mapping[int, PartitionState], batch: RecordBatch, outcomes: Outcomes
    ) -> tuple[dict[int, int], dict[int, AnsweredIds]]:
        """Answered rows that repeat an event, with the offset of that event; and the ids to remember."""
        rows, event_ids = outcomes.rows, outcomes.event_ids
        all_offsets = pick(batch.offsets, rows)
        owners = batch.owners if len(rows) == len(batch) else batch.owners[rows]
        duplicates: dict[int, int] = {}
        changes: dict[int, AnsweredIds] = {}
        for partition, runs in partition_runs(owners).items():
            offsets = list(chain.from_iterable(map(all_offsets.__getitem__, runs)))
            ids = list(chain.from_iterable(map(event_ids.__getitem__, runs)))
            state = states[partition]
            assert isinstance(state, PredictState)
            changes[partition] = AnsweredIds(offsets, ids)
            found = state.window.find(changes[partition])
            if found:
                own = [row for run in runs for row in rows[run]]
                duplicates.update({own[index]: earlier for index, earlier in found.items()})
        return duplicates, changes


def _prepared(serving: Serving, batch: RecordBatch, outcomes: Outcomes, contest: Contested | None = None) -> Prepared:
    """Observations are of what the version says that answers, also where its challenger's answer is published: so a
    canary changes nothing of what drift sees of it."""
    if batch.replay:
        return Prepared(serving, outcomes, [], [], [], [], None)
    return Prepared(
        serving,
        outcomes,
        contest.predictions(serving.encoder, batch, outcomes)
        if contest
        else serving.encoder.predictions(batch, outcomes),
        [serving.encoder.dead_letter(batch, rejection) for rejection in outcomes.rejections],
        serving.observation_writer.observations(batch, outcomes, {}),
        _answers(serving, outcomes, {}, contest),
        _report(serving.model, outcomes, contest),
        contest,
        _conduct(serving, batch, outcomes, contest) if contest else (),
    )


def _conduct(serving: Serving, batch: RecordBatch, outcomes: Outcomes, contest: Contested) -> list[OutboxRecord]:
    conduct = contest.conduct(outcomes)
    return [] if conduct is None else [serving.observation_writer.conduct(batch, contest.use.version, conduct)]


def _answers(
    serving: Serving, outcomes: Outcomes, duplicates: Mapping[int, int], contest: Contested | None
) -> list[OutboxRecord]:
    if serving.answer_writer is None:
        return []
    return serving.answer_writer.answers(outcomes, duplicates, contest.second if contest else None)


def _report(model: Model, outcomes: Outcomes, contest: Contested | None) -> BatchReport:
    answers = contest.published(model, outcomes) if contest else outcomes.predictions
    scores = np.array(answers.scores or (), dtype=np.float64)
    return BatchReport(
        model=model.name,
        version=model.version,
        records=len(outcomes.rows) + len(outcomes.rejections) + len(outcomes.tombstones),
        rejected=Counter((rejection.stage, rejection.reason) for rejection in outcomes.rejections),
        served_by=_served_by(model, outcomes, contest),
        classes={str(label): count for label, count in Counter(answers.values).items()} if model.classes else {},
        scores=scores[~np.isnan(scores)] if outcomes.degraded else scores,
        event_times_ms=outcomes.times_ms,
        duplicates=0,
        tombstones=len(outcomes.tombstones),
        stage_seconds=outcomes.stage_seconds,
        reasons=Counter(how.reason for how in outcomes.degraded.values()),
        cache=outcomes.cache,
        challenger=contest.use if contest else None,
    )


def _served_by(model: Model, outcomes: Outcomes, contest: Contested | None) -> Counter[tuple[str, ServedBy]]:
    counts = Counter((how.version, how.served_by) for how in outcomes.degraded.values())
    if contest is not None and contest.canary:
        counts[contest.use.version, ServedBy.MODEL] = len(contest.canary)
    if by_model := len(outcomes.rows) - counts.total():
        counts[model.version, ServedBy.MODEL] = by_model
    return counts
