"""What an on-call person is told when a model gets fewer or more events, and when that is over."""

from __future__ import annotations

import functools
import io

import msgspec
import numpy as np
import pytest
from rich.console import Console

from drift.alert import Alert, rfc3339
from drift.command import Acknowledge, Command, Rebaseline, Silence
from drift.grouping import _is_page
from drift.noise import Calibration
from drift.observation import Observation
from drift.profile import SignalSpec, build_profile
from drift.settings import DriftSettings
from drift.watch import StateError, Watch, WatchState
from streams.cli.cards import alert_card
from streams.decide.drift_runs import WatchKey
from tests.unit.drift.deciding import decided_by
from tests.unit.drift.outcome_stream import watch as outcome_watch
from tests.unit.drift.streaming import encoded
from tests.unit.drift.volume_stream import DAY, START, WINDOW_MS, Events, make_watch, run, steady

KEY = "metric/volume"
CHANGE = DAY + 120


@functools.cache
def learned() -> tuple[WatchState, int, int]:
    """After a day and two hours of 600 events a minute: the state, the next window, the next offset."""
    events = Events()
    state, alerts = run(make_watch(), events.of(steady(CHANGE)))
    assert alerts == []
    return state, events.window, events.offset


def after(counts: np.ndarray, state: WatchState | None = None) -> tuple[WatchState, list[Alert], Events]:
    known, window, offset = learned()
    events = Events(window=window, offset=offset)
    state, alerts = run(make_watch(), events.of(counts), state or known)
    return state, alerts, events


def command(of: Command) -> Observation:
    return Observation("m", "", "", "events", -1, -1, -1, 0, command=of)


def told(alerts: list[Alert]) -> list[tuple[str, str, str | None]]:
    return [(alert.state, alert.severity, alert.resolved_reason) for alert in alerts]


@pytest.mark.parametrize(
    ("factor", "size", "likely"), [(0.5, -1.0, "51%"), (2.0, 1.0, "2.0 times"), (0.2, -2.3, "19%")]
)
def test_fewer_and_more_events_are_a_ticket_with_all_that_it_takes(factor: float, size: float, likely: str) -> None:
    _, alerts, _ = after(np.concatenate((steady(15, 600 * factor, seed=1), steady(15, seed=2))))
    firing, resolved = alerts
    assert told(alerts) == [("firing", "ticket", None), ("resolved", "ticket", "recovered")]
    assert (firing.kind, firing.signal.key, firing.dedupe_key) == ("volume", KEY, "m/metric/volume")
    assert firing.effect.unit == "log2"
    assert firing.effect.size == pytest.approx(size, abs=0.15)
    low, high = firing.effect.interval
    assert low < firing.effect.size < high
    assert firing.onset.at == rfc3339(START + CHANGE * WINDOW_MS)
    assert firing.detected_at <= rfc3339(START + (CHANGE + 4) * WINDOW_MS)
    assert firing.reference.per_window == pytest.approx(600, rel=0.02)
    assert firing.current.per_window == pytest.approx(600 * factor, rel=0.1)
    assert firing.current.window_s == 60
    assert firing.evidence.baseline == pytest.approx(600, rel=0.03)
    assert firing.evidence.calibration == "live"
    assert firing.evidence.events == firing.current.n
    assert firing.evidence.nats >= firing.evidence.needed
    assert "26 h of the live stream" in firing.severity_reason
    assert likely in firing.likely
    assert "producers" in firing.suggested_action
    assert firing.alert_id == resolved.alert_id


def test_the_card_says_events_in_a_window() -> None:
    _, (firing, *_), _ = after(steady(10, 300, seed=1))
    console = Console(file=io.StringIO(), width=160)
    console.print(alert_card({"signal": {"metric": "volume"}} | _fields(firing)))
    card = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("volume", "log2", "events in 60 s", "live stream", "docs/runbooks/drift.md", "usual events come"):
        assert words in card


def _fields(alert: Alert) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(msgspec.json.encode(alert))
    return found


def test_a_stop_is_told_by_idle_marks_and_stands_until_events_come() -> None:
    state, _, _ = learned()
    _, window, offset = learned()
    events = Events(window=window, offset=offset)
    watch = make_watch()
    state, alerts = run(watch, [events.idle(ms) for ms in (1000, 64_000, 128_000)], state)
    assert alerts == []
    state, alerts = run(watch, [events.idle(256_000)], state)
    assert told(alerts) == [("firing", "ticket", None)]
    assert alerts[0].current.per_window == 0
    assert alerts[0].likely.startswith("no events come")
    state, alerts = run(watch, [events.idle(ms) for ms in (2**at * 1000 for at in range(9, 18))], state)
    assert told(alerts) == []
    events.window += 2200
    state, alerts = run(watch, events.of(steady(10, seed=3)), state)
    assert told(alerts) == [("resolved", "ticket", "recovered")]


