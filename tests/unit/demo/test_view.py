from __future__ import annotations

import dataclasses

import pytest
from rich.console import Console

from streams.demo.screen import deserves_card, one_line
from streams.demo.view import Snapshot, live_view, plain_line
from streams.demo.watcher import Watcher
from streams.settings import TopicSettings

FEATURES = tuple(f"f{number}" for number in range(1, 10))
COUNTS = dataclasses.replace(
    Watcher(TopicSettings()).counts(),
    events=12_345_678, predictions=12_345_670, classes={"normal": 930, "anomaly": 70}, p50_ms=14, p99_ms=1_048,
)  # fmt: skip
NOW = Snapshot(
    phase="Ctrl-C ends it",
    elapsed_s=3_723.4,
    counts=COUNTS,
    per_s=2_001.5,
    features=FEATURES,
    injected_feature="f3",
    injection="sensor f3 reads 13 too high (1.5 standard deviations)",
    drift_in_s=None,
    drift_since_s=7.2,
    found_after_s=2.24,
    alerting=frozenset({"f3", "metric/score"}),
    statistics={**dict.fromkeys(FEATURES, 0.2), "f3": 5.87, "metric/score": 1.25, "metric/class": 123_456.0},
)


def _shown(now: Snapshot, width: int) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(live_view(now, width))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_panel_leaves_room_for_a_card_and_cuts_nothing(width: int) -> None:
    lines = _shown(NOW, width)
    assert len(lines) <= (11 if width >= 80 else 18)
    assert max(map(len, lines)) <= width
    text = " ".join("\n".join(lines).replace("│", " ").split())  # as it reads where lines were wrapped
    assert "…" not in text
    for wanted in (
        "12,345,678",
        "12,345,670",
        "0 dead letters",
        "1.5 standard deviations",
        "anomaly 7.0 %",
        "5.87",
        "score",
        "class",
        "Ctrl-C ends it",
    ):
        assert wanted in text, wanted


def test_before_the_drift_it_is_announced_and_after_it_the_sensor_is_marked() -> None:
    before = "\n".join(_shown(dataclasses.replace(NOW, drift_in_s=8.3, drift_since_s=None), 80))
    assert "in 8 s: sensor f3 reads 13 too high" in before
    assert "◀" not in before
    after = "\n".join(_shown(NOW, 80))
    assert "for 7 s: sensor f3" in after
    assert "5.87◀" in after
    assert "ALERT on f3, 2.2 s after the drift began; also on score" in after
    assert "ALERT" not in "\n".join(_shown(dataclasses.replace(NOW, found_after_s=None), 80))


def test_without_statistics_the_sensors_are_listed() -> None:
    text = "\n".join(_shown(dataclasses.replace(NOW, statistics={}), 80))
    assert all(name in text for name in FEATURES)


def test_a_line_for_a_log_says_the_same() -> None:
    line = plain_line(NOW)
    for wanted in ("12,345,678 events", "2,002/s", "p50 14 ms", "p99 1048 ms", "normal 93.0 %", "drift of f3 for 7 s"):
        assert wanted in line, wanted
    assert "none yet" in plain_line(dataclasses.replace(NOW, counts=Watcher(TopicSettings()).counts(), statistics={}))


def test_a_card_is_for_a_sensor_that_begins_to_drift() -> None:
    alert = {"state": "firing", "kind": "input", "severity": "page", "signal": {"feature": "f3"}}
    assert deserves_card(alert)
    assert not deserves_card(alert | {"state": "resolved"})
    assert not deserves_card(alert | {"kind": "prediction"})
    assert "feature f3" in one_line(alert | {"state": "resolved", "severity_reason": "back"})
