"""A report in words: every outcome has its line, and the last line sums up."""

from __future__ import annotations

import numpy as np
import pytest

from drift.alert import Alert
from drift.scenarios import Episode
from streams.trial.lives import lives_of
from streams.trial.report import Reference, Report, Times, alerts_of, injected_of
from streams.trial.scoring import judge, unexplained
from streams.trial.words import duration, in_words, verdict
from tests.unit.trial.building import START, alert, episode

TIMES = START + np.arange(10_000)


def report(episodes: list[Episode], changes: list[Alert], *, timed: bool = True) -> Report:
    lives = lives_of(changes)
    return Report(
        data="rows.csv",
        model=None,
        version=None,
        reference=Reference("train.csv", 500, "p"),
        rows=10_000,
        first_row=0,
        times=Times("at" if timed else None, "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"),
        rejected={"feature_null": 7},
        blocks=40,
        block_events=200,
        block_ms=1000,
        late_events=0,
        signals=("size",),
        seed=0,
        injected=injected_of(judge(episodes, lives, TIMES), TIMES, timed=timed),
        alerts=alerts_of(lives, unexplained(episodes, lives), TIMES),
    )


FOUND = [alert("size", (900, 1000, 1100), 1400), alert("size", (900, 1000, 1100), 2600, "resolved")]
STANDS = [alert("plan", (500, 600, 700), 950)]


def test_each_outcome_has_its_line_and_the_last_line_counts_them() -> None:
    episodes = [episode(ended=2000), episode("plan", began=1200), episode("active", began=3000)]
    lines = in_words(report(episodes, [*FOUND, *STANDS]))
    assert "found     shift of size at row 1,000: 400 rows (0.4 s) late" in lines[5]
    assert "within the alert's interval; resolved 600 rows after its end" in lines[5]
    assert lines[6] == "standing  shift of plan at row 1,200: an alert from before still stood"
    assert lines[7] == "missed    shift of active at row 3,000"
    assert "mean +1 sd (0.9 to 1.1), since row 1,000 (900 to 1,100), seen at 1,400, resolved at 2,600" in lines[9]
    assert lines[10].endswith("still stands; no injected cause")
    assert lines[-1] == (
        "1 of 3 injected changes found, 1 while an alert stood; 2 alerts, 1 with no injected cause"
        " (false, unless the data drifts of itself)"
    )
    assert "dead letters, which drift does not see: 7 feature_null" in lines


def test_without_injections_nothing_is_false_and_without_times_no_seconds_are_told() -> None:
    assert verdict(report([], STANDS)) == "1 alert in 10,000 rows"
    lines = in_words(report([episode(ended=2000)], FOUND, timed=False))
    assert "400 rows late" in lines[4]
    assert not any(line.startswith("times:") for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0.4 s"), (119, "119 s"), (150, "2.5 min"), (9000, "2.5 h"), (216_000, "2.5 d")]
)
def test_durations_are_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert duration(seconds) == text
