"""The controller: one order for all proposals, each answered, whatever is redone, restarted or lost."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.challenge import Challenge, Contest
from drift.command import Acknowledge, Rebaseline, Silence
from drift.observation import Observation
from streams.control_records import Command, Proposal, answer_key, encode_proposal, proposal_key, setting_of
from streams.decide.control import MOST_ANSWERS, Books, ControlDecider, ControlReport, ControlState, KnownModel
from streams.decider import StateUnusable
from streams.records import OutboxRecord, RecordBatch
from streams.serving_commands import EndChallenge, Promote, Rollback, Shadow

Records = list[tuple[bytes | None, bytes | None]]

COMMANDS = st.one_of(
    st.builds(Promote, st.just("ann"), st.sampled_from(["1", "2", "3", "4"])),
    st.builds(Rollback, st.just("ben")),
    st.builds(Shadow, st.just("ann"), st.sampled_from(["1", "2", "4"]), share=st.sampled_from([0.0, 0.5])),
    st.builds(EndChallenge, st.just("ben")),
    st.builds(Acknowledge, st.just("ann"), st.sampled_from(["size", "metric/score", "strange"])),
    st.builds(Silence, st.just("ben"), st.integers(0, 10), st.sampled_from([None, "size", "strange"])),
    st.builds(Rebaseline, st.just("eve"), st.sampled_from([(), ("size",), ("strange",)]), st.booleans()),
)
PROPOSALS = st.tuples(COMMANDS, st.sampled_from(["fraud", "churn", "unknown"]), st.none() | st.integers(0, 2))
MALFORMED = st.sampled_from([b"", b"{", b"[]", b'{"command":"stop","model":"fraud","author":"x"}', b"\xff"])


def decider() -> ControlDecider:
    models = {
        "fraud": KnownModel(frozenset({"size", "metric/score"}), ("1", "2", "3"), "1"),
        "churn": KnownModel(frozenset({"size"}), ("7",)),
    }
    return ControlDecider(
        models=models, control_topic="control", observations_topic="observations", events_topic="events"
    )


def proposal(number: int, command: Command, model: str = "fraud", expected: int | None = None) -> tuple[bytes, bytes]:
    key = proposal_key(setting_of(model, command), f"p{number}")
    return key, encode_proposal(Proposal(model, expected), command)


@st.composite
def proposals(draw: st.DrawFn) -> Records:
    drawn = draw(st.lists(st.one_of(PROPOSALS, MALFORMED), max_size=12))
    return [
        (f"proposal/x/p{number}".encode(), each) if isinstance(each, bytes) else proposal(number, *each)
        for number, each in enumerate(drawn)
    ]


def batch(records: Records, first: int = 0, *, replay: bool = False) -> RecordBatch:
    n = len(records)
    keys, values = [key for key, _ in records], [value for _, value in records]
    return RecordBatch("control", [0] * n, list(range(first, first + n)), keys, values, [0] * n, [None] * n, replay)


def decide(state: ControlState, records: Records, *, replay: bool = False) -> list[OutboxRecord]:
    """Decide and commit."""
    decision = decider().decide({0: state}, batch(records, replay=replay), None)
    state.apply(decision.changes.get(0, state.books))
    return decision.outbox


def fresh() -> ControlState:
    return decider().load(0, {})


def to_control(outbox: list[OutboxRecord]) -> Records:
    return [(record.key, record.value) for record in outbox if record.topic == "control"]


def answer(outbox: list[OutboxRecord], number: int) -> dict[str, Any]:
    (value,) = [record.value for record in outbox if record.key == answer_key(f"p{number}")]
    found: dict[str, Any] = json.loads(value or b"")
    return found


def test_an_accepted_proposal_is_a_revision_an_answer_and_a_command_in_the_models_log() -> None:
    state, command = fresh(), Silence("ben", 7, "size", "a migration")
    outbox = decide(state, [proposal(1, command)])
    told = {(record.topic, record.key): record.value for record in outbox}
    assert told["control", b"proposal/silence/fraud/size/p1"] is None
    assert json.loads(told["control", b"silence/fraud/size"] or b"") == {
        "command": "silence", "author": "ben", "until": 7, "signal": "size", "reason": "a migration", "id": "p1",
        "model": "fraud", "expected_revision": None, "revision": 1,
    }  # fmt: skip
    assert answer(outbox, 1)["outcome"] == "accepted"
    observation = msgspec.json.decode(told["observations", b"fraud"] or b"", type=Observation)
    assert observation.command == msgspec.structs.replace(command, id="p1")
    assert (observation.model, observation.version, observation.events) == ("fraud", "", 0)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([proposal(1, Rebaseline("eve"), "unknown")], "unknown model"),
        ([proposal(1, Rebaseline("eve", ("strange",)))], "unknown signal strange: fraud has metric/score, size"),
        ([proposal(1, Acknowledge("ann", "size"), "fraud", 3)], "at revision 0, the proposal expected 3"),
        ([(b"proposal/silence/churn/p1", proposal(1, Silence("ben", 1))[1])], "its key is to be"),
        ([(b"proposal/p1", b"{}")], "malformed"),
        ([proposal(1, Silence("", 1))], "malformed"),
        ([proposal(1, Silence("ben", 1, reason="x" * 1001))], "malformed"),
    ],
)
def test_a_refused_proposal_changes_nothing_and_its_answer_says_why(records: Records, why: str) -> None:
    state = fresh()
    outbox = decide(state, records)
    assert (answer(outbox, 1)["outcome"], state.books) == ("refused", Books())
    assert why in answer(outbox, 1)["why"]
    assert {record.topic for record in outbox} == {"control"}
    assert (records[0][0], None) in to_control(outbox)


def served(outbox: list[OutboxRecord]) -> dict[str, Any]:
    """What the accepted record of `fraud` says."""
    (value,) = [record.value for record in outbox if record.key == b"model/fraud"]
    found: dict[str, Any] = json.loads(value or b"")
    return found


def test_a_promotion_names_what_answers_and_what_did_before() -> None:
    state = fresh()
    first, second = decide(state, [proposal(1, Promote("ann", "2"))]), decide(state, [proposal(2, Promote("ann", "3"))])
    assert [(served(each)["active"], served(each)["previous"]) for each in (first, second)] == [("2", "1"), ("3", "2")]
    assert {record.topic for record in first} == {"control"}, "no part of the log that drift reads"

    back = decide(state, [proposal(3, Rollback("ben", "it was better"))])
    assert served(back) == {
        "command": "rollback", "author": "ben", "reason": "it was better", "id": "p3", "model": "fraud",
        "expected_revision": None, "revision": 3, "active": "2",
    }  # fmt: skip
    again = answer(decide(state, [proposal(4, Rollback("ben"))]), 4)
    assert (again["outcome"], again["why"]) == ("refused", "nothing to go back to: no other version answered before 2")


@pytest.mark.parametrize(
    ("command", "model", "why"),
    [
        (Promote("ann", "4"), "fraud", "unknown version 4: the worker's registry has 1, 2, 3"),
        (Promote("ann", "1"), "unknown", "unknown model"),
        (Promote("ann", "7"), "churn", "no version of churn is active"),
        (Rollback("ann"), "fraud", "nothing to go back to"),
        (Shadow("ann", "4"), "fraud", "unknown version 4: the worker's registry has 1, 2, 3"),
        (Shadow("ann", "1"), "fraud", "version 1 answers already: it cannot challenge itself"),
        (Shadow("ann", "2", share=1.5), "fraud", "malformed: Expected `float` <= 1.0"),
        (EndChallenge("ann"), "fraud", "nothing to end: no version challenges 1"),
    ],
)
def test_a_version_that_cannot_answer_is_refused(command: Command, model: str, why: str) -> None:
    state = fresh()
    outbox = decide(state, [proposal(1, command, model)])
    assert answer(outbox, 1)["outcome"] == "refused"
    assert why in answer(outbox, 1)["why"]
    assert state.books == Books()


def test_the_default_can_be_promoted_for_workers_that_started_with_another() -> None:
    state = fresh()
    first = decide(state, [proposal(1, Promote("ann", "1"))])
    assert (served(first)["active"], served(first).get("previous")) == ("1", None)
    again = answer(decide(state, [proposal(2, Promote("ann", "1"))]), 2)
    assert (again["outcome"], again["why"]) == ("refused", "version 1 answers already")


def contests(outbox: list[OutboxRecord]) -> list[Contest | None]:
    """What enters the log of observations about challenges; None: one ended."""
    own = [msgspec.json.decode(each.value or b"", type=Observation) for each in outbox if each.topic == "observations"]
    assert {(each.model, each.stream, each.events) for each in own} <= {("fraud", "pairs", 0)}
    return [each.contest for each in own]


def test_a_challenge_is_in_the_accepted_record_and_begins_at_its_place_in_the_log() -> None:
    state = fresh()
    outbox = decide(state, [proposal(1, Shadow("ann", "2", "fewer mistakes in June", share=0.1, policy="promote"))])
    assert served(outbox)["active"] == "1"
    assert served(outbox)["challenger"] == {
        "version": "2", "since": 1, "share": 0.1, "policy": "promote", "failures": 0.01
    }  # fmt: skip
    assert contests(outbox) == [Contest("1", Challenge("2", 1, share=0.1, policy="promote", failures=0.01), 1)]


def test_a_challenge_before_any_promotion_says_which_version_answers_everywhere_from_then_on() -> None:
    """Workers may serve what was the default when they started."""
    state = fresh()
    first = answer(decide(state, [proposal(1, Shadow("ann", "2"))]), 1)
    assert first["why"] == (
        "revision 1 of model/fraud; version 1, the registry's default, answers everywhere from now on"
    )
    assert answer(decide(state, [proposal(2, Shadow("ann", "3"))]), 2)["why"] == "revision 2 of model/fraud"


def test_another_share_goes_on_with_the_comparison_and_another_error_begins_anew() -> None:
    state = fresh()
    commands = [
        Shadow("ann", "2"),
        Shadow("ann", "2", share=0.5),
        Shadow("ann", "2", share=0.5, error=0.1),
        Shadow("ann", "3"),
    ]
    outbox = decide(state, [proposal(n, command) for n, command in enumerate(commands)])
    assert [(own.challenge.since, own.revision) for own in contests(outbox) if own] == [(1, 1), (1, 2), (3, 3), (4, 4)]


@pytest.mark.parametrize("ending", [EndChallenge("ben"), Promote("ben", "2"), Promote("ben", "3"), Rollback("ben")])
def test_whatever_changes_the_version_that_answers_ends_the_challenge(ending: Command) -> None:
    state = fresh()
    decide(state, [proposal(1, Promote("ann", "3")), proposal(2, Promote("ann", "1")), proposal(3, Shadow("ann", "2"))])
    outbox = decide(state, [proposal(4, ending)])
    assert "challenger" not in served(outbox)
    assert contests(outbox) == [None]
    assert contests(decide(state, [proposal(5, Promote("ann", "1")), proposal(6, Rollback("ann"))])) == []


def test_of_two_who_looked_at_the_same_revision_the_first_wins() -> None:
    outbox = decide(fresh(), [proposal(n, Silence(name, 9), "fraud", 0) for n, name in enumerate(("ann", "ben"))])
    assert [answer(outbox, number)["outcome"] for number in (0, 1)] == ["accepted", "refused"]


@given(proposals(), st.data())
def test_any_cut_redo_and_restart_gives_the_same_log(records: Records, data: st.DataObject) -> None:
    whole = fresh()
    expected = decide(whole, records)
    state, published, at = fresh(), [], 0
    while at < len(records):
        size = data.draw(st.integers(1, 4))
        part = records[at : at + size]
        if data.draw(st.booleans()):
            decider().decide({0: state}, batch(part), None)  # its transaction was aborted
        if data.draw(st.booleans()):
            state = decider().load(0, state.dump())
        published += decide(state, part)
        at += size
    assert published == expected
    assert state.dump() == whole.dump()


@given(proposals())
def test_what_it_publishes_comes_back_without_effect(records: Records) -> None:
    state = fresh()
    outbox = decide(state, records)
    revisions = state.books.revisions
    assert decide(state, to_control(outbox)) == []
    assert state.books.revisions == revisions


@given(proposals(), st.booleans())
def test_without_its_books_it_counts_on_from_what_it_accepted(records: Records, compacted: bool) -> None:
    state = fresh()
    outbox = decide(state, records)
    accepted = to_control(outbox)
    again = fresh()
    log = [(key, value) for key, value in accepted if value] if compacted else [*records, *accepted]
    assert decide(again, log, replay=True) == []
    assert again.books.revisions == state.books.revisions


@given(st.lists(st.tuples(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=20)), max_size=20))
def test_records_of_nobody_are_passed_over(records: Records) -> None:
    decision = decider().decide({0: fresh()}, batch(records), None)
    assert isinstance(decision.report, ControlReport)
    assert all(record.key and record.topic == "control" for record in decision.outbox)


def test_answers_stay_readable_for_a_while_and_go_then() -> None:
    state = fresh()
    records = [(answer_key(f"a{n}"), b'{"outcome":"refused","why":""}') for n in range(MOST_ANSWERS + 2)]
    assert decide(state, records) == [OutboxRecord("control", answer_key(f"a{n}"), None) for n in (0, 1)]
    assert len(state.books.answered) == MOST_ANSWERS


def test_damaged_books_are_refused() -> None:
    with pytest.raises(StateUnusable):
        decider().load(0, {"books": b"{"})
