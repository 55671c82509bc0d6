"""What is remembered of past blocks: to date a change, and to know the level before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

HISTORY = 40
"""Samples remembered per signal."""
AS_THEY_CAME = 16
"""The latest of them are never joined."""


class _Blocks(Protocol):
    @property
    def blocks(self) -> int: ...


Past = TypeVar("Past", bound=_Blocks)


def remembered(past: Sequence[Past], most_blocks: int, plus: Callable[[Past, Past], Past]) -> list[Past]:
    """The last samples, oldest first. When they are too many the oldest two that make no more than `most_blocks`
    become one; where there are none, the oldest is forgotten."""
    if len(past) <= HISTORY:
        return list(past)
    for place in range(len(past) - AS_THEY_CAME - 1):
        if past[place].blocks + past[place + 1].blocks <= most_blocks:
            return [*past[:place], plus(past[place], past[place + 1]), *past[place + 2 :]]
    return list(past[1:])
