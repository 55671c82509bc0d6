"""Whether the broker's limits and Weir's go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.doctor.finding import Finding, Severity

CHECK = "limits"
OVERHEAD_BYTES = 65_536
"""Of a record: its key, headers and batch, which the topic counts and `limits.value_bytes` does not."""


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """`message_bytes`: ``max.message.bytes`` of the events' topic."""

    events: str
    message_bytes: int
    value_bytes: int


def limit_findings(facts: LimitFacts) -> Iterator[Finding]:
    if facts.message_bytes < facts.value_bytes:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"max.message.bytes is {facts.message_bytes}, below limits.value_bytes ({facts.value_bytes})",
            facts.events,
            "the broker refuses events that Weir would take, and its producers are told, not Weir",
            f"`kafka-configs.sh --alter --entity-type topics --entity-name {facts.events} --add-config "
            f"max.message.bytes={facts.value_bytes + OVERHEAD_BYTES}`, or lower limits.value_bytes",
        )
    if facts.message_bytes > facts.value_bytes + OVERHEAD_BYTES:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"max.message.bytes is {facts.message_bytes}, far above limits.value_bytes ({facts.value_bytes})",
            facts.events,
            "the broker takes events that Weir then rejects as too_large",
            f"raise limits.value_bytes to {facts.message_bytes}, or lower max.message.bytes of the topic",
        )