def test_a_short_dip_is_no_alert() -> None:
    _, alerts, _ = after(np.concatenate(([20, 20], steady(30, seed=1))))
    assert alerts == []


def test_within_the_first_day_only_a_change_that_no_day_has_is_told() -> None:
    events = Events()
    state, alerts = run(make_watch(), events.of(np.concatenate((steady(180), steady(60, 200, seed=1)))))
    assert alerts == []
    state, alerts = run(make_watch(), events.of(np.concatenate((steady(60), steady(10, 20, seed=2)))), state)
    assert told(alerts)[:1] == [("firing", "ticket", None)]
    assert "too short to know how much a day swings" in alerts[0].severity_reason


def test_an_alert_can_be_acknowledged_and_silenced() -> None:
    state, (firing, *_), events = after(steady(10, 300, seed=1))
    watch = make_watch()
    state, alerts = run(watch, [command(Acknowledge("ann", KEY, firing.alert_id, id="1"))], state)
    assert [(alert.state, alert.acknowledged_by) for alert in alerts] == [("updated", "ann")]
    until = START + (events.window + 5) * WINDOW_MS
    state, alerts = run(watch, [command(Silence("ann", until, KEY, id="2"))], state)
    assert told(alerts) == [("updated", "log", None)]
    # No block closes while nothing comes: a silence ends by a window.
    _, alerts = run(watch, [events.idle(1_024_000)], state)
    assert ("updated", "ticket", None) in told(alerts)


def test_a_new_rate_can_be_accepted_and_later_changes_are_seen_from_there() -> None:
    state, _, events = after(steady(10, 200, seed=1))
    watch = make_watch()
    step = watch.observe(state, [command(Rebaseline("ann", (KEY,), id="1"))])
    assert told(step.alerts) == [("resolved", "ticket", "rebaselined")]
    assert step.outcomes[0].applied
    state, alerts = run(watch, events.of(steady(2 * DAY, 200, seed=2)), step.state)
    assert alerts == []
    _, alerts = run(watch, events.of(steady(10, 600, seed=3)), state)
    assert told(alerts) == [("firing", "ticket", None)]
    assert alerts[0].reference.per_window == pytest.approx(200, rel=0.2)


def test_a_reset_learns_anew_from_the_next_windows() -> None:
    state, _, events = after(steady(10, 100, seed=1))
    watch = make_watch()
    step = watch.observe(state, [command(Rebaseline("ann", (KEY,), reset=True, id="1"))])
    assert "next 120 windows" in step.outcomes[0].why
    state, alerts = run(watch, events.of(steady(130, 100, seed=2)), step.state)
    assert alerts == []
    _, alerts = run(watch, events.of(steady(10, 5, seed=3)), state)
    assert [alert.reference.per_window for alert in alerts] == [pytest.approx(100, rel=0.05)]


def test_what_nobody_accepted_in_person_is_not_reset_without_its_name() -> None:
    state, _, _ = after(steady(2))
    step = make_watch().observe(state, [command(Rebaseline("ann", reset=True, id="1"))])
    assert [outcome.applied for outcome in step.outcomes] == [False]


def test_another_version_that_answers_is_no_drop_and_ends_the_alert() -> None:
    old, new = Events(version="1"), Events(version="2", window=CHANGE + 10, offset=10**7)
    observations = old.of(np.concatenate((steady(CHANGE), steady(10, 300, seed=1))))
    watches = {WatchKey("m", version): make_watch(version=version) for version in ("1", "2")}
    alerts = decided_by(watches, observations + new.of(steady(400, seed=2)), 500)
    assert [(a.version, a.state, a.resolved_reason) for a in alerts] == [
        ("1", "firing", None),
        ("1", "resolved", "model_changed"),
    ]


def test_a_version_that_answers_some_partitions_only_is_not_judged_by_them() -> None:
    """Half of the partitions went to another version: this one hears of them neither events nor idle marks."""
    here, there = Events(partition=0), Events(partition=1)
    watch = make_watch(partitions=2)
    both = [
        each for pair in zip(here.of(steady(CHANGE)), there.of(steady(CHANGE, seed=1)), strict=True) for each in pair
    ]
    state, alerts = run(watch, both)
    assert alerts == []
    state, alerts = run(watch, here.of(steady(120, seed=2)), state)
    assert alerts == []
    # They come back a little later: what another version had of them is unknown.
    there.window, there.offset = here.window, there.offset + 70_000
    rest = zip(here.of(steady(60, seed=3)), there.of(steady(60, seed=4)), strict=True)
    state, alerts = run(watch, [each for pair in rest for each in pair], state)
    assert alerts == []
    assert state.windows.frontier is not None
    assert state.windows.frontier >= START // WINDOW_MS + here.window - 2


