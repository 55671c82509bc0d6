"""Upgrades and the way back: what earlier releases wrote is read, what later ones write is refused or left out."""

from __future__ import annotations

import json

import msgspec
import pytest

from drift.observation import Observation
from drift.profile import decode_profile
from drift.state import FORMAT as DRIFT_FORMAT
from drift.state import VOLUME_FORMAT
from drift.watch import Watch
from streams.cli.alerts import newest_states
from streams.cli.cards import alert_card, is_firing
from streams.contracts import Prediction
from streams.control_records import decode_answer, decode_proposal, decode_served
from streams.decide.control import ControlDecider, KnownModel
from streams.decide.drift import DriftDecider
from streams.decide.drift_runs import WatchKey
from streams.decide.predict_state import PredictState
from streams.decider import StateUnusable
from streams.duplicates import AnsweredIds
from streams.joining.join import join
from streams.joining.outcomes import Fate
from streams.joining.records import decode_join
from streams.joining.state import _FORMAT as JOIN_FORMAT
from streams.joining.state import JoinState
from streams.kafka.snapshots import FORMAT, Snapshot, SnapshotDamaged, collect
from streams.page.alert_board import AlertBoard
from streams.records import RecordBatch
from streams.roles import drift_settings
from tests.contract.golden.records import FOLDER, SETTINGS, Formats, Golden
from tests.faults.workload import MODEL

FILES = sorted(FOLDER.glob("*.jsonl"))
FUTURE = 1_000


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def snapshot(golden: Golden, role: str) -> Snapshot:
    found = collect(role, 0, golden.of("state"))
    assert found is not None
    return found


def watch_of(golden: Golden) -> Watch:
    ((_, reference),) = golden.of("reference")
    return Watch(MODEL, "1", decode_profile(reference), drift_settings(SETTINGS), 1)


def test_the_formats_of_today_are_kept_in_a_file() -> None:
    today = Formats(FORMAT, DRIFT_FORMAT, VOLUME_FORMAT, JOIN_FORMAT)
    fix = "write one with `python -m tests.contract.golden`, and keep those of before"
    assert today in [Golden(path).head.formats for path in FILES], fix


def test_ids_answered_before_the_upgrade_are_known_after_it(golden: Golden) -> None:
    kept = snapshot(golden, "predict")
    first = [msgspec.json.decode(value, type=Prediction) for _, value in golden.of("predictions")]
    original = next(each for each in first if each.duplicate_of is None)
    state = PredictState(50_000, 1_000, kept.entries)
    found = state.window.find(AnsweredIds([kept.offset, kept.offset + 1], [original.event_id, "never seen"]))
    assert found == {0: original.source.offset}
    assert state.dump() == dict(kept.entries), "and written again as it was"


def test_drift_goes_on_from_the_state_to_the_same_alerts(golden: Golden) -> None:
    watch, kept = watch_of(golden), snapshot(golden, "drift")
    state = watch.load({name.removeprefix(f"{MODEL}/1/"): data for name, data in kept.entries.items()})
    observations = [msgspec.json.decode(value, type=Observation) for _, value in golden.of("observations")]
    told = watch.observe(state, observations).alerts
    before = [json.loads(value) for _, value in golden.of("alerts")]
    assert told, "the shift comes after the snapshot"
    assert [(each.alert_id, each.state) for each in told] == [(each["alert_id"], each["state"]) for each in before]


def test_alerts_are_shown(golden: Golden) -> None:
    alerts = newest_states(golden.of("alerts"))
    assert any(map(is_firing, alerts))
    for alert in alerts:
        alert_card(alert)
    board = AlertBoard()
    for _, value in golden.of("alerts"):
        board.take(value, 0)
    assert board.shown()


def test_answers_that_waited_are_joined_with_their_labels(golden: Golden) -> None:
    state = JoinState.load(86_400_000, 1_000, snapshot(golden, "labels").entries)
    _, (_, labels) = golden.of("joins")
    step = join(state, [(state.clock_ms, decode_join(labels))])
    assert step.fates[Fate.JOINED] == 2
    assert [outcome.right.tolist() for outcome in step.outcomes] == [[True, False]]


def controller() -> ControlDecider:
    known = KnownModel(frozenset({"reading_2"}), ("1", "2"), "1")
    return ControlDecider(
        models={MODEL: known}, control_topic="control", observations_topic="observations", events_topic="events"
    )


