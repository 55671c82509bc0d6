"""A batch of answers put together as text is what msgspec makes of each one's Struct."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.answer_json import AnswerJson

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(
    *(
        st.lists(value, min_size=8, max_size=8)
        for value in (TEXTS, WHOLE, FLOATS, st.booleans(), TEXTS | WHOLE | FLOATS | st.booleans())
    )
)


@settings(max_examples=300, deadline=None)
@given(
    names=st.tuples(TEXTS, TEXTS, TEXTS),
    partitions=st.lists(st.integers(0, 3), max_size=8),
    ids=st.lists(TEXTS | st.just("plain"), min_size=8, max_size=8),
    values=VALUES,
    scores=st.none() | st.lists(FLOATS, min_size=8, max_size=8),
    by_class=st.none() | st.lists(st.dictionaries(TEXTS, FLOATS, max_size=3), min_size=8, max_size=8),
)
def test_many_are_the_bytes_of_each_one(names, partitions, ids, values, scores, by_class):
    answer, n = AnswerJson(*names), len(partitions)
    times = [f"2026-01-01T00:00:00.{i:03}Z" for i in range(n)]
    offsets = [7 + i * 10**i for i in range(n)]
    many = answer.many(
        partitions, offsets, ids[:n], times, values[:n], scores and scores[:n], by_class and by_class[:n]
    )
    assert many == [
        answer.one(
            partitions[i],
            offsets[i],
            ids[i],
            times[i],
            values[i],
            None if scores is None else scores[i],
            None if by_class is None else by_class[i],
        )
        for i in range(n)
    ]
