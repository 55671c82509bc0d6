"""One predict role out of those of several models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from streams.decide.several import Reports, SeveralDecider
from streams.decider import Decider
from streams.kafka.rights import Operation
from streams.records import Decision, RecordBatch
from streams.roles import Role


def together(roles: Mapping[str, Role]) -> Role:
    """One lane reads the events, and one transaction holds what all of them answer. `roles` by the model's name."""
    first = next(iter(roles.values()))

    def make_decider(counts: Mapping[str, int]) -> Decider:
        return SeveralDecider({name: role.make_decider(counts) for name, role in roles.items()})

    def on_committed(batch: RecordBatch, decision: Decision) -> None:
        if isinstance(decision.report, Reports):
            for name, report in decision.report.of.items():
                roles[name].on_committed(batch, replace(decision, report=report))

    def close() -> None:
        for role in roles.values():
            role.close()

    rights: dict[str, tuple[Operation, ...]] = {}
    for role in roles.values():
        for topic, operations in role.rights.items():
            rights[topic] = tuple(dict.fromkeys((*rights.get(topic, ()), *operations)))
    return replace(first, rights=rights, make_decider=make_decider, on_committed=on_committed, close=close)
