"""A challenge that is decided leads to one proposal, whatever is redone or restarted, where a policy says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.observation import Observation
from streams.control_records import PROPOSAL, Proposed, decode_proposal
from streams.decide.comparing import verdict_words
from streams.decide.control import ControlDecider, KnownModel
from streams.decide.drift import DriftDecider, DriftReport
from streams.decide.drift_state import DriftChange
from streams.decider import StateUnusable
from streams.records import OutboxRecord, RecordBatch
from streams.serving_commands import EndChallenge, Promote
from tests.unit.drift.deciding import batches, decider_of
from tests.unit.drift.test_comparison import conducted, ended, entered, pairs

SEEN = conducted(0, answered=200, missed=1)
GOOD = [entered(revision=4, policy="promote"), SEEN, *(pairs(n, better=5, equal=20) for n in range(8))]
BAD = [entered(revision=4, policy="promote"), *(pairs(n, worse=5, equal=20) for n in range(8))]


def proposals(
    observations: list[Observation], size: int = 1, restart: int | None = None, redo: int | None = None
) -> list[tuple[str, Proposed]]:
    """What is proposed, by id, with a restart before a batch, and with a batch that is decided about twice."""
    decider: DriftDecider = decider_of({})
    state, made = decider.load(0, {}), list[OutboxRecord]()
    for number, batch in enumerate(batches(observations, size)):
        if number == restart:
            state = decider.load(0, state.dump())
        if number == redo:
            decider.decide({0: state}, batch, decider.prepare(batch))
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        state.apply(decision.changes.get(0, DriftChange()))
        made += decision.outbox
    assert {record.topic for record in made} <= {"control"}
    found = []
    for record in made:
        setting, _, proposal_id = (record.key or b"").decode().removeprefix(PROPOSAL).rpartition("/")
        proposal = decode_proposal(proposal_id, record.value or b"")
        assert proposal.setting == setting
        found.append((proposal_id, proposal))
    return found


def test_a_better_challenger_is_proposed_with_the_grounds() -> None:
    [(_, proposal)] = proposals(GOOD)
    assert (proposal.model, proposal.expected_revision) == ("m", 4)
    command = proposal.command
    assert isinstance(command, Promote)
    assert (command.author, command.version) == ("policy", "2")
    assert command.reason == (
        "2 is better than 1: of 100 labelled pairs it was better in 20 and worse in 0; e-value 10^5.0, error 0.01"
    )


@pytest.mark.parametrize("seen", [[], [conducted(0, answered=100, missed=9), conducted(1, answered=100, missed=0)]])
def test_one_that_misses_more_than_allowed_is_not_promoted_until_it_no_longer_does(seen: list[Observation]) -> None:
    """What it misses makes no pair: it may be better of what it answers, and fail on most."""
    held = [GOOD[0], *seen, *GOOD[2:]]
    assert proposals(held) == []
    [(_, proposal)] = proposals([*held, *(conducted(n, answered=100, missed=0) for n in range(2, 12))])
    assert isinstance(proposal.command, Promote)


def test_of_one_that_is_not_promoted_the_words_say_why() -> None:
    decider: DriftDecider = decider_of({})
    [batch] = batches([GOOD[0], conducted(0, answered=98, missed=2), *GOOD[2:]], 99)
    report = decider.decide({0: decider.load(0, {})}, batch, decider.prepare(batch)).report
    assert isinstance(report, DriftReport)
    [decided] = report.decided
    assert verdict_words(decided).endswith("; not promoted while it misses 2.00% of the rows, at most 0.01 is allowed")


def test_of_a_worse_one_the_end_is_proposed() -> None:
    [(_, proposal)] = proposals(BAD)
    assert isinstance(proposal.command, EndChallenge)
    assert proposal.command.reason.startswith("2 is worse than 1: of 100 labelled pairs it was better in 0 and worse")


def test_without_a_policy_nothing_is_proposed_until_there_is_one() -> None:
    by_hand = [entered(revision=4, failures=0.5), *GOOD[1:]]
    assert proposals(by_hand) == []
    [(_, proposal)] = proposals([*by_hand, entered(revision=5, since=4, policy="promote")])
    assert proposal.expected_revision == 5


LEAVING = [entered(revision=4, failures=0.3), *(conducted(n, answered=0, missed=500) for n in range(10))]


def test_a_challenger_that_leaves_its_band_is_stopped_under_any_policy() -> None:
    [(_, proposal)] = proposals(LEAVING)
    assert proposal.expected_revision == 4
    assert isinstance(proposal.command, EndChallenge)
    assert proposal.command.reason == (
        "2 is out of its band: missed 3000 of 3000 rows in 6 batches, 1 of a batch on average, "
        "at most 0.3 was allowed (error 0.01)"
    )


def test_with_another_band_it_is_judged_anew_with_what_was_counted() -> None:
    wider = entered(revision=5, since=4, failures=0.4)
    found = proposals([*LEAVING, wider, conducted(10, answered=0, missed=500)])
    assert [proposal.expected_revision for _, proposal in found] == [4, 5]
    assert proposals([*LEAVING, entered(revision=5, since=4, failures=0.9), conducted(10, 80, 20)]) == proposals(
        LEAVING
    )


def test_after_its_end_nothing_is_proposed() -> None:
    assert proposals([*GOOD[:3], ended(), *GOOD[3:]]) == []


@given(
    st.sampled_from([GOOD, LEAVING]), st.integers(1, 12), st.none() | st.integers(0, 9), st.none() | st.integers(0, 9)
)
def test_it_is_proposed_once_however_the_log_is_cut(
    log: list[Observation], size: int, restart: int | None, redo: int | None
) -> None:
    assert proposals(log, size, restart, redo) == proposals(log)
    assert len(proposals(log)) == 1


def test_what_is_proposed_is_accepted_once_and_not_against_what_people_decided() -> None:
    def control() -> ControlDecider:
        models = {"m": KnownModel(frozenset(), ("1", "2"), "1")}
        return ControlDecider(
            models=models, control_topic="control", observations_topic="observations", events_topic="events"
        )

    decider = decider_of({})
    state = decider.load(0, {})
    [whole] = batches([entered(revision=0, policy="promote"), *GOOD[1:]], 99)
    [record] = decider.decide({0: state}, whole, decider.prepare(whole)).outbox
    own = control()
    books = own.load(0, {})
    accepted = []
    for offset in range(2):  # the second time it is stale
        batch = RecordBatch("control", [0], [offset], [record.key], [record.value], [0], [None])
        decision = own.decide({0: books}, batch, None)
        books.apply(decision.changes[0])
        accepted += [each for each in decision.outbox if each.key == b"model/m"]
    assert len(accepted) == 1
    assert books.books.served["m"].active == "2"


def test_a_replay_proposes_nothing() -> None:
    decider = decider_of({})
    [batch] = batches(GOOD, 99)
    again = RecordBatch(
        batch.topic, batch.partitions, batch.offsets, batch.keys, batch.values, batch.timestamps, batch.headers, True
    )
    decision = decider.decide({0: decider.load(0, {})}, again, decider.prepare(again))
    assert decision.outbox == []
    assert isinstance(decision.report, DriftReport)
    assert decision.report.comparisons["m"].decided == "better"


def test_a_damaged_comparison_is_refused() -> None:
    with pytest.raises(StateUnusable):
        decider_of({}).load(0, {"m//pairs:comparison": b"{"})
