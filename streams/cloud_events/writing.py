"""The headers that make a record of `predictions` a CloudEvent in binary mode. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streams.answer_json import prediction_id
from streams.cloud_events.attributes import SPEC_VERSION
from streams.records import Headers

TYPE = "weir.prediction.v1"


class CloudEventHeaders:
    """For answers of one model. `source` is a URI reference: who they are from."""

    def __init__(self, source: str, model: str) -> None:
        self._model = model
        self._common: Headers = [
            ("ce_specversion", SPEC_VERSION.encode()),
            ("ce_source", source.encode()),
            ("ce_type", TYPE.encode()),
            ("content-type", b"application/json"),
        ]

    def of(
        self, topic: str, partitions: Sequence[int], offsets: Sequence[int], times: Iterable[str]
    ) -> Iterator[Headers]:
        """Of each answer, from columns: its id, and its time, which is the event's."""
        for partition, offset, time in zip(partitions, offsets, times, strict=True):
            own = prediction_id(topic, partition, offset, self._model)
            yield [*self._common, ("ce_id", own.encode()), ("ce_time", time.encode())]
