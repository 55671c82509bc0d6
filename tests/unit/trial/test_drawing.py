"""The picture: well-formed, on its own, with every alert and injected change in it and nothing obeyed."""

from __future__ import annotations

import math
import re
from array import array
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.profile import SignalSpec
from drift.scenarios import Rows, parse
from drift.settings import DriftSettings
from streams.trial.drawing.lines import trace_path
from streams.trial.drawing.markup import element, words
from streams.trial.drawing.page import html_page
from streams.trial.drawing.picture import MOST_PANELS, picture
from streams.trial.drawing.scale import DistanceScale, RowScale
from streams.trial.report import Trial
from streams.trial.run import TrialOptions, try_rows
from tests.unit.trial.building import START, rows, write_csv

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A shift that is found and resolves, and one that is too small."""
    file = write_csv(tmp_path_factory.mktemp("drawing") / "a <b> & c.csv", rows(12_000))
    changes = ("shift:feature=size,at=2000,until=4000,size=1", "share:feature=plan,to=pro,share=0.01,at=6000")
    options = TrialOptions(data=file, time="at", scenarios=[parse(text) for text in changes])
    return try_rows(options, DriftSettings())


def drawn(root: ET.Element, name: str) -> list[ET.Element]:
    return [each for each in root.iter() if name in each.get("class", "").split()]


def test_every_change_and_every_stage_of_an_alert_is_drawn_where_it_was(trial: Trial) -> None:
    root = ET.fromstring(picture(trial))
    report = trial.report
    assert [len(drawn(root, name)) for name in ("name", "began", "detected", "ended")] == [3, 2, 1, 1]
    x = RowScale(report.rows, 218, 718)
    (alert,) = report.alerts
    assert float(drawn(root, "detected")[0].get("x1", "")) == pytest.approx(x(alert.detected_row), abs=0.1)
    assert float(drawn(root, "ended")[0].get("x1", "")) == pytest.approx(x(alert.resolved_row or 0), abs=0.1)
    began = sorted(float(line.get("x1", "")) for line in drawn(root, "began"))
    assert began == pytest.approx([x(each.first_row) for each in report.injected], abs=0.1)


def test_the_page_needs_nothing_from_elsewhere(trial: Trial) -> None:
    page = html_page(trial)
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"' <]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|src=|<link", page)
    assert "prefers-color-scheme: dark" in page
    assert "no injected cause" in page


def test_times_that_were_made_up_are_not_told(tmp_path: Path) -> None:
    own = rows(6000)
    own.matrix[3000:, 0] += 20
    file = write_csv(tmp_path / "rows.csv", own)
    for time, shown in (("at", True), (None, False)):
        page = html_page(try_rows(TrialOptions(data=file, time=time, columns=["size"]), DriftSettings()))
        assert ("<dt>since</dt>" in page) is shown
        assert "<dt>what</dt>" in page


def test_the_same_trial_gives_the_same_bytes(trial: Trial) -> None:
    assert html_page(trial) == html_page(trial)


def test_names_from_the_file_are_text(trial: Trial) -> None:
    page = html_page(trial)
    assert "a &lt;b&gt; &amp; c.csv" in page
    assert "<b> &" not in page


@given(st.text(), st.text())
def test_any_text_makes_well_formed_markup_and_comes_back(text: str, value: str) -> None:
    root = ET.fromstring(element("a", words(text), title=value))
    assert (root.text or "").isprintable()
    assert not text.isprintable() or (root.text or "") == text
    assert not value.isprintable() or root.get("title") == value


def test_only_so_many_signals_are_drawn_those_with_alerts_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    specs = tuple(SignalSpec(f"f{number}", "number", "feature") for number in range(MOST_PANELS + 6))
    matrix = rng.normal(size=(3000, len(specs))).round(4)
    matrix[1500:, -1] += 1
    lines = (",".join(map(str, row)) for row in matrix.tolist())
    (tmp_path / "wide.csv").write_text(",".join(spec.name for spec in specs) + "\n" + "\n".join(lines))
    wide = try_rows(TrialOptions(data=tmp_path / "wide.csv"), DriftSettings())
    root = ET.fromstring(picture(wide))
    names = drawn(root, "name")
    assert len(names) == MOST_PANELS
    assert "".join(names[0].itertext()).endswith(specs[-1].name)
    assert f"{len(wide.watched.signals) - MOST_PANELS} more signals are not drawn" in picture(wide)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


@given(st.integers(0, 2**32 - 1), st.integers(2000, 6000))
def test_however_many_blocks_there_are_the_extremes_stay(seed: int, blocks: int) -> None:
    distances = np.random.default_rng(seed).standard_cauchy(blocks).tolist()
    x = RowScale(len(distances), 100, 700)
    y = DistanceScale.over(distances, 10, 60)
    path = trace_path(range(len(distances)), range(1, len(distances) + 1), distances, x, y)
    heights = [height for _, height in points(path)]
    assert len(heights) <= 4 * 701
    assert min(heights) == pytest.approx(y(max(distances)), abs=0.06)
    assert max(heights) == pytest.approx(y(min(distances)), abs=0.06)


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    x, y = RowScale(4, 0, 400), DistanceScale(-2, 2, 0, 40)
    path = trace_path([0, 1, 2, 3], [1, 2, 3, 4], array("d", [0, math.nan, 0, 0]), x, y)
    assert path.count("M") == 2
    assert trace_path([], [], [], x, y) == ""


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_scale_keeps_the_order_and_stays_within_its_panel(one: float, other: float) -> None:
    y = DistanceScale.over([one, other], 10, 60)
    assert 10 <= y(max(one, other)) <= y(min(one, other)) <= 70
    assert all(-1.0001e6 * 1.1 <= tick <= 1.1e6 for tick in y.ticks())
    assert 0 in y.ticks()


@given(st.integers(1, 10**12), st.integers(2, 9))
def test_ticks_are_few_and_round(count: int, most: int) -> None:
    ticks = RowScale(count, 0, 100).ticks(most)
    assert 1 <= len(ticks) <= most
    assert ticks[-1] <= count


def test_a_trial_without_rows_to_judge_is_drawn_all_the_same(tmp_path: Path) -> None:
    few = Rows(rows(40).specs, rows(40).matrix, START + np.arange(40) * 5)
    lone = try_rows(TrialOptions(data=write_csv(tmp_path / "few.csv", few), time="at"), DriftSettings())
    assert lone.report.blocks == 0
    assert ET.fromstring(picture(lone)).tag == f"{SVG}svg"
