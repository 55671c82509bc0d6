"""Whether the newest events are such as the model can answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.contracts import STAGE_OF, Reason, Stage
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
        cause, fix = _advice(reason, facts.model)
        yield Finding(
            CHECK,
            Severity.ERROR if count >= NEARLY_ALL * facts.looked_at else Severity.WARNING,
            f"{count} of the newest {facts.looked_at} events are dead letters by {reason}: {example.why}",
            example.place,
            cause,
            fix,
        )


def _advice(reason: Reason, model: str | None) -> tuple[str, str]:
    """Likely cause and fix."""
    if reason is Reason.FRAMED:
        cause = "the producer's serializer is one of the Confluent Schema Registry"
        return cause, "have it send plain JSON (StringSerializer, no schema registry)"
    if STAGE_OF[reason] is Stage.DECODE or model is None:
        return (
            "what the producer writes is no event",
            "mend the producer: docs/how-to/producers.md says what an event is",
        )
    cause = f"the producer writes something else than model {model} was trained on"
    return cause, f"mend the producer: `weir model show {model}` lists the features; then `weir dlq redrive`"
