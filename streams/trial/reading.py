"""Rows of a file as a trial wants them: in order of time, coded with the categories that the reference has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drift.profile import SignalSpec
from drift.scenarios import Rows
from models.errors import ModelError
from models.schema import UNSEEN
from models.training_data import read_training

MADE_START_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: when rows without a time begin."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of a file. `timed`: their times are the file's own; `reordered`: the file was not in their order."""

    rows: Rows
    timed: bool
    reordered: bool


def read_rows(path: Path, *, time: str | None, columns: Sequence[str] | None, step_ms: float) -> FileRows:
    """Read the columns, or all but `time`. Without `time` one row follows the other every `step_ms`, in the file's
    order. Raises ModelError."""
    data = read_training(path, time=time, features=columns)
    specs = tuple(
        SignalSpec(feature.name, feature.kind.value, "feature", feature.categories) for feature in data.schema.features
    )
    if data.times_ms is None:
        times = MADE_START_MS + np.floor(np.arange(len(data.matrix)) * step_ms).astype(np.int64)
        return FileRows(Rows(specs, data.matrix, times), timed=False, reordered=False)
    order = np.argsort(data.times_ms, kind="stable")
    reordered = bool((np.diff(order) < 0).any())
    return FileRows(Rows(specs, data.matrix[order], data.times_ms[order]), timed=True, reordered=reordered)


def cut(rows: Rows, first: int, end: int) -> Rows:
    """Rows [`first`, `end`)."""
    return Rows(rows.specs, rows.matrix[first:end], rows.times_ms[first:end])


def from_the_start(rows: Rows) -> Rows:
    """Rows with made times, the first of them at the beginning of a block."""
    return replace(rows, times_ms=rows.times_ms - rows.times_ms[0] + MADE_START_MS)


def known_only(rows: Rows) -> Rows:
    """The same rows with no category that they do not hold: what a reference of these rows alone would know."""
    specs = tuple(_held(spec, column) for spec, column in zip(rows.specs, rows.matrix.T, strict=True))
    return recoded(rows, specs, "the reference")


def recoded(rows: Rows, specs: Sequence[SignalSpec], where: str) -> Rows:
    """The columns of `specs`, in their order, with codes into their categories; one that they lack becomes unseen.

    Raises ModelError where a column is missing or of another kind.
    """
    found = {spec.name: index for index, spec in enumerate(rows.specs)}
    columns = []
    for spec in specs:
        if spec.name not in found or rows.specs[found[spec.name]].kind != spec.kind:
            held = f"a {rows.specs[found[spec.name]].kind}" if spec.name in found else "missing"
            raise ModelError(
                f"column {spec.name!r} is {held}, the reference has a {spec.kind}",
                where=where,
                cause="the two files hold different columns, or the column's type was read differently",
                fix="name the columns to compare with --columns, and give each one type in both files",
            )
        index = found[spec.name]
        columns.append(_recoded(rows.matrix[:, index], rows.specs[index].categories, spec.categories))
    return replace(rows, specs=tuple(specs), matrix=np.column_stack(columns))


def _recoded(codes: NDArray[np.float64], own: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[np.float64]:
    if own == wanted:  # numbers and booleans, which have none, as well
        return codes
    places = {category: float(place) for place, category in enumerate(wanted)}
    table = np.array([*(places.get(category, UNSEEN) for category in own), UNSEEN])
    coded = table[np.where(np.isnan(codes), UNSEEN, codes).astype(np.intp)]  # UNSEEN reads the last one
    return np.where(np.isnan(codes), np.nan, coded)


def _held(spec: SignalSpec, column: NDArray[np.float64]) -> SignalSpec:
    if np.isnan(column).all():
        raise ModelError(
            f"column {spec.name!r} has no value in the reference",
            where="the reference",
            cause="its first values come later in the file",
            fix="take more rows with --reference-rows, or leave it out with --columns",
        )
    if spec.kind != "category":
        return spec
    held = {int(code) for code in np.unique(column[column >= 0])}
    return SignalSpec(spec.name, spec.kind, spec.role, tuple(c for i, c in enumerate(spec.categories) if i in held))
