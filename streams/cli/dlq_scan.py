"""Dead letters as commands read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.cli.reading_progress import told
from streams.dead_letters.letter import DeadLetter, Place, read_letter
from streams.dead_letters.wanted import Wanted
from streams.kafka.client import ClientConfig
from streams.kafka.reading import Record, TopicReader

STALLED_S = 30.0
"""Without a record; a whole topic may take longer."""


@dataclass(slots=True)
class Scan:
    """`strangers`: records that are no dead letters of Weir, so far."""

    reader: TopicReader
    strangers: int = 0

    def letters(self, wanted: Wanted) -> Iterator[DeadLetter]:
        """Those wanted, up to the end as it was on entry, each partition in order. Raises ReadTimeout."""
        for record in told(self.reader, self.reader.to_end(STALLED_S, since_last=True)):
            letter = letter_of(record)
            if letter is None:
                self.strangers += 1
            elif letter in wanted:
                yield letter


def letter_of(record: Record) -> DeadLetter | None:
    place = Place(record.topic, record.partition, record.offset)
    return read_letter(place, record.timestamp, record.key, record.value, record.headers)


def find_letter(client_config: ClientConfig, topic: str, partition: int, offset: int) -> Record | None:
    """The record at one place. Raises BrokerUnreachable, TopicMissing, ReadTimeout."""
    with TopicReader(client_config, topic, offsets={partition: offset}) as reader:
        record = next(reader.to_end(STALLED_S), None)
    return record if record is not None and record.offset == offset else None
