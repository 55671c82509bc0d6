"""Whether the topics are as the plan wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.doctor.finding import Finding, Severity
from streams.kafka import topic_plan

CHECK = "topics"

FATAL = frozenset({"partitions", "cleanup.policy"})
"""A worker ends by these, or records are lost."""


def topic_findings(found: Sequence[topic_plan.Finding]) -> Iterator[Finding]:
    """Topics that are missing are one finding: mostly it is all of them, and one command makes them."""
    missing = [each.topic for each in found if each.what == "missing"]
    if missing:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"{len(missing)} topics are missing" if len(missing) > 1 else "a topic is missing",
            ", ".join(missing),
            "not made yet, of another name (topics.prefix), or this user may not see it",
            "`weir topics create`",
        )
    for each in found:
        if each.what != "missing":
            yield Finding(
                CHECK,
                Severity.ERROR if each.what in FATAL else Severity.WARNING,
                f"{each.what} is {each.found}, wanted {each.wanted}",
                each.topic,
                each.why,
                f"`{each.fix}`" if each.fix.startswith("kafka-") else each.fix,
            )
