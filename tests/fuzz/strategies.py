"""What Hypothesis draws: nonsense, JSON of any shape, and JSON of nearly the right one."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS
from tests.unit.pipeline.fakes import GOOD

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["pro", "Oslo", 41])
)
ANY = st.recursive(LEAVES, lambda of: st.lists(of, max_size=5) | st.dictionaries(st.text(max_size=8), of, max_size=5))
FEATURES = st.fixed_dictionaries({}, optional={name: st.one_of(st.just(value), ANY) for name, value in GOOD.items()})
EVENT = st.fixed_dictionaries(
    {}, optional={"id": st.one_of(st.just("e"), ANY), "time": ANY, "features": FEATURES | ANY}
)
TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*GOOD, "all"]) | ANY,
        "shape": st.lists(st.integers(-1, 6), max_size=3) | ANY,
        "datatype": st.sampled_from(["FP64", "BYTES", "INT64", "BOOL"]) | ANY,
        "data": st.lists(LEAVES, max_size=10) | ANY,
        "parameters": ANY,
    },
)
BODY = st.one_of(
    EVENT,
    st.fixed_dictionaries({"events": st.lists(EVENT, max_size=6) | ANY}),
    st.fixed_dictionaries({"input": st.lists(LEAVES, max_size=6) | ANY}),
    st.fixed_dictionaries({"inputs": st.lists(TENSOR, max_size=6) | ANY}, optional={"id": ANY, "outputs": ANY}),
    ANY,
)


@st.composite
def cut_or_joined(draw: st.DrawFn) -> bytes:
    one, other = draw(st.sampled_from(SEEDS)), draw(st.sampled_from(SEEDS))
    return (
        one[: draw(st.integers(0, len(one)))] + draw(st.binary(max_size=8)) + other[draw(st.integers(0, len(other))) :]
    )


BYTES = st.one_of(st.binary(max_size=200), st.builds(lambda body: json.dumps(body).encode(), BODY), cut_or_joined())
