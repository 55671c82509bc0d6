"""Whether the topics are as the plan wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.doctor.finding import Finding, Severity
from streams.kafka import topic_plan

CHECK = "topics"

FATAL = frozenset({"missing", "partitions", "cleanup.policy"})
"""A worker waits or ends by these, or records are lost."""


def topic_findings(found: Iterable[topic_plan.Finding]) -> Iterator[Finding]:
    for each in found:
        yield Finding(
            CHECK,
            Severity.ERROR if each.what in FATAL else Severity.WARNING,
            "there is no such topic"
            if each.what == "missing"
            else f"{each.what} is {each.found}, wanted {each.wanted}",
            each.topic,
            "it was never made, has another name (topics.prefix), or this user may not see it"
            if each.what == "missing"
            else each.why,
            f"`{each.fix}`" if each.fix.startswith(("weir ", "kafka-")) else each.fix,
        )
