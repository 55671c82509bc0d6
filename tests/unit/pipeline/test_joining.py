"""The label join: the same as a naive one, whatever the order, the batches and the restarts."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.joining.join import join
from streams.joining.outcomes import Fate
from streams.joining.records import Answers, Beside, JoinRecord, Labels, Scalar, decode_join, encode_join
from streams.joining.state import JoinState
from streams.joining.values import Kind, coded, text_number
from tests.unit.pipeline.real_join import MOST, WINDOW_MS, Real, Records, answers, many, pairs


class Entry(NamedTuple):
    """Of the naive join: `found` tells whether the other half came before; an answer of a challenger is `beside`."""

    number: int
    arrived: int
    id: str
    model: str
    version: str
    value: Scalar
    time: int
    found: bool
    beside: bool = False


class Naive:
    """One entry after the other, in a list; `number` counts those that were kept."""

    def __init__(self, window_ms: int, most: int) -> None:
        self.window_ms, self.most = window_ms, most
        self.clock = self.number = 0
        self.entries: list[Entry] = []
        self.met: set[int] = set()  # whose other half came later
        self.fates: Counter[Fate] = Counter()
        self.joined: Counter[tuple[Any, ...]] = Counter()
        self.left: Counter[tuple[Any, ...]] = Counter()
        self.paired: Counter[tuple[Any, ...]] = Counter()

    def take(self, records: Records) -> None:
        for timestamp, record in records:
            self.clock = max(self.clock, timestamp)
            for index, id_ in enumerate(record.ids):
                self.forget()
                if isinstance(record, Answers):
                    own = self.answer(id_, record, index)
                    if record.beside:
                        self.forget()
                        self.answer_beside(id_, record, index, own)
                else:
                    times = record.times or [None] * len(record.ids)
                    time = times[index]
                    self.label(id_, record.labels[index], timestamp if time is None else time)
        self.forget()

    def forget(self) -> None:
        stay = []
        for entry in self.entries:
            if self.number - entry.number <= self.most and self.clock - entry.arrived <= self.window_ms:
                stay.append(entry)
                continue
            if entry.beside:
                continue
            met = entry.found or entry.number in self.met
            if entry.model:
                self.left[entry.model, entry.version, entry.time, met] += 1
                self.fates[Fate.MISSING] += not met
            else:
                self.fates[Fate.UNMATCHED] += not met
        self.entries = stay

    def having(self, id_: str, model: str, *, beside: bool = False) -> Entry | None:
        wanted = (id_, model, beside)
        return next((entry for entry in self.entries if (entry.id, entry.model, entry.beside) == wanted), None)

    def answer(self, id_: str, record: Answers, index: int) -> tuple[Entry, Entry | None] | None:
        """The entry, and the label that it met."""
        if self.having(id_, record.model):
            self.fates[Fate.REPEATED] += 1
            return None
        label = self.having(id_, "")
        time, value = record.times[index], record.predictions[index]
        new = Entry(self.number, self.clock, id_, record.model, record.version, value, time, label is not None)
        if label:
            self.fates[Fate.EARLY] += 1
            self.met.add(label.number)
            self.join(new, label.value, label.time)
        self.keep(new)
        return new, label

    def answer_beside(self, id_: str, record: Answers, index: int, answered: tuple[Entry, Entry | None] | None) -> None:
        assert record.beside
        if self.having(id_, record.model, beside=True):
            return
        value, version = record.beside.predictions[index], record.beside.version
        time, found = record.times[index], answered is not None
        other = Entry(self.number, self.clock, id_, record.model, version, value, time, found, beside=True)
        if answered and answered[1]:
            self.pair(answered[0], other, answered[1].value)
        self.keep(other)

    def pair(self, answer: Entry, other: Entry, label: Scalar) -> None:
        coded_ones = (pairs(coded([value]))[0] for value in (answer.value, other.value, label))
        self.paired[answer.model, answer.version, other.version, answer.time, *coded_ones] += 1

    def label(self, id_: str, value: Scalar, time: int) -> None:
        earlier = self.having(id_, "")
        if earlier:
            self.fates[Fate.DUPLICATE if earlier.value == value else Fate.CONFLICTING] += 1
            return
        answers = [entry for entry in self.entries if entry.id == id_ and entry.model and not entry.beside]
        waiting = [entry for entry in answers if not entry.found]
        if answers and not waiting:
            self.fates[Fate.DUPLICATE] += 1
            return
        for entry in waiting:
            self.fates[Fate.JOINED] += 1
            self.met.add(entry.number)
            self.join(entry, value, time)
            other = self.having(id_, entry.model, beside=True)
            if other and other.found and other.number == entry.number + 1:
                self.pair(entry, other, value)
        self.keep(Entry(self.number, self.clock, id_, "", "", value, time, bool(waiting)))

    def keep(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.number += 1

    def join(self, answer: Entry, label: Scalar, time: int) -> None:
        [own], [its] = pairs(coded([answer.value])), pairs(coded([label]))
        right = answer.value == label
        self.joined[answer.model, answer.version, answer.time, own, its, time - answer.time, right] += 1


ids = st.sampled_from("abcde")
values = st.sampled_from(["x", "y", 0, 1, 2.5, True])


few = st.lists(ids, min_size=1, max_size=5)
repeated = st.lists(st.sampled_from("ab"), min_size=8, max_size=24)
distinct = st.permutations("abcdefgh").flatmap(lambda order: st.integers(1, 8).map(lambda count: order[:count]))


@st.composite
def record(draw: st.DrawFn) -> JoinRecord:
    chosen = draw(st.one_of(few, repeated, distinct))
    some = [draw(values) for _ in chosen]
    times = [draw(st.integers(0, 50)) for _ in chosen]
    if draw(st.booleans()):
        return Labels(chosen, some, draw(st.sampled_from([None, times])))
    challenger = draw(st.sampled_from([None, None, "3", "4"]))
    beside = challenger and Beside(challenger, [draw(values) for _ in chosen])
    return Answers(draw(st.sampled_from("mn")), draw(st.sampled_from("12")), chosen, times, some, beside=beside or None)


caps = st.sampled_from([1, MOST, 9])
batches = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 400), record()), max_size=6), st.one_of(st.none(), caps)), max_size=12
)


@settings(max_examples=400, deadline=None)
@given(batches, caps)
def test_it_is_the_naive_join_in_any_batches_with_restarts_anywhere(
    run: list[tuple[Records, int | None]], most: int
) -> None:
    naive, real = Naive(WINDOW_MS, most), Real(most=most)
    for records, restarted_with in run:
        naive.take(records)
        real.take(records)
        assert +real.fates == +naive.fates
        assert real.joined == naive.joined
        assert real.left == naive.left
        assert real.paired == naive.paired
        assert len(real.state) == len(naive.entries) <= real.most
        if restarted_with:
            real.most = naive.most = restarted_with
            real.restart()


def test_a_label_joins_the_answers_of_every_model() -> None:
    real = Real()
    step = real.take([(1, answers("a")), (1, answers("a", model="n", value="y")), (9, Labels(["a"], ["y"]))])
    assert {(o.model, *o.right.tolist(), *o.lags_ms.tolist()) for o in step.outcomes} == {
        ("m", False, 9),
        ("n", True, 9),
    }


@pytest.mark.parametrize("early", [False, True])
def test_a_label_finds_what_both_versions_answered(early: bool) -> None:
    answered = Answers("m", "1", ["a", "b"], [7, 8], ["x", "y"], beside=Beside("2", ["y", "y"]))
    labels = Labels(["b", "c", "a"], ["y", "y", "x"])
    real = Real(most=20)
    first, second = (labels, answered) if early else (answered, labels)
    real.take([(1, first)])
    real.restart()
    real.take([(2, second)])
    x, y = pairs(coded(["x", "y"]))
    assert real.paired == {("m", "1", "2", 7, x, y, x): 1, ("m", "1", "2", 8, y, y, y): 1}
    assert {outcome[:2] for outcome in real.joined} == {("m", "1")}, "only the answer itself has an outcome"
    assert real.fates.total() == 2


def test_records_and_states_of_before_challengers_are_read() -> None:
    old = decode_join(b'{"kind":"answers","model":"m","version":"1","ids":["a"],"times":[0],"predictions":["x"]}')
    assert old == answers("a")
    assert b"beside" not in encode_join(old)
    state = JoinState(WINDOW_MS, MOST)
    state.apply(join(state, [(1, old)]).change)
    head = msgspec.msgpack.decode(state.dump()["head"])
    head["versions"] = [list(version[:2]) for version in head["versions"]]
    dumped = {**state.dump(), "head": msgspec.msgpack.encode(head)}
    assert JoinState.load(WINDOW_MS, MOST, dumped).versions == state.versions


def test_how_sure_the_model_was_comes_back() -> None:
    real = Real()
    real.take([(1, Answers("m", "1", ["a", "b"], [0, 0], ["x", "x"], [0.75, 0.5]))])
    [outcomes] = real.take([(2, Labels(["b", "a"], ["x", "y"]))]).outcomes
    assert dict(zip(outcomes.right.tolist(), outcomes.confidences.tolist(), strict=True)) == {True: 0.5, False: 0.75}


def test_numbers_are_compared_as_numbers_and_texts_as_texts() -> None:
    real = Real()
    real.take([(1, Answers("m", "1", list("abc"), [0, 0, 0], [1, 1, True]))])
    [outcomes] = real.take([(1, Labels(list("abc"), [1.0, "1", 1]))]).outcomes
    assert dict(zip(outcomes.labels.kinds.tolist(), outcomes.right.tolist(), strict=True)) == {
        Kind.FLOAT: True,
        Kind.TEXT: False,
        Kind.INTEGER: True,
    }


def test_labels_of_ever_new_texts_take_nothing_from_other_texts() -> None:
    real = Real(window_ms=10**9, most=10**6)
    for start in range(0, 4000, 1000):
        names = [f"t{n}".ljust(64, "\U0001f600") for n in range(start, start + 1000)]
        real.take([(1, answers(*names, value="x")), (1, Labels(names, list(names)))])
    assert len(real.state.dump()["head"]) < 200
    real.take([(1, Labels(["early"], ["a new class"])), (1, answers("late", value="another"))])
    real.restart()
    step = real.take([(1, answers("early", value="a new class")), (1, Labels(["late"], ["another"]))])
    assert [outcomes.right.tolist() for outcomes in step.outcomes] == [[True, True]]


@pytest.mark.parametrize(
    ("one", "other"), [("yes", "no"), ("", " "), ("1", "1.0"), ("é", "e\u0301"), ("a" * 64, "a" * 63)]
)
def test_texts_are_told_apart_in_every_release_alike(one: str, other: str) -> None:
    assert pairs(coded([one, other, one])) == [*pairs(coded([one])), *pairs(coded([other])), *pairs(coded([one]))]
    assert text_number(one) != text_number(other)
    assert all(text_number(text) == int(text_number(text)) < 2**48 for text in (one, other))
    assert text_number("yes") == 174336092903483  # snapshots hold it


@pytest.mark.parametrize(("ids", "labels"), [(["a", "b"], ["x"]), (["a"], ["x", "y"])])
def test_records_whose_columns_do_not_fit_are_not_read_into_each_other(ids: list[str], labels: list[Scalar]) -> None:
    other = Labels(["c"] * len(labels), ["z"] * len(ids))
    with pytest.raises(ValueError, match="lengths"):
        join(JoinState(WINDOW_MS, MOST), [(1, Labels(ids, labels)), (1, other)])


@pytest.mark.parametrize("size", [1, 1024])
def test_a_label_that_is_sent_again_and_again_takes_nobodys_place(size: int) -> None:
    real = Real(window_ms=10**9, most=102)
    real.take([(1, answers(*many(0, 99)))])
    again = [(2, Labels(["else"] * size, ["x"] * size)) for _ in range(8192 // size)]
    step = real.take(again)
    assert (len(step.change.entries), step.fates) == (1, Counter({Fate.DUPLICATE: 8191}))
    real.take([(3, Labels(["e0", "e98"], ["x", "x"]))])
    assert real.fates == Counter({Fate.DUPLICATE: 8191, Fate.JOINED: 2, Fate.MISSING: 0})
