"""Whether the groups keep up with retention, and whether workers and partitions fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from streams.doctor.finding import Finding, Severity

CHECK = "groups"
RISK = 0.5
"""Share of the retention after which what waits is taken to be at risk."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """Offsets of one partition. `committed` is None where the group never committed, `lag` counts records that wait.
    `at_risk_below`: records before it are older than `RISK` of the retention; None where there is no such limit."""

    partition: int
    committed: int | None
    low: int
    end: int
    lag: int
    at_risk_below: int | None = None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A role's group on its topic. `retention_ms` None: without limit, or not known."""

    role: str
    group: str
    topic: str
    members: int
    partitions: tuple[PartitionFacts, ...]
    retention_ms: int | None = None


def group_findings(facts: GroupFacts) -> Iterator[Finding]:
    yield from _lost(facts)
    yield from _made_again(facts)
    yield from _at_risk(facts)
    yield from _workers(facts)


def _lost(facts: GroupFacts) -> Iterator[Finding]:
    lost = {
        each.partition: each.low - each.committed
        for each in facts.partitions
        if each.committed is not None and each.committed < each.low
    }
    if lost:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"{sum(lost.values())} offsets were deleted before {facts.role} had read them",
            f"{facts.topic} {_named(lost)}, group {facts.group}",
            "retention removed them, or somebody did, while no worker read",
            f"raise retention.ms of {facts.topic} and add workers; what was deleted has to be sent in again",
        )


def _made_again(facts: GroupFacts) -> Iterator[Finding]:
    beyond = [each.partition for each in facts.partitions if each.committed is not None and each.committed > each.end]
    if beyond:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"{facts.role} has committed offsets that the topic does not have yet",
            f"{facts.topic} {_named(beyond)}, group {facts.group}",
            "the topic was deleted and made again, or records were lost by an unclean leader election",
            f"stop the workers, then `kafka-consumer-groups.sh --reset-offsets --to-earliest --execute "
            f"--group {facts.group} --topic {facts.topic}`",
        )


def _at_risk(facts: GroupFacts) -> Iterator[Finding]:
    waiting = [
        each.partition
        for each in facts.partitions
        if each.lag and each.at_risk_below is not None and max(each.committed or 0, each.low) < each.at_risk_below
    ]
    if waiting and facts.retention_ms is not None:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"records that wait for {facts.role} are older than half of the retention ({_span(facts.retention_ms)}), "
            f"and are deleted after all of it",
            f"{facts.topic} {_named(waiting)}, group {facts.group}",
            "no worker reads there, or the workers do not keep up" if facts.members else "no worker reads there",
            f"raise retention.ms of {facts.topic} now; `weir status --advice 10` says how many workers it takes",
        )


def _workers(facts: GroupFacts) -> Iterator[Finding]:
    lag = sum(each.lag for each in facts.partitions)
    where = f"{facts.topic}, group {facts.group}"
    if lag and not facts.members:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"{lag} records wait, and no worker reads them",
            where,
            f"no worker with this role runs, or none that has its topics, rights and kafka.group {facts.group!r}",
            f"`weir worker --role {_option(facts.role)}`, and look at its log",
        )
    spare = facts.members - len(facts.partitions)
    # One lane has all of `control` and of `examples`; the others stand by.
    if spare > 0 and len(facts.partitions) > 1:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"{facts.members} workers share {len(facts.partitions)} partitions: {spare} of them have nothing to do",
            where,
            "a partition is read by one worker at a time",
            f"end {spare} of them, or give {facts.topic} and what follows it more partitions "
            f"(it changes which partition a key is in)",
        )


def _option(role: str) -> str:
    """The name by which `weir worker` starts it."""
    return {"control": "drift", "label-intake": "labels"}.get(role, role)


def _named(partitions: Iterable[int]) -> str:
    numbers = sorted(partitions)
    shown = ", ".join(map(str, numbers[:8])) + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
    return f"partition{'s' if len(numbers) > 1 else ''} {shown}"


def _span(milliseconds: int) -> str:
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds} ms"
