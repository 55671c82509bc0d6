"""Tables for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows of text, and what is to be said below."""

    columns: list[str]
    rows: list[list[str]]
    notes: list[str]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in row)
            for row in (enumerate(zip(cells, widths, strict=True)) for cells in (self.columns, *self.rows))
        ]
        return "\n".join([*lines, *self.notes])