def test_a_dead_worker_is_no_drop() -> None:
    here, there = Events(partition=0), Events(partition=1)
    watch = make_watch(partitions=2)
    both = [
        each for pair in zip(here.of(steady(CHANGE)), there.of(steady(CHANGE, seed=1)), strict=True) for each in pair
    ]
    state, _ = run(watch, both)
    state, alone = run(watch, here.of(steady(60, seed=2)), state)
    _, caught_up = run(watch, there.of(steady(61, seed=3)), state)
    assert alone + caught_up == []


@pytest.mark.parametrize(("missing", "expected"), [(0, ["firing", "resolved"]), (50_000, [])])
def test_a_gap_is_a_stop_only_where_no_offsets_are_missing(missing: int, expected: list[str]) -> None:
    state, window, offset = learned()
    events = Events(window=window + 300, offset=offset + missing)
    _, alerts = run(make_watch(), events.of(steady(20, seed=1)), state)
    assert [alert.state for alert in alerts] == expected


def test_the_volume_is_never_a_page_and_makes_no_other_alert_one() -> None:
    state, _, _ = after(steady(10, 300, seed=1))
    watch = make_watch()
    assert watch.volume is not None
    signal = watch._signals[-1]
    phase = state.signals[KEY].phase
    profile = build_profile(
        (SignalSpec("class", "boolean", "output"),), np.zeros((500, 1)), np.arange(500, dtype=np.int64)
    )
    timed = msgspec.structs.replace(profile, calibration=Calibration("time", ({},)))
    output = Watch("m", "1", timed, DriftSettings(), 1)._signals[0]
    both = WatchState("", 100, 60_000, (), {KEY: state.signals[KEY], output.key: state.signals[KEY]})
    for own in (signal, output):
        assert not _is_page(timed, (signal, output), both, own, phase, phase.group_key)  # type: ignore[arg-type,union-attr]


def test_an_output_of_that_name_keeps_it() -> None:
    profile = build_profile((SignalSpec("volume", "number", "output"),), np.arange(100.0).reshape(-1, 1))
    watch = Watch("m", "1", profile, DriftSettings(), 1)
    assert watch.volume is None
    assert watch.keys == (KEY,)


def test_it_can_be_switched_off_and_labels_have_none() -> None:
    assert KEY in make_watch().keys
    assert make_watch(DriftSettings(volume_window_ms=0)).keys == ()
    assert KEY not in outcome_watch().keys


def test_a_state_from_before_the_volume_was_watched_still_loads() -> None:
    state, _, _ = after(steady(10, 300, seed=1))
    entries = {name: data for name, data in state.dump().items() if name not in {"volume", "usual", f"signal/{KEY}"}}
    revived = make_watch().load(entries)
    assert revived.counts == state.counts
    assert revived.signals[KEY].baseline is None
    _, alerts, _ = after(steady(10), revived)
    assert alerts == []


def test_windows_of_another_width_end_the_alert_and_start_to_learn() -> None:
    state, _, events = after(steady(10, 300, seed=1))
    wider = make_watch(DriftSettings(volume_window_ms=120_000))
    state, alerts = run(wider, events.of(steady(10, seed=2)), wider.load(state.dump()))
    assert told(alerts) == [("resolved", "ticket", "rebaselined")]
    assert state.signals[KEY].baseline is None


def test_a_state_of_the_volume_in_another_form_is_refused() -> None:
    entries = learned()[0].dump()
    assert b'"format":1' in entries["volume"]
    with pytest.raises(StateError, match="volume"):
        make_watch().load({**entries, "volume": entries["volume"].replace(b'"format":1', b'"format":9')})


def test_windows_that_wait_for_a_silent_partition_are_bounded() -> None:
    state, _ = run(make_watch(partitions=2), Events().of(steady(DAY + 100, 20)))
    assert len(state.windows.open) == 1440


def test_a_time_far_ahead_takes_no_time_to_judge() -> None:
    state, _, events = after(steady(2))
    events.window += 100_000_000
    state, _ = run(make_watch(), events.of([600, 600, 600]), state)
    assert state.windows.frontier == START // WINDOW_MS + events.window - 1


def test_observing_window_by_window_or_at_once_is_the_same() -> None:
    whole, alerts, _ = after(np.concatenate((steady(15, 300, seed=1), steady(15, seed=2))))
    state, window, offset = learned()
    events, watch, told_one_by_one = Events(window=window, offset=offset), make_watch(), []
    for each in events.of(np.concatenate((steady(15, 300, seed=1), steady(15, seed=2)))):
        before = state.dump()
        state, more = run(watch, [each], after_state := state)
        assert after_state.dump() == before
        state, told_one_by_one = watch.load(state.dump()), told_one_by_one + more
    assert encoded(told_one_by_one) == encoded(alerts) != []
    assert state.dump() == whole.dump()
