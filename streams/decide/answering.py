"""What the predict role tells the label join: who was answered what, and how sure the model was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.prediction import Model, Predictions
from streams.decide.examples import FeatureWriter
from streams.joining.records import Answers, Beside, Scalar, by_partition, encode_join, kept_values
from streams.pipeline import Outcomes
from streams.records import OutboxRecord

CONFIDENCE_DECIMALS = 4


class SecondAnswers(NamedTuple):
    """What the challenger, a `version`, predicts of the answered rows at `indices`, which rise."""

    version: str
    indices: Sequence[int]
    values: Sequence[Scalar]


class AnswerWriter:
    """Writes the answers of one model to the `partitions` of the topic `joins`."""

    def __init__(
        self, model: Model, *, joins_topic: str, partitions: int, feature_writer: FeatureWriter | None = None
    ) -> None:
        """`feature_writer` tells a learner of the same answers, where there is one."""
        self._model, self._topic, self._partitions = model, joins_topic, partitions
        self._feature_writer = feature_writer

    def answers(
        self, outcomes: Outcomes, duplicates: Mapping[int, int], second: SecondAnswers | None = None
    ) -> list[OutboxRecord]:
        """Records with all answers but those to `duplicates` (rows), whose events have one; and with those of a
        challenger beside them, where there are."""
        chosen = np.arange(len(outcomes.rows))
        if duplicates:
            chosen = np.flatnonzero(~np.isin(outcomes.rows, list(duplicates)))
        features = list(self._feature_writer.features(outcomes, chosen)) if self._feature_writer else []
        if second is not None and second.indices:
            both = np.isin(chosen, second.indices)
            beside = self._records(outcomes, chosen[both], self._model.version, scored=True, second=second)
            return [*beside, *self._alone(outcomes, chosen[~both]), *features]
        return [*self._alone(outcomes, chosen), *features]

    def _alone(self, outcomes: Outcomes, chosen: NDArray[np.intp]) -> list[OutboxRecord]:
        if not outcomes.degraded:
            return list(self._records(outcomes, chosen, self._model.version, scored=True))
        groups: dict[tuple[str, bool], list[int]] = {}
        for index in chosen.tolist():
            how = outcomes.degraded.get(outcomes.rows[index])
            key = (self._model.version, True) if how is None else (how.version, how.scored)
            groups.setdefault(key, []).append(index)
        return [
            record
            for (version, scored), indices in groups.items()
            for record in self._records(outcomes, np.array(indices), version, scored=scored)
        ]

    def _records(
        self,
        outcomes: Outcomes,
        chosen: NDArray[np.intp],
        version: str,
        *,
        scored: bool,
        second: SecondAnswers | None = None,
    ) -> Iterator[OutboxRecord]:
        times_ms, predictions, ids = outcomes.times_ms, outcomes.predictions, outcomes.event_ids
        if len(chosen) < len(ids):
            ids = [ids[index] for index in chosen.tolist()]
        values = kept_values(predictions.values)
        others = dict(zip(second.indices, kept_values(second.values), strict=True)) if second else {}
        sure = confidences(self._model, predictions) if scored else None
        for partition, rows, own_ids in by_partition(ids, self._partitions):
            indices = chosen[rows]
            own_values: list[Scalar] = [values[index] for index in indices.tolist()]
            record = Answers(
                model=self._model.name,
                version=version,
                ids=own_ids,
                times=times_ms[indices].tolist(),
                predictions=own_values,
                confidences=None if sure is None else sure[indices].tolist(),
                beside=second and Beside(second.version, [others[index] for index in indices.tolist()]),
            )
            yield OutboxRecord(self._topic, None, encode_join(record), partition)


def confidences(model: Model, predictions: Predictions) -> NDArray[np.float64] | None:
    """Probability of each answer as the model has it, n floats in 0 to 1; None of a regression.

    The score of a binary classifier is that of its second class, whichever it answers with.
    """
    if not model.classes:
        return None
    score, answered = predictions.outputs[:, 0], predictions.outputs[:, 1]
    sure = np.where(answered == 0, 1.0 - score, score) if len(model.classes) == 2 else score
    return np.round(np.clip(sure, 0.0, 1.0), CONFIDENCE_DECIMALS)