def decided(records: list[tuple[bytes, bytes]]) -> tuple[dict[bytes | None, bytes | None], dict[str, bytes]]:
    """What a controller without state publishes to its topic, and its books."""
    decider, n = controller(), len(records)
    state = decider.load(0, {})
    keys, values = [key for key, _ in records], [value for _, value in records]
    batch = RecordBatch("control", [0] * n, list(range(n)), keys, values, [0] * n, [None] * n)
    decision = decider.decide({0: state}, batch, None)
    for change in decision.changes.values():
        state.apply(change)
    published = {record.key: record.value for record in decision.outbox if record.topic == "control"}
    return published, state.dump()


def test_what_was_accepted_holds_with_the_books_and_without(golden: Golden) -> None:
    kept = snapshot(golden, "control").entries
    books = controller().load(0, kept).dump()
    accepted = dict(golden.of("control"))
    assert decode_served(accepted[f"model/{MODEL}".encode()]).active == "2"
    assert decode_answer(accepted[b"answer/p0"]).outcome == "accepted"
    _, again = decided(list(accepted.items()))
    for entry in (books, again):
        revisions = json.loads(entry["books"])["revisions"]
        assert revisions == {f"model/{MODEL}": 1, f"silence/{MODEL}/reading_2": 1}
    for key, value in golden.of("proposals"):
        assert decode_proposal("p", value).model == MODEL, key


# --- and the way back: a later release was here, and left what this one does not know ---------------------------------


def test_a_snapshot_of_a_later_format_is_refused_so_that_the_state_is_rebuilt(golden: Golden) -> None:
    for role in ("predict", "drift", "labels", "control"):
        records = dict(golden.of("state"))
        header = json.loads(records[f"{role}/0".encode()]) | {"format": FUTURE}
        records[f"{role}/0".encode()] = json.dumps(header).encode()
        with pytest.raises(SnapshotDamaged, match=rf"format {FUTURE}.*by another version of Weir"):
            collect(role, 0, records.items())


def test_entries_of_a_later_format_are_refused_by_their_role(golden: Golden) -> None:
    key = WatchKey(MODEL, "1", "")
    decider = DriftDecider(
        watches={key: watch_of(golden)}, events_topic="e", alerts_topic="a", control_topic="c", observations_topic="o"
    )
    entries = dict(snapshot(golden, "drift").entries)
    name = f"{MODEL}/1/progress"
    entries[name] = json.dumps(json.loads(entries[name]) | {"format": FUTURE}).encode()
    with pytest.raises(StateUnusable, match=f"format {FUTURE}"):
        decider.load(0, entries)
    joins = dict(snapshot(golden, "labels").entries)
    head = msgspec.msgpack.decode(joins["head"])
    joins["head"] = msgspec.msgpack.encode({**head, "format": FUTURE})
    with pytest.raises(StateUnusable):
        JoinState.load(86_400_000, 1_000, joins)


def test_a_field_that_a_later_release_adds_is_left_out(golden: Golden) -> None:
    for topic, kind in (("observations", Observation), ("predictions", Prediction)):
        _, value = next(golden.of(topic))
        later = json.dumps(json.loads(value) | {"of_the_future": [1]}).encode()
        assert msgspec.json.decode(later, type=kind) == msgspec.json.decode(value, type=kind)
    key, value = next(golden.of("alerts"))
    later = json.dumps(json.loads(value) | {"of_the_future": [1]}).encode()
    assert len(newest_states([(key, later)])) == 1


def test_records_that_only_a_later_release_knows_are_skipped_or_refused_with_a_reason(golden: Golden) -> None:
    decider = DriftDecider(watches={}, events_topic="e", alerts_topic="a", control_topic="c", observations_topic="o")
    batch = RecordBatch("o", [0], [0], [None], [b'{"model": 7, "cells": "otherwise"}'], [0], [None])
    assert decider.prepare(batch).unreadable == 1
    _, value = next(golden.of("proposals"))
    unknown = json.dumps(json.loads(value) | {"command": "of_the_future"}).encode()
    published, _ = decided([(f"proposal/model/{MODEL}/p9".encode(), unknown)])
    answer = decode_answer(published[b"answer/p9"] or b"")
    assert answer.outcome == "refused"
    assert "malformed" in answer.why
    with pytest.raises(msgspec.MsgspecError):
        decode_join(b'{"kind": "of_the_future"}')
