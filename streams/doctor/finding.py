"""What a check-up finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """It does not work, or records are lost."""
    WARNING = "warning"
    """It works, and will not for ever, or not as it could."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `check` is the group that it was found by, `where` a topic, a setting, a file."""

    check: str
    severity: Severity
    what: str
    where: str
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A group that could not be looked at, or not in full."""

    check: str
    why: str
