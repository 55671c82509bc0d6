"""Whether this user may do what the roles do. Rights on transactional ids are told to nobody who does not use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streams.doctor.finding import Finding, Severity
from streams.settings.tables import TopicRole

CHECK = "rights"

Operation: TypeAlias = Literal["Read", "Write", "Describe"]

NEEDED: Mapping[str, Mapping[TopicRole, tuple[Operation, ...]]] = {
    "predict": {
        "events": ("Read",),
        "predictions": ("Write",),
        "dead_letters": ("Write",),
        "observations": ("Write",),
        "state": ("Read", "Write"),
        "control": ("Read",),
    },
    "drift": {
        "observations": ("Read", "Write"),
        "alerts": ("Write",),
        "control": ("Write",),
        "events": ("Describe",),
        "state": ("Read", "Write"),
    },
    "control": {"control": ("Read", "Write"), "observations": ("Write",), "state": ("Read", "Write")},
    "label-intake": {"labels": ("Read",), "joins": ("Write",), "state": ("Read", "Write")},
    "labels": {"joins": ("Read",), "observations": ("Write",), "state": ("Read", "Write")},
    "learner": {"examples": ("Read",), "state": ("Read", "Write")},
}
"""By the role of a group, what it does to topics; on the group itself each has to Read."""


@dataclass(frozen=True, slots=True)
class RightFacts:
    """What one role lacks: `missing` in words, `commands` that give them."""

    role: str
    principal: str
    missing: tuple[str, ...]
    commands: tuple[str, ...]


def right_findings(facts: RightFacts) -> Iterator[Finding]:
    for what, command in zip(facts.missing, facts.commands, strict=True):
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"the role {facts.role} lacks {what}",
            facts.principal,
            "the broker checks ACLs, and no rule allows it",
            f"`{command}`",
        )
