"""The event that a dead letter becomes when it is sent in again. Pure."""

from __future__ import annotations

from streams.cloud_events.binary import own_headers
from streams.contracts import (
    HEADER_ATTEMPT,
    HEADER_DEAD_LETTER,
    HEADER_MODEL,
    HEADER_TRACEPARENT,
    Reason,
)
from streams.dead_letters.letter import DeadLetter
from streams.records import OutboxRecord


class CannotRedrive(ValueError):
    """Why a dead letter does not become an event again."""


def event_of(letter: DeadLetter, events_topic: str, partitions: int) -> OutboxRecord:
    """The event's bytes and key in its own partition, so that it stays in order with what has the same key.

    Its header `weir-model` names the model that gave no answer: others may have answered it. Raises CannotRedrive.
    """
    source = letter.source
    # A header is no leave to write elsewhere: who may write dead letters could name `control`.
    if source.topic != events_topic:
        raise CannotRedrive("its source is not the topic of events (topics.events)")
    if source.partition >= partitions:
        raise CannotRedrive("the topic of events no longer has its partition")
    if letter.reason is Reason.OUTPUT_TOO_LARGE and not letter.value:
        raise CannotRedrive("its value did not fit and stayed at its source")
    headers = [
        (HEADER_ATTEMPT, b"%d" % letter.attempt),
        (HEADER_DEAD_LETTER, str(letter.place).encode()),
        *([(HEADER_MODEL, letter.model.encode())] if letter.model else []),
        *(pair for pair in letter.headers if pair[0] == HEADER_TRACEPARENT),
        *own_headers(letter.headers),
    ]
    return OutboxRecord(events_topic, letter.key, letter.value, source.partition, headers)
