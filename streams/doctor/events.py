"""Whether the newest events are such as the model can answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.contracts import Reason
from streams.doctor.finding import Finding, Severity

CHECK = "events"
TOLERATED = 0.1
"""Share of bad events that dead letters are there for."""
NEARLY_ALL = 0.9
FRAME = b"\x00"
FRAME_BYTES = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that would become a dead letter: why, in words without its data, and its topic/partition/offset."""

    reason: Reason
    why: str
    place: str


@dataclass(frozen=True, slots=True)
class EventFacts:
    """`looked_at`: how many of the newest events. `model`: whose schema they were held against, None: only framing."""

    topic: str
    looked_at: int
    refused: Sequence[Refused]
    model: str | None = None


def is_framed(value: bytes) -> bool:
    """Whether it begins as a serializer of the Confluent Schema Registry writes it: 0x00 and a schema id."""
    return len(value) >= FRAME_BYTES and value[:1] == FRAME


def event_findings(facts: EventFacts) -> Iterator[Finding]:
    by_reason = Counter(each.reason for each in facts.refused)
    for reason, count in by_reason.most_common():
        if count <= TOLERATED * facts.looked_at:
            continue
        example = next(each for each in facts.refused if each.reason is reason)
        framed = reason is Reason.FRAMED
        yield Finding(
            CHECK,
            Severity.ERROR if count >= NEARLY_ALL * facts.looked_at else Severity.WARNING,
            f"{count} of the newest {facts.looked_at} events are dead letters by {reason}: {example.why}",
            example.place,
            "the producer's serializer is one of the Confluent Schema Registry"
            if framed
            else f"the producer writes something else than model {facts.model} was trained on"
            if facts.model
            else "the producer writes something else than events",
            "have it send plain JSON (StringSerializer, no schema registry)"
            if framed
            else f"mend the producer, then `weir dlq redrive --reason {reason}`; `weir model show {facts.model}` lists "
            f"the features"
            if facts.model
            else "mend the producer: docs/how-to/producers.md",
        )
