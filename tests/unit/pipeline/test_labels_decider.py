"""The labels role: records of `joins` in, outcomes for drift out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from drift.cells import UNSEEN, Layout
from drift.challenge import PAIRS, PairCounts, Pairs
from drift.observation import Observation
from drift.outcomes import coverage_layout, outcomes_layout
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from streams.decide.labels import Accuracy, JoinReport, LabelsDecider
from streams.decide.outcome_writer import OutcomeWriter
from streams.decider import Decider
from streams.joining.outcomes import Fate
from streams.joining.records import Answers, Beside, JoinRecord, Labels, Scalar, encode_join, kept_values
from streams.joining.state import JoinState, ModelVersion
from streams.records import Decision, RecordBatch
from tests.unit.pipeline.fakes import NOW

LONG = "a class with a name that is longer than an event id may be to be kept as it is"


def classifier(*names: str) -> ReferenceProfile:
    specs = [SignalSpec("x", "number", "feature"), SignalSpec("class", "category", "output", names)]
    return build_profile(specs, np.array([[0.0, 0.0], [1.0, 1.0]]))


def regression() -> ReferenceProfile:
    specs = [SignalSpec("x", "number", "feature"), SignalSpec("prediction", "number", "output")]
    return build_profile(specs, np.array([[0.0, -10.0], [1.0, 10.0]]))


def role(reference: ReferenceProfile | None = None, window_ms: int = 10**6) -> LabelsDecider:
    writer = OutcomeWriter("joins", "observations")
    writer.learn(ModelVersion("m", "1"), reference or classifier("no", "yes"))
    return LabelsDecider(writer=writer, window_ms=window_ms, most=1000)


def batch(*records: JoinRecord | bytes, first: int = 0, time_ms: int = NOW, replay: bool = False) -> RecordBatch:
    n = len(records)
    values: list[bytes | None] = [each if isinstance(each, bytes) else encode_join(each) for each in records]
    return RecordBatch(
        "joins", [0] * n, [*range(first, first + n)], [None] * n, values, [time_ms] * n, [None] * n, replay
    )


def decide(of: LabelsDecider, state: JoinState, records: RecordBatch) -> tuple[JoinReport, list[Observation]]:
    as_decider: Decider = of
    decision: Decision = as_decider.decide({0: state}, records, of.prepare(records))
    if 0 in decision.changes:
        state.apply(decision.changes[0])
    assert isinstance(decision.report, JoinReport)
    return decision.report, [msgspec.json.decode(record.value or b"", type=Observation) for record in decision.outbox]


def answers(ids: Sequence[str], predictions: Sequence[Scalar], confidences: Sequence[float] | None = None) -> Answers:
    sure = None if confidences is None else list(confidences)
    return Answers("m", "1", list(ids), [NOW] * len(ids), list(predictions), sure)


def test_outcomes_go_to_drift_by_event_time_with_their_offsets() -> None:
    of = role()
    state = of.load(0, {})
    decide(of, state, batch(answers("abc", ["yes", "yes", "no"])))
    report, [observation] = decide(of, state, batch(Labels(list("ab"), ["yes", "no"]), first=1, time_ms=NOW + 5000))
    assert (observation.stream, observation.topic, observation.partition) == ("outcomes", "joins", 0)
    assert (observation.first_offset, observation.last_offset, observation.max_time) == (1, 1, NOW)
    assert observation.profile == outcomes_layout(classifier("no", "yes")).id
    assert observation.events == 2
    assert report.fates == Counter({Fate.JOINED: 2})
    assert report.remembered == {0: 5}
    assert report.accuracies == {("m", "1"): Accuracy(outcomes=2, right=1)}


def answers_of_two(by_champion: Sequence[Scalar], by_challenger: Sequence[Scalar]) -> Answers:
    return msgspec.structs.replace(
        answers([f"e{n}" for n in range(len(by_champion))], by_champion), beside=Beside("2", list(by_challenger))
    )


def pairs_told(of: LabelsDecider, answered: Answers, labels: Sequence[Scalar]) -> Observation:
    state = of.load(0, {})
    decide(of, state, batch(answered))
    report, told = decide(of, state, batch(Labels(answered.ids, list(labels)), first=1, time_ms=NOW + 5))
    assert report.unknown == frozenset()
    assert sum(own.answers + own.outcomes for own in report.accuracies.values()) == len(labels)
    assert {each.version for each in told if each.stream != PAIRS} == {"1"}, "drift hears of the version that answers"
    [pairs] = [each for each in told if each.stream == PAIRS]
    return pairs


def test_of_two_classifiers_the_one_that_is_right_is_better() -> None:
    told = pairs_told(role(), answers_of_two(["yes", "yes", "no", "no"], ["no", "yes", "yes", "a"]), ["no"] * 3 + ["b"])
    assert told.pairs == Pairs("1", PairCounts(better=1, worse=1, equal=2))
    assert (told.version, told.topic, told.partition, told.first_offset, told.last_offset) == ("2", "joins", 0, 1, 1)
    assert told.max_time == NOW


def test_of_two_regressions_the_nearer_one_is_better() -> None:
    answered = answers_of_two([1.0, 1.0, 2.0, 1.0, 1.0, -3.0], [2.0, 3.0, 0.0, 2.0, 2.0, 0.5])
    told = pairs_told(role(regression()), answered, [2.5, 1, 1, "none", True, -1])
    assert told.pairs == Pairs("1", PairCounts(better=2, worse=1, equal=1))


def test_answers_that_left_tell_whether_their_label_came() -> None:
    of = role(window_ms=1000)
    state = of.load(0, {})
    decide(of, state, batch(answers("ab", ["yes", "no"]), Labels(["a"], ["yes"])))
    _, observations = decide(of, state, batch(answers(["c"], ["no"]), first=2, time_ms=NOW + 2000))
    [observation] = observations
    assert (observation.stream, observation.profile, observation.events) == ("coverage", coverage_layout().id, 2)


def test_what_nobody_of_ours_wrote_is_passed_over() -> None:
    report, observations = decide(role(), role().load(0, {}), batch(b"{}", answers("a", ["no"]), b"\xff"))
    assert (report.unreadable, observations) == (2, [])
    assert report.remembered == {0: 1}


def test_a_model_that_is_not_in_the_registry_is_joined_and_not_told() -> None:
    of = role()
    state = of.load(0, {})
    other = Answers("else", "9", ["a"], [NOW], ["yes"])
    report, observations = decide(of, state, batch(other, Labels(["a"], ["yes"])))
    assert observations == []
    assert report.accuracies == {("else", "9"): Accuracy(outcomes=1, right=1)}
    assert report.unknown == {("else", "9")}
    report, _ = decide(of, state, batch(answers("b", ["yes"]), first=2))
    assert report.unknown == set()  # "else" is in the state, and nothing of it came


def test_a_replay_tells_nothing_again() -> None:
    of = role()
    state = of.load(0, {})
    _, observations = decide(of, state, batch(answers("a", ["yes"]), Labels(["a"], ["no"]), replay=True))
    assert observations == []
    assert len(state) == 2


def test_an_idle_partition_says_so_for_each_model_that_waits_there() -> None:
    of = role()
    state = of.load(0, {})
    idle = RecordBatch("joins", [], [], [], [], [], [], idle={0: 700})
    assert decide(of, state, idle)[1] == []
    decide(of, state, batch(answers("a", ["yes"])))
    marks = decide(of, state, idle)[1]
    assert [(mark.stream, mark.idle_ms, mark.events) for mark in marks] == [("outcomes", 700, 0), ("coverage", 700, 0)]


@pytest.mark.parametrize(
    ("names", "prediction", "label"), [(("1", "2"), 1, 1.0), (("false", "true"), True, True), (("x", LONG), LONG, LONG)]
)
def test_classes_are_known_however_they_are_written(names: tuple[str, str], prediction: Scalar, label: Scalar) -> None:
    reference = classifier(*names)
    of = role(reference)
    records = batch(answers("a", kept_values([prediction])), Labels(["a"], kept_values([label])))
    _, [observation] = decide(of, of.load(0, {}), records)
    layout = outcomes_layout(reference)
    place = [*layout.keys].index("metric/label")
    cells = Layout.of(layout).split(observation.slices[0].cells)[place]
    assert UNSEEN not in cells
    assert sum(cells.values()) == 1


def test_what_confidence_is_worth_is_learned_from_labels() -> None:
    of = role()
    state = of.load(0, {})
    ids = [f"e{n}" for n in range(400)]
    labels = ["yes" if n % 2 else "no" for n in range(400)]  # the model says 0.9, and is right every other time
    report, _ = decide(of, state, batch(answers(ids, ["yes"] * 400, [0.9] * 400)))
    assert report.accuracies["m", "1"].answers_expected_right == pytest.approx(360)
    report, _ = decide(of, state, batch(Labels(ids, labels), first=1))
    own = report.accuracies["m", "1"]
    assert (own.outcomes, own.right, own.labelled, round(own.labelled_expected_right)) == (400, 200, 400, 360)
    restarted = of.load(0, state.dump())
    report, _ = decide(of, restarted, batch(answers(["new"], ["yes"], [0.9]), first=2))
    assert report.accuracies["m", "1"].answers_expected_right == pytest.approx(0.5, abs=0.02)


def test_errors_of_a_regression_are_told_in_its_own_unit() -> None:
    of = role(regression())
    _, [observation] = decide(of, of.load(0, {}), batch(answers("ab", [5.0, 5]), Labels(list("ab"), [5, "five"])))
    assert observation.profile == outcomes_layout(regression()).id
    assert observation.events == 2
