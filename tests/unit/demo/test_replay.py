from __future__ import annotations

import msgspec

from streams.demo.injection import Injection
from streams.demo.replay import Replay
from streams.demo.sensors import halves
from tests.unit.demo.data import FEATURES, sensor_data

DRIFT = Injection("telling", 0, 30)
DATA = sensor_data(50)


def _events(replay: Replay, count: int, *, drifted: bool = False) -> list[dict[str, object]]:
    return [msgspec.json.decode(value) for _, value in replay.take(count, 1_700_000_000_123, drifted=drifted)]


def test_an_event_is_the_reading_with_a_time_and_no_label() -> None:
    [(key, value)] = Replay(DATA, DRIFT, 1, "run").take(1, 1_700_000_000_123, drifted=False)
    event = msgspec.json.decode(value)
    row = int(key.removeprefix(b"row-")) - 1000
    assert event.keys() == {"id", "time", "features"}
    assert event["time"] == 1_700_000_000_123
    assert event["features"] == dict(zip(FEATURES, DATA.readings[row].tolist(), strict=True))


def test_every_row_comes_once_before_any_comes_again_and_ids_never_do() -> None:
    replay = Replay(DATA, DRIFT, 1, "run")
    keys = [key for count in (7, 43, 50) for key, _ in replay.take(count, 0, drifted=False)]
    assert len(set(keys[:50])) == len(set(keys[50:])) == 50
    assert keys[:50] != keys[50:]
    ids = [event["id"] for event in _events(Replay(DATA, DRIFT, 1, "run"), 120)]
    assert len(set(ids)) == 120


def test_the_seed_decides_the_order_and_the_run_the_ids() -> None:
    one, same, other = (_events(Replay(DATA, DRIFT, seed, run), 20) for seed, run in ((1, "a"), (1, "b"), (2, "a")))
    assert [event["features"] for event in one] == [event["features"] for event in same]
    assert [event["features"] for event in one] != [event["features"] for event in other]
    assert not {event["id"] for event in one} & {event["id"] for event in same}


def test_the_drifted_sensor_is_the_only_difference() -> None:
    before, after = (_events(Replay(DATA, DRIFT, 1, "run"), 20, drifted=drifted) for drifted in (False, True))
    for old, new in zip(before, after, strict=True):
        assert new["features"] == old["features"] | {"telling": old["features"]["telling"] + 30}


def test_no_row_is_both_learnt_and_replayed() -> None:
    learnt, replayed = halves(sensor_data(401), 9)
    assert not set(learnt.rows.tolist()) & set(replayed.rows.tolist())
    assert len(learnt) + len(replayed) == 401
