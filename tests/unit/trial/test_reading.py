"""Files to rows: in order of time, coded as the reference codes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.profile import SignalSpec
from drift.scenarios import Rows
from models.errors import ModelError
from streams.trial.reading import MADE_START_MS, cut, known_only, read_rows, recoded
from tests.unit.trial.building import SPECS, rows, write_csv

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, unique=True).map(tuple)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    own = rows(50)
    read = read_rows(write_csv(tmp_path / "rows.csv", own), time="at", columns=None, step_ms=1)
    assert read.rows.specs == SPECS
    assert np.array_equal(read.rows.matrix, own.matrix)
    assert np.array_equal(read.rows.times_ms, own.times_ms)
    assert (read.timed, read.reordered) == (True, False)


def test_rows_are_taken_in_order_of_time(tmp_path: Path) -> None:
    own = rows(50)
    backwards = Rows(SPECS, own.matrix[::-1].copy(), own.times_ms[::-1].copy())
    read = read_rows(write_csv(tmp_path / "rows.csv", backwards), time="at", columns=None, step_ms=1)
    assert np.array_equal(read.rows.matrix, own.matrix)
    assert read.reordered


def test_rows_without_a_time_follow_at_an_even_pace_in_the_order_of_the_file(tmp_path: Path) -> None:
    own = rows(50)
    read = read_rows(write_csv(tmp_path / "rows.csv", own), time=None, columns=["active", "size"], step_ms=2.5)
    assert [spec.name for spec in read.rows.specs] == ["active", "size"]
    assert np.array_equal(read.rows.matrix[:, 1], own.matrix[:, 0])
    assert (read.rows.times_ms[:5] - MADE_START_MS).tolist() == [0, 2, 5, 7, 10]
    assert not read.timed


@given(NAMES, NAMES, st.lists(st.sampled_from([-1, 0, 1, 2, 3, 4, None]), min_size=1))
def test_a_recoded_value_is_the_same_one_or_unseen_or_null(
    own: tuple[str, ...], wanted: tuple[str, ...], drawn: list[int | None]
) -> None:
    codes = [np.nan if code is None else float(min(code, len(own) - 1)) for code in drawn]
    before = Rows((SignalSpec("c", "category", "feature", own),), np.array([codes]).T, np.arange(len(codes)))
    after = recoded(before, (SignalSpec("c", "category", "feature", wanted),), "here")
    for code, coded in zip(codes, after.matrix[:, 0].tolist(), strict=True):
        if np.isnan(code):
            assert np.isnan(coded)
        elif code >= 0 and own[int(code)] in wanted:
            assert wanted[int(coded)] == own[int(code)]
        else:
            assert coded == -1


def test_a_reference_knows_the_categories_of_its_own_rows_only() -> None:
    own = rows(100)
    own.matrix[:60, 1] = 1
    own.matrix[60:, 1] = 0
    reference = known_only(cut(own, 0, 60))
    assert reference.specs[1].categories == ("pro",)
    assert set(recoded(own, reference.specs, "here").matrix[60:, 1]) == {-1}


def test_a_column_without_a_value_in_the_reference_is_refused() -> None:
    own = rows(100)
    own.matrix[:60, 0] = np.nan
    with pytest.raises(ModelError, match="'size' has no value in the reference"):
        known_only(cut(own, 0, 60))


def test_columns_that_do_not_fit_the_reference_are_named() -> None:
    for spec, what in (
        (SignalSpec("size", "boolean", "feature"), "'size' is a number, the reference has a boolean"),
        (SignalSpec("weight", "number", "feature"), "'weight' is missing"),
    ):
        with pytest.raises(ModelError, match=what):
            recoded(rows(10), (spec,), "here")
