"""Whether a model can answer here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from streams.doctor.finding import Finding, Severity

CHECK = "models"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it does not load, in the parts of a ModelError."""

    what: str
    where: str
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The version that answers. `recorded` and `installed`: versions of the libraries that it was added with, and of
    those here; both empty where it did not load."""

    name: str
    version: str | None
    problem: Problem | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)


def model_findings(facts: ModelFacts) -> Iterator[Finding]:
    if facts.problem is not None:
        own = facts.problem
        yield Finding(CHECK, Severity.ERROR, own.what, own.where, own.cause, own.fix)
    others = {
        name: (version, facts.installed.get(name))
        for name, version in facts.recorded.items()
        if facts.installed.get(name) != version
    }
    if others:
        listed = ", ".join(f"{name} {was} (here {now or 'not installed'})" for name, (was, now) in others.items())
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"added with other libraries: {listed}",
            f"model {facts.name} {facts.version}",
            "libraries were upgraded since; its answers are close to the recorded ones, not equal to the bit",
            f"add it again here: `weir model add FILE --name {facts.name} --data TRAIN`, then `weir model promote`",
        )
