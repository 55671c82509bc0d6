"""Whether this user may do what the roles do. Rights on transactional ids are told to nobody who does not use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streams.doctor.finding import Finding, Severity
from streams.settings.tables import TopicRole

CHECK = "rights"

Operation: TypeAlias = Literal["Read", "Write", "Describe"]

NEEDED: Mapping[str, dict[TopicRole, tuple[Operation, ...]]] = {
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
    "http": {"control": ("Read",)},
}
"""By role, what it does to topics; on its group each has to Read, but for http, which has none."""

PUBLISHING: dict[TopicRole, tuple[Operation, ...]] = {"events": ("Write",)}
"""What http does where `http.publish` is set."""

OPTIONAL: dict[TopicRole, tuple[Operation, ...]] = {"figures": ("Write",)}
"""What every worker does besides, if it may: so the page and `weir top` show it."""


@dataclass(frozen=True, slots=True)
class RightFacts:
    """One right that this user lacks, the `command` that gives it, and the roles that want it. `optional`: they go on
    without."""

    principal: str
    right: str
    command: str
    roles: tuple[str, ...]
    optional: bool = False


def right_findings(facts: RightFacts) -> Iterator[Finding]:
    yield Finding(
        CHECK,
        Severity.WARNING if facts.optional else Severity.ERROR,
        f"{', '.join(facts.roles)} lack{'s' if len(facts.roles) == 1 else ''} {facts.right}",
        facts.principal,
        "the broker checks ACLs, and no rule allows it",
        f"`{facts.command}`",
    )
