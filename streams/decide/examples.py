"""What predict and the label join tell a learner: features of what was answered, and the labels that came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.schema import InputSchema
from streams.duplicates import short_ids
from streams.joining.key_index import keys_of
from streams.joining.outcomes import Outcomes as Joined
from streams.learning.records import answered_records, encode_example, labelled_records
from streams.learning.state import Base
from streams.pipeline import Outcomes
from streams.records import OutboxRecord


class FeatureWriter:
    """Writes the features of answered events for one learner. What it learns are the learner's own columns, so it
    takes nothing from versions with another schema."""

    def __init__(self, learner: Base, schema: InputSchema, topic: str) -> None:
        self._learner, self._schema, self._topic = learner, schema, topic

    def fits(self, schema: InputSchema) -> bool:
        """Whether rows that are coded by this schema are the learner's."""
        return schema == self._schema

    def features(self, outcomes: Outcomes, chosen: NDArray[np.intp]) -> Iterator[OutboxRecord]:
        """Of the answered rows at these places."""
        keys = keys_of(short_ids([outcomes.event_ids[index] for index in chosen.tolist()]))
        model, version = self._learner.model, self._learner.version
        for record in answered_records(model, version, keys, outcomes.matrix[chosen]):
            yield OutboxRecord(self._topic, model.encode(), encode_example(record))


class LabelWriter:
    """Writes the labels of answers of one model for its learner, each as it is joined."""

    def __init__(self, model: str, topic: str) -> None:
        self._model, self._topic = model, topic

    def labels(self, joined: Iterable[Joined]) -> Iterator[OutboxRecord]:
        for own in joined:
            if own.model == self._model:
                for record in labelled_records(own.model, own.version, own.keys, own.labels, own.right):
                    yield OutboxRecord(self._topic, own.model.encode(), encode_example(record))
