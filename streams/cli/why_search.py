"""How `weir why` looks for an event and what became of it: topics read to their ends as they are, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

import msgspec

from streams.cli.dlq_scan import STALLED_S, letter_of
from streams.cli.reading_progress import told
from streams.contracts import HEADER_DEAD_LETTER
from streams.dead_letters.letter import Place, place_of
from streams.duplicates import short_ids
from streams.fate.join import Join, Label, Side
from streams.fate.outcome import Answer, Fate, Passed, answered_by, decode_prediction
from streams.fate.sought import Sought
from streams.joining.records import Answers, decode_join, partition_of
from streams.kafka.client import ClientConfig, TopicMissing, client_config
from streams.kafka.groups import group_progress
from streams.kafka.reading import Record, TopicReader
from streams.registry import registry_of
from streams.settings import Settings, TopicRole

MOST = 100
"""Records of the same id that are kept."""

MOST_BATCHED = 16_384
"""Events that one batch is taken to hold at most, by the settings of whatever worker it was."""

CLOCKS_MS = 300_000
"""How far a producer's clock may be ahead of a worker's for its outcome to be found."""


@dataclass(frozen=True, slots=True)
class Question:
    """`partitions` None: all of them."""

    event_id: str
    since_ms: int
    until_ms: int | None
    partitions: Collection[int] | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Searched:
    """Offsets of the topic of events that were read, by partition: the first, and the one behind the last."""

    topic: str
    spans: Mapping[int, tuple[int, int]]


class Search:
    """Raises BrokerUnreachable, TopicMissing, NotAllowed and ReadTimeout."""

    def __init__(self, settings: Settings, question: Question) -> None:
        self._settings, self._question = settings, question
        self._client: ClientConfig = client_config(settings.kafka)

    def fates(self) -> tuple[list[Fate], Searched]:
        """Each record with the id, and its outcome."""
        question, topic = self._question, self._settings.topics.name("events")
        sought, fates = Sought(question.event_id), list[Fate]()
        with TopicReader(
            self._client,
            topic,
            partitions=question.partitions,
            since_ms=question.since_ms,
            until_ms=question.until_ms,
        ) as reader:
            searched = Searched(topic, dict(reader.spans))
            for record in _records(reader):
                match = sought.match(record.value, record.headers)
                if match is not None and len(fates) < MOST:
                    from_letter = dict(record.headers or ()).get(HEADER_DEAD_LETTER) or b""
                    letter = place_of(from_letter.decode("utf-8", "replace"))
                    fates.append(Fate(_place(record), record.timestamp, record.key, match, letter))
        if fates:
            self._add_progress(fates)
            self._add_outputs(fates)
        return fates, searched

    def labels(self) -> list[Label]:
        """Records of `labels` about the event, the first one first in each partition."""
        sought, topic = Sought(self._question.event_id, "event_id"), self._settings.topics.name("labels")
        try:
            with TopicReader(self._client, topic, since_ms=self._question.since_ms) as reader:
                found = (record for record in _records(reader) if sought.match(record.value) == "id")
                return [_label(record) for record in islice(found, MOST)]
        except TopicMissing:
            return []

    def join(self, fates: Iterable[Fate]) -> Join | None:
        """What the topic `joins` has of the event. None: there is no such topic, or no answer."""
        topic = self._settings.topics.name("joins")
        id_ = short_ids([self._question.event_id])[0]
        sides: list[Side] = []
        since_ms = min((fate.time_ms for fate in fates), default=self._question.since_ms) - CLOCKS_MS
        try:
            with TopicReader(self._client, topic, offsets={}) as reader:
                partition = partition_of(id_, len(reader.lows))
            with TopicReader(self._client, topic, partitions=[partition], since_ms=max(0, since_ms)) as reader:
                for record in _records(reader):
                    if len(sides) < MOST:
                        sides += _sides(record, id_)
            group = f"{self._settings.kafka.group}-labels"
            committed = next(
                each.committed
                for each in group_progress(self._client, group, topic).partitions
                if each.partition == partition
            )
        except TopicMissing:
            return None
        model = self._question.model
        answers = [side for side in sides if side.model is not None and model in {None, side.model}]
        return Join(answers, next((side for side in sides if side.model is None), None), committed)

    def _add_progress(self, fates: list[Fate]) -> None:
        # Before the outcomes are read: what is committed by now has its outcome in the topics already.
        group = f"{self._settings.kafka.group}-predict"
        progress = group_progress(self._client, group, self._settings.topics.name("events"))
        of = {each.partition: each for each in progress.partitions}
        for fate in fates:
            found = of.get(fate.place.partition)
            if found is not None:
                fate.committed, fate.lag = found.committed, found.lag

    def _add_outputs(self, fates: list[Fate]) -> None:
        of, model = {fate.place: fate for fate in fates}, self._question.model
        for record, source in self._outputs("predictions", fates, lambda record: answered_by(record.value)):
            prediction = decode_prediction(record.value) if source in of else None
            if prediction is not None and model in {None, prediction.model}:
                of[source].answers.append(Answer(_place(record), record.timestamp, prediction))
        for record, source in self._outputs("dead_letters", fates, _rejected_by):
            letter = letter_of(record) if source in of else None
            if letter is not None and model in {None, letter.model}:
                of[source].dead_letters.append(letter)

    def _outputs(
        self, role: TopicRole, fates: list[Fate], output_of: Callable[[Record], tuple[Place, str] | None]
    ) -> Iterator[tuple[Record, Place]]:
        """Of the events' partitions, since shortly before the first of them, until they are all passed."""
        most_batched = max(MOST_BATCHED, self._settings.worker.max_batch_records)
        passed = Passed((fate.place for fate in fates), self._models(), most_batched)
        partitions = {fate.place.partition for fate in fates}
        since_ms = max(0, min(fate.time_ms for fate in fates) - CLOCKS_MS)
        topic = self._settings.topics.name(role)
        with TopicReader(self._client, topic, partitions=partitions, since_ms=since_ms) as reader:
            for record in _records(reader):
                output = output_of(record)
                if output is not None:
                    yield record, output[0]
                    if passed.by(*output):
                        return

    def _models(self) -> set[str] | None:
        """Those whose outputs are waited for. None: the settings name none, and the registry that they name not one."""
        own = self._settings.model
        if self._question.model is not None:
            return {self._question.model}
        names = [own.name] if own.name else registry_of(own).names()
        return {*names, *own.further} if len(names) == 1 else None


