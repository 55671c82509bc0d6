"""What is wrong with the settings: every bad value at once, each with its rule and a fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from streams.settings.effective import Settings
from streams.settings.secret import shown


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad value. `value` is text with secrets masked; `origin` is the file or variable that it came from."""

    key: str
    value: str
    origin: str
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value} (from {self.origin})\n    rule: {self.rule}\n    fix: {self.fix}"


class SettingsError(Exception):
    """The settings cannot be used. Carries every problem found, not the first one."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 bad setting" if len(self.problems) == 1 else f"{len(self.problems)} bad settings"
        super().__init__("\n  ".join([f"{count}:", *map(str, self.problems)]))


def problem_at(settings: Settings, key: str, rule: str, fix: str) -> Problem:
    """What is wrong with the value that a key has now."""
    return Problem(key, shown(key, value_of(settings, key)), str(settings.origin(key)), rule, fix)


def value_of(settings: Settings, key: str) -> Any:
    table, _, name = key.partition(".")
    return getattr(getattr(settings, table), name)
