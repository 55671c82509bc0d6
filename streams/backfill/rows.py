"""Rows of a piece of a file on their way to the pipeline. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.contracts import Reason


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows as `values`, the bytes of one event each, for the pipeline to judge.

    `refused` are rows of which no event could be made, with the reason: their value is what the file holds. `ids` are
    those that a column or the row's number gave; None where at most the event's own bytes say. `kept`: an Arrow array
    of n cells for each column that is carried over to the answers.
    """

    values: list[bytes]
    ids: list[str | None]
    refused: Mapping[int, tuple[Reason, str]] = field(default_factory=dict)
    kept: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.values)


def row_id(index: int) -> str:
    """The id of a row that brings none: its number in the file, from 1."""
    return str(index + 1)
