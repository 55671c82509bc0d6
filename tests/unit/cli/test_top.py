"""`weir top`: what is on the screen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rich.console import Console

from streams.cli.top_screen import bars, top_view
from streams.page.figures import encode_figures
from streams.page.view import View
from tests.unit.page.telling import EVENTS, at, figures

LATENCIES, SCORES = (0.01, 0.1, 1.0), (0.0, 0.5, 1.0)

EXPECTED = """\
weir top  2027-01-15 08:00:08 UTC   workers 1 of 3 ready   alerts 1
answers  106/s  ▁▁███  p50 6 ms    p99 94.6 ms  by others 5.0%
lag      1,220  ▁▁▃▆█  dead 3.8/s  http 0/s     available 99.75%

WORKERS  state      answers  p99      busy  held  partitions  models
weir-0   ready      450/s    94.6 ms  83%   10%   2           churn 3
weir-1   not ready  150/s    –        20%   0%    1           churn 2
weir-2   gone       0/s      –        0%    0%    0           churn 3
  weir-1: no partitions yet

MODELS  version     chosen  challenger  breaker  answered by others
churn   3 ×1, 2 ×1  –       –           open ×1  previous 2.5%

LAG     partition  records  worker
events  0          1,200    weir-0
events  2          20       weir-1

DEAD LETTERS     a second  in 10 s  whose
feature_missing  3.5/s     120      the event's
model_error      0.27/s    9        Weir's or the model's

ALERTS  what               since                how much
ticket  churn: feature f5  2026-11-27 06:45:26  1.39 sd
"""


def state() -> dict[str, Any]:
    """Three workers over six seconds, of which one is gone."""
    view = View(EVENTS, LATENCIES, SCORES)
    view.take_figures(encode_figures(figures("c", slot="weir-2", models={"churn": "3"})), at(-12))
    for tick in range(4):
        first = figures(
            "a",
            slot="weir-0",
            models={"churn": "3"},
            answers={"churn": {"model": 840 * tick, "previous": 60 * tick}},
            dead_letters={"churn": {"feature_missing": 40 * tick, "model_error": 3 * tick}},
            latency=(750 * tick, 150 * tick, 0, 0),
            lag={EVENTS: {"0": 400 * tick, "1": 0}},
            busy={"busy": 0.83, "back_pressured": 0.1},
            rungs={"churn": {"previous": 0.05, "cache": 0.0}},
        )
        second = figures(
            "b",
            slot="weir-1",
            ready=False,
            why="no partitions yet",
            models={"churn": "2"},
            answers={"churn": {"model": 300 * tick}},
            lag={EVENTS: {"2": 20}},
            busy={"busy": 0.2},
            spared=("churn",),
            rungs={"churn": {}},
        )
        view.take_figures(encode_figures(first), at(tick) + 2_000)
        view.take_figures(encode_figures(second), at(tick) + 2_000)
    about = {"alert_id": "1", "dedupe_key": "churn/f5", "model": "churn", "version": "3", "signal": {"feature": "f5"}}
    since = {"at": "2026-11-27T06:45:26.200Z", "interval": ["2026-11-27T06:45:26.100Z", "2026-11-27T06:45:26.300Z"]}
    size = {"size": 1.39, "unit": "sd", "interval": [1.31, 1.47]}
    alert = {**about, "state": "firing", "severity": "ticket", "onset": since, "effect": size}
    view.alerts.take(msgspec.json.encode(alert), at(3))
    points = view.points(all_of_them=True)
    return {
        "problem": None,
        **view.now(lambda _model, _version: None),
        "alerts": list(view.alerts.standing()),
        "answered_lately": points["answered"],
        "lag_lately": points["lag"],
    }


def shown(state: dict[str, Any], width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=False, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(top_view(state))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_screen() -> None:
    assert "\n".join(shown(state())) + "\n" == EXPECTED


def test_what_is_long_or_from_outside_does_not_break_the_screen() -> None:
    told = state()
    told["problem"] = "no figures\x1b[2J of any worker"
    told["workers"] = told["workers"] * 9
    told["models"][0] |= {"name": "m" * 64, "chosen": "v" * 64}
    told["lag"] = [{"topic": "t" * 249, "partition": "1023", "records": 10**12, "slot": "s" * 100}] * 99
    told["alerts"] = [{"severity": "page" * 50, "signal": {"feature": "[red]f" * 99}, "model": "m" * 64, "effect": 3}]
    lines = shown(told)
    assert max(map(len, lines)) <= 80
    assert "! no figures\\x1b[2J of any worker" in lines
    assert "  and 19 more" in lines
    assert "  and 91 more" in lines


def test_with_nothing_known_nothing_is_claimed() -> None:
    view = View(EVENTS, LATENCIES, SCORES)
    empty = {"problem": None, **view.now(lambda *_: None), "alerts": [], "answered_lately": [], "lag_lately": []}
    lines = shown(empty)
    assert lines[0] == "weir top  –   workers 0 of 0 ready   alerts 0"
    assert "available –" in " ".join(lines)


@pytest.mark.parametrize(("values", "wanted"), [([], ""), ([0, 0], "▁▁"), ([1, 2, 4, 8], "▂▃▅█"), ([5] * 40, "█" * 16)])
def test_bars(values: list[float], wanted: str) -> None:
    assert bars(values) == wanted
