"""Whether the broker is there, and new enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from streams.doctor.finding import Finding, Severity

CHECK = "broker"

NEEDED: Mapping[int, tuple[str, int, str]] = {
    0: ("Produce", 3, "record batches with headers"),
    11: ("JoinGroup", 5, "static membership (KIP-345)"),
    22: ("InitProducerId", 0, "idempotent and transactional producers (KIP-98)"),
    24: ("AddPartitionsToTxn", 0, "transactions (KIP-98)"),
    28: ("TxnOffsetCommit", 3, "offsets that fence by group (KIP-447)"),
    32: ("DescribeConfigs", 0, "the settings of topics"),
}
"""By API key of Kafka's protocol: name, the version that must be there, and what for."""


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """`unreachable`: why no broker answered; `silent`: those of the addresses that did not, where others did.
    `api_versions`: by API key, the highest version that the broker has; None where it did not tell."""

    servers: str
    unreachable: str | None = None
    silent: tuple[str, ...] = ()
    api_versions: Mapping[int, int] | None = None


def broker_findings(facts: BrokerFacts) -> Iterator[Finding]:
    if facts.unreachable is not None:
        yield Finding(
            CHECK,
            Severity.ERROR,
            "no Kafka broker answers",
            f"kafka.bootstrap_servers {facts.servers}",
            facts.unreachable,
            "start one with `weir broker`, or correct kafka.bootstrap_servers and kafka.security_protocol",
        )
    if facts.silent:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"no broker answers at {', '.join(facts.silent)}; others do",
            f"kafka.bootstrap_servers {facts.servers}",
            "that broker is down, or is no more",
            "start it, or take it out of kafka.bootstrap_servers: a worker that starts may try it first",
        )
    if facts.api_versions is None:
        return
    for key, (name, version, what_for) in NEEDED.items():
        found = facts.api_versions.get(key)
        if found is None or found < version:
            has = "does not know it" if found is None else f"has version {found}"
            yield Finding(
                CHECK,
                Severity.ERROR,
                f"the broker {has}: {name} {version} is needed for {what_for}",
                f"kafka.bootstrap_servers {facts.servers}",
                "the broker is older than Kafka 2.5, or is not Apache Kafka and lacks it",
                "use Kafka 3.7 or later",
            )