def partition_of_key(client: ClientConfig, topic: str, key: bytes) -> int:
    """Where librdkafka's own partitioner (consistent_random) puts a key. Java's client takes murmur2 instead."""
    with TopicReader(client, topic, offsets={}) as reader:
        return crc32(key) % len(reader.lows)


def _records(reader: TopicReader) -> Iterator[Record]:
    return told(reader, reader.to_end(STALLED_S, since_last=True))


def _rejected_by(record: Record) -> tuple[Place, str] | None:
    letter = letter_of(record)
    return (letter.source, letter.model) if letter else None


def _place(record: Record) -> Place:
    return Place(record.topic, record.partition, record.offset)


class _Labelled(msgspec.Struct):
    label: Any = None


_decode_labelled = msgspec.json.Decoder(_Labelled).decode


def _label(record: Record) -> Label:
    try:
        label = _decode_labelled(record.value or b"").label
        msgspec.json.encode(label)  # what is nested too deeply cannot be shown either
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Label(_place(record), record.timestamp, None, readable=False)
    return Label(_place(record), record.timestamp, label)


def _sides(record: Record, id_: str) -> Iterator[Side]:
    """What a record of `joins` says about one event."""
    if msgspec.json.encode(id_) not in (record.value or b""):
        return
    try:
        decoded = decode_join(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    for index, found in enumerate(decoded.ids):
        if found != id_:
            continue
        if isinstance(decoded, Answers):
            yield Side(_place(record), record.timestamp, decoded.predictions[index], decoded.model, decoded.version)
        else:
            yield Side(_place(record), record.timestamp, decoded.labels[index])
