"""Whether the ports that were chosen can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.doctor.finding import Finding, Severity

CHECK = "ports"


@dataclass(frozen=True, slots=True)
class PortFacts:
    """`chosen`: somebody set it, so a worker takes no other. `refused`: why nobody can listen there, None: it is free.
    `ours`: a worker of this group answers there."""

    key: str
    host: str
    port: int
    chosen: bool
    refused: str | None
    ours: bool = False


def port_findings(facts: PortFacts) -> Iterator[Finding]:
    if facts.refused is not None and facts.chosen and not facts.ours:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"a worker cannot listen on {facts.host}:{facts.port}: {facts.refused}",
            facts.key,
            "another process has it, or the address is not one of this machine",
            f"set {facts.key} to a free port, or remove it to take the next free one; `ss -ltnp` shows who has it",
        )
