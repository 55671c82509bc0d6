from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.demo.ledger import Ledger

INPUTS = [(partition, offset) for partition in range(2) for offset in range(6)]
TOMBSTONE, DEAD = (0, 3), (1, 4)


def _read(ledger: Ledger, what: str, partition: int, offset: int) -> None:
    place = (partition, offset)
    if what == "input":
        ledger.input(partition, offset, tombstone=place == TOMBSTONE)
    elif place == DEAD:
        ledger.dead_letter(partition, offset)
    else:
        ledger.prediction(partition, offset, "normal")


def _steps() -> list[tuple[str, int, int]]:
    answers = [("answer", *place) for place in INPUTS if place != TOMBSTONE]
    return [("input", *place) for place in INPUTS] + answers


@st.composite
def _orders(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Inputs of a partition in order, answers anywhere, before their inputs too."""
    steps = draw(st.permutations(_steps()))
    inputs = {
        partition: iter(sorted(o for w, p, o in steps if w == "input" and p == partition)) for partition in (0, 1)
    }
    return [(what, p, next(inputs[p])) if what == "input" else (what, p, o) for what, p, o in steps]


@given(_orders())
def test_whatever_the_order_of_reading_every_input_is_accounted_for(steps: list[tuple[str, int, int]]) -> None:
    ledger = Ledger()
    for step in steps:
        _read(ledger, *step)
    assert ledger.balanced
    assert (ledger.events, ledger.predictions, ledger.dead_letters, ledger.tombstones) == (12, 10, 1, 1)
    assert ledger.events == ledger.predictions + ledger.dead_letters + ledger.tombstones
    assert ledger.waiting == 0


@given(_orders(), st.data())
def test_a_lost_answer_shows(steps: list[tuple[str, int, int]], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from([step for step in steps if step[0] == "answer"]))
    ledger = Ledger()
    for step in steps:
        if step != lost:
            _read(ledger, *step)
    assert not ledger.balanced
    assert ledger.waiting == 1


@given(_orders(), st.data())
def test_a_second_answer_shows_also_where_another_is_lost(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    answers = [step for step in steps if step[0] == "answer" and step[1:] != DEAD]
    twice = data.draw(st.sampled_from(answers))
    lost = data.draw(st.sampled_from([step for step in answers if step != twice]))
    ledger = Ledger()
    for step in [*(step for step in steps if step != lost), twice]:
        _read(ledger, *step)
    # The sums alone would agree.
    assert ledger.events == ledger.predictions + ledger.dead_letters + ledger.tombstones
    assert not ledger.balanced
    assert ledger.repeated == 1


def test_an_answer_to_a_tombstone_is_one_too_many() -> None:
    ledger = Ledger()
    ledger.input(0, 0, tombstone=True)
    ledger.prediction(0, 0, "normal")
    assert not ledger.balanced
