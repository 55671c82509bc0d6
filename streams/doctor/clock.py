"""Whether the clocks of this machine, of the broker and of producers agree.

Kafka tells the time to nobody, but it stamps the records of a topic with ``LogAppendTime``. Workers write `figures`
every two seconds, so a record that comes while one watches says what the broker's clock was a moment ago, and nothing
needs to be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.doctor.finding import Finding, NotChecked, Severity

CHECK = "clock"
TOLERATED_MS = 5_000


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """All in ms since the epoch. `appended_ms`: the broker's time of the newest record of `figures`; `arrived_ms` is
    when it was seen to come here, None where it was there before. `event_ms`: the newest time that a producer gave its
    record."""

    here_ms: int
    appended_ms: int | None = None
    arrived_ms: int | None = None
    event_ms: int | None = None
    events: str = "events"


def clock_findings(facts: ClockFacts) -> Iterator[Finding | NotChecked]:
    skew_ms = None
    if facts.appended_ms is not None and facts.arrived_ms is not None:
        skew_ms = facts.arrived_ms - facts.appended_ms
    elif facts.appended_ms is not None and facts.here_ms < facts.appended_ms:
        skew_ms = facts.here_ms - facts.appended_ms  # at least: the record may be old
    if skew_ms is None:
        yield NotChecked(CHECK, "no worker publishes figures now, and nothing else tells the broker's time")
    elif abs(skew_ms) > TOLERATED_MS:
        how = "ahead of" if skew_ms > 0 else "behind"
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"the clock of this machine is {abs(skew_ms) / 1000:.0f} s {how} the broker's",
            "this machine and the broker",
            "one of the two is not synchronised",
            "`timedatectl` on both; start NTP (chrony, systemd-timesyncd)",
        )
    now_ms = facts.here_ms - (skew_ms or 0)
    ahead_ms = 0 if facts.event_ms is None else facts.event_ms - now_ms
    if ahead_ms > TOLERATED_MS:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"the newest event has a record time that is {ahead_ms / 1000:.0f} s ahead of now",
            facts.events,
            "the clock of a producer is ahead; blocks of event time close too early, and retention is counted by it",
            f"synchronise the producer's clock, or `kafka-configs.sh --alter --entity-type topics --entity-name "
            f"{facts.events} --add-config message.timestamp.type=LogAppendTime`",
        )
