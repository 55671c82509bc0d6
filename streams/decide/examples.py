"""What predict and the label join tell a learner: features of what was answered, and the labels that came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.keyed.definitions import NO_KEYED, KeyedFeatures
from models.preprocessing.computed import of_times
from models.schema import InputSchema
from streams.decide.lesson import LearnerBase
from streams.duplicates import short_ids
from streams.joining.key_index import keys_of
from streams.joining.outcomes import Outcomes as Joined
from streams.learning.records import answered_records, encode_example, labelled_records
from streams.pipeline import Outcomes
from streams.records import OutboxRecord


class FeatureWriter:
    """Writes the features of answered events for one learner. What it learns are the learner's own columns, so it
    takes nothing from versions with another schema, or other keyed features."""

    def __init__(self, base: LearnerBase, topic: str) -> None:
        self._base, self._topic = base, topic

    def fits(self, schema: InputSchema, keyed: KeyedFeatures) -> bool:
        """Whether rows that are coded by this schema, with these keyed features beside, are the learner's."""
        return schema == self._base.schema and self._base.preparation.keyed in (NO_KEYED, keyed)

    def features(self, outcomes: Outcomes, chosen: NDArray[np.intp]) -> Iterator[OutboxRecord]:
        """Of the answered rows at these places; and what is computed of them that the learner's preprocessing reads."""
        learner, preparation = self._base.of, self._base.preparation
        keyed = {name: column[chosen] for name, column in outcomes.computed.items()}
        computed = {**of_times(outcomes.times_ms[chosen]), **keyed}
        inputs = preparation.inputs_of(outcomes.matrix[chosen], computed)
        keys = keys_of(short_ids([outcomes.event_ids[index] for index in chosen.tolist()]))
        for record in answered_records(learner.model, learner.version, keys, inputs):
            yield OutboxRecord(self._topic, learner.model.encode(), encode_example(record))


class LabelWriter:
    """Writes the labels of answers of one model for its learner, each as it is joined."""

    def __init__(self, model: str, topic: str) -> None:
        self._model, self._topic = model, topic

    def labels(self, joined: Iterable[Joined]) -> Iterator[OutboxRecord]:
        for own in joined:
            if own.model == self._model:
                for record in labelled_records(own.model, own.version, own.keys, own.labels, own.right):
                    yield OutboxRecord(self._topic, own.model.encode(), encode_example(record))
