"""The page's state, from records to what people read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.page.changes import quantile
from streams.page.figures import EVERY_MS, OTHERS, Figures, encode_figures
from streams.page.outputs import OutputReference
from streams.page.view import View
from tests.unit.page.telling import EVENTS, answering, at, figures

LATENCIES, SCORES = (0.1, 1.0), (0.0, 0.5, 1.0)


def view_of(*told: tuple[int, Figures]) -> View:
    view = View(EVENTS, LATENCIES, SCORES)
    for tick, each in told:
        view.take_figures(encode_figures(each), at(tick))
    return view


def now(view: View, reference: OutputReference | None = None) -> dict[str, Any]:
    state = view.now(lambda _model, _version: reference)
    msgspec.json.encode(state)
    return state


def test_availability_counts_what_is_no_fault_of_the_event() -> None:
    told = answering(900, dead_letters={"churn": {"json": 50, "model_error": 100}})
    state = now(view_of((0, answering(0)), (1, told)))
    assert state["totals"]["availability"] == pytest.approx(0.9)
    assert [(row["reason"], row["count"], row["ours"]) for row in state["reasons"]] == [
        ("model_error", 100, True),
        ("json", 50, False),
    ]
    assert all("event that" in row["meaning"] for row in state["reasons"])


def test_without_events_nothing_is_claimed() -> None:
    totals = now(view_of((1, figures())))["totals"]
    assert (totals["availability"], totals["p99"], totals["answered"]) == (None, None, 0.0)


def test_percentiles_are_of_all_processes_together() -> None:
    view = view_of(
        (0, figures("a", latency=(0, 0, 0))),
        (0, figures("b", latency=(0, 0, 0))),
        (1, figures("a", latency=(90, 0, 0))),
        (1, figures("b", latency=(0, 10, 0))),
    )
    totals = now(view)["totals"]
    assert totals["p50"] == pytest.approx(0.1 * 50 / 90, rel=1e-3)
    assert totals["p99"] == pytest.approx(0.91)
    assert view.points(all_of_them=True)["p99"][-1] == pytest.approx(0.91)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((0, 0, 0), 0.5, None),
        ((0, 0, 5), 0.5, 1.0),
        ((10, 10, 0), 0.5, 0.1),
        ((10, 10, 0), 0.75, 0.55),
        ((1,), 0.5, None),
    ],
)
def test_quantiles(counts: tuple[int, ...], share: float, expected: float | None) -> None:
    assert quantile(LATENCIES, counts, share) == (None if expected is None else pytest.approx(expected))


def test_workers_say_what_they_are() -> None:
    view = view_of(
        (1, figures("a")),
        (1, figures("b", ready=False, why="predict is waiting for a right")),
        (1, figures("c", live=False)),
        (1, figures("d", leaving=True)),
        (1, figures("e")),
        *((tick, figures(name)) for tick in range(2, 9) for name in "a"),
    )
    view.take_figures(encode_figures(figures("b", ready=False, why="a right")), at(8))
    view.take_figures(encode_figures(figures("c", live=False)), at(8))
    states = {each["slot"].removeprefix("slot of "): each["state"] for each in now(view)["workers"]}
    assert states == {"a": "ready", "b": "not ready", "c": "stuck", "d": "stopped", "e": "gone"}


def test_models_with_their_versions_ladder_and_what_a_rollback_goes_back_to() -> None:
    view = view_of(
        (1, figures("a", models={"churn": "2"}, rungs={"churn": {"previous": 0.5, "rule": 0.0}}, spared=("churn",))),
        (1, figures("b", models={"churn": "1"}, rungs={"churn": {"previous": 0.0}})),
    )
    view.decided.take(b"model/churn", b'{"active": "2", "previous": "1", "revision": 4, "command": "promote"}')
    view.decided.take(b"silence/churn", b'{"command": "silence"}')
    view.decided.take(b"model/\xff", b"{")
    (model,) = now(view)["models"]
    assert model["versions"] == {"1": 1, "2": 1}
    assert (model["chosen"], model["previous"], model["spared"]) == ("2", "1", 1)
    assert model["rungs"] == {"previous": 0.25}
    assert (model["revision"], model["baseline_revision"]) == (4, 0)
    view.decided.take(b"model/churn", None)
    assert [(each["previous"], each["revision"]) for each in now(view)["models"]] == [(None, 0)]


def test_answers_stand_beside_those_of_training() -> None:
    told = figures(models={"churn": "1"}, classes={"churn": {"no": 30, "yes": 10}}, scores={"churn": (4, 26, 10, 0)})
    reference = OutputReference({"no": 90, "yes": 10}, (0.25,), (50, 50))
    state = now(
        view_of(
            (0, figures(models={"churn": "1"}, classes={"churn": {"no": 0}}, scores={"churn": (0,) * 4})), (1, told)
        ),
        reference,
    )
    (shown,) = state["outputs"]
    assert shown["score"]["now"] == [0.75, 0.25]
    assert shown["score"]["reference"] == pytest.approx([0.5 + 0.5 / 3, 1 / 3], abs=1e-4)
    assert shown["classes"] == [
        {"name": "no", "now": 0.75, "reference": 0.9},
        {"name": "yes", "now": 0.25, "reference": 0.1},
    ]


def test_an_update_repeats_what_may_have_changed_and_no_more() -> None:
    view = view_of(*((tick, answering(10 * tick, distance={"churn/age": 0.5 * tick})) for tick in range(50)))
    everything, update = view.points(all_of_them=True), view.points(all_of_them=False)
    assert update["at"] == everything["at"][-len(update["at"]) :]
    assert len(everything["at"]) == 50
    assert len(update["at"]) < 10
    assert everything["distance"]["churn/age"][-1] == 24.5
    assert set(everything["answered"][1:]) == {10 / (EVERY_MS / 1000)}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b'{"process": 1}',
        b" " * 70_000,
        b'{"process":"p","slot":"s","host":"h","uptime_ms":1,"requests":{"200":-1}}',
    ],
)
def test_records_that_are_none_are_passed_over(value: bytes | None) -> None:
    view = view_of()
    view.take_figures(value, at(1))
    assert now(view)["workers"] == []


def test_after_a_rollback_each_version_has_its_own_answers() -> None:
    def told(version: str, yes: int, no: int) -> Figures:
        return figures(models={"churn": version}, classes={"churn": {"yes": yes, "no": no}})

    view = view_of((0, told("2", 0, 0)), (1, told("2", 90, 10)), (2, told("1", 95, 15)), (3, told("1", 96, 24)))
    (shown,) = now(view)["outputs"]
    assert shown["version"] == "1"
    assert {each["name"]: each["now"] for each in shown["classes"]} == {"no": 0.9, "yes": 0.1}


def test_what_is_folded_now_is_folded_before_too() -> None:
    told = [figures(models={"churn": "1"}, classes={"churn": {"a": count, OTHERS: 3 * count}}) for count in (0, 10)]
    reference = OutputReference({"a": 50, "b": 30, "c": 20})
    (shown,) = now(view_of((0, told[0]), (1, told[1])), reference)["outputs"]
    found = {each["name"]: (each["now"], each["reference"]) for each in shown["classes"]}
    assert found == {"a": (0.25, 0.5), OTHERS: (0.75, 0.5)}


def test_a_record_that_cannot_be_read_is_told_for_a_while() -> None:
    view = view_of((1, answering(1, roles=("predict", "drift"))))
    view.take_figures(b'{"process": 1}', at(1))
    assert "unreadable" in {each["about"] for each in now(view)["verdict"]}
    view.take_figures(encode_figures(answering(2, roles=("predict", "drift"))), at(60))
    assert "unreadable" not in {each["about"] for each in now(view)["verdict"]}
