"""The quick decoder and the exact diagnosis draw the same line, and no value whatever brings the pipeline down."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.diagnosis import Diagnosis
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import NOW, SCHEMA, ToyModel
from tests.unit.pipeline.test_bad_input import FAMILIES, GOOD_ONES

TOKENS = st.sampled_from(
    [
        *("0", "-0", "41", "150", "150.0000001", "-1e-9", "1e999", "1E2", "01", "1.", ".5", "-", "NaN", "-Infinity"),
        *(
            "true",
            "false",
            "null",
            "nul",
            '""',
            '"e"',
            '"pro"',
            '"Oslo"',
            '"x\\u0041"',
            '"\\ud83d\\ude00"',
            '"\\ud800"',
        ),
        *('"\\udc00\\ud800"', '"\\u12"', '"\\q"', '"a\\nb"', '"a\nb"', '"\x7f"', '"[{["', '"\\\\\\""', '"12345678"'),
        *('"123456789"', "9" * 25, "9" * 310, "9" * 4500, "1e308", "1.7976931348623157e308", "[]", "{}", "[1,]", "[,]"),
        *(
            '{"a":1,"a":2}',
            '{"a"}',
            "[[[[1]]]]",
            "[[[[[1]]]]]",
            '"2026-01-01T00:00:00Z"',
            '"2026-01-01T00:00:00"',
            "\ufeff",
        ),
        *('"0001-01-01T00:00:00+01:00"', '"9999-12-31T23:59:59.9999999Z"', '"2026-01-01 00:00:00.5z"', str(NOW), "1e3"),
        *(str(NOW + 300_000), str(NOW + 300_001), "-62135596800000", "-62135596800001", "253402300800000"),
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
).map(lambda value: json.dumps(value, ensure_ascii=False))
SPACE = st.sampled_from(["", "", "", "", "", " ", "\n", "\t\r ", "\x0b", "\u00a0"])


@st.composite
def seldom(draw, odd: st.SearchStrategy[str], good: st.SearchStrategy[str]) -> str:
    """`good`, and about once in twelve times `odd`."""
    return draw(odd if draw(st.integers(0, 11)) == 7 else good)


@st.composite
def members(draw, usual: dict[str, st.SearchStrategy[str]], odd: st.SearchStrategy[str]) -> str:
    """Text of an object: the usual keys once each, as a rule, and now and then something odd."""
    keys = list(usual)
    if draw(st.integers(0, 11)) == 7:
        keys = draw(st.lists(st.sampled_from(keys), max_size=len(keys) + 1))
    pairs = [f"{json.dumps(key)}: {draw(usual[key])}" for key in keys]
    if draw(st.integers(0, 3)) == 0:
        pairs.insert(draw(st.integers(0, len(pairs))), draw(odd))
    return "{" + ", ".join(pairs) + "}"


def mostly(*good: str) -> st.SearchStrategy[str]:
    return seldom(TOKENS | ANY_JSON, st.sampled_from(good))


ODD = st.tuples(
    st.sampled_from(['"x"', '"x"', '"\\u0069d"', '"age"', '"time"', '"é"', '"\\ud800"', "x"]), TOKENS | ANY_JSON
).map(":".join)
FEATURES = members(
    {
        "age": mostly("41", "0", "150", "-0"),
        "monthly income/€": mostly("5200.5", "null", "123456789012345678901234567890", "5e-324"),
        "member": mostly("true", "false"),
        "plan": mostly('"pro"', '"free"'),
        "city": mostly('"Oslo"', "null", '"elsewhere"'),
    },
    ODD,
)
EVENTS = members(
    {
        "id": mostly('"e1"', '"\N{GRINNING FACE}"'),
        "time": mostly(str(NOW), '"2026-01-01T00:00:00Z"', "null"),
        "features": FEATURES,
    },
    ODD,
)


@st.composite
def values(draw) -> bytes:
    """An event, often a bad one, sometimes with bytes cut out, doubled, put in or changed."""
    text = draw(SPACE) + draw(EVENTS) + draw(SPACE)
    value = bytearray(text.encode("utf-8", "surrogatepass"))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, max(0, len(value) - 1)))
        odd = st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"{", b"]", b",", b"\xef\xbb\xbf"])
        value[at : at + draw(st.integers(0, 3))] = draw(odd)
    return bytes(value)


LIMITS = st.builds(
    Limits,
    value_bytes=st.sampled_from([200, 10_000, 10_000]),
    depth=st.sampled_from([3, 4, 32]),
    id_length=st.sampled_from([2, 2, 8]),
    strict_json=st.booleans(),
)


@settings(max_examples=700, deadline=None)
@given(value=values(), limits=LIMITS, unknown=st.sampled_from(["ignore", "reject"]), stamp=st.sampled_from([NOW, -1]))
def test_a_value_is_accepted_exactly_when_the_diagnosis_finds_nothing(value, limits, unknown, stamp):
    outcomes = Pipeline(ToyModel(), limits, unknown).run([value], [stamp])
    finding = Diagnosis(SCHEMA, limits, unknown)(value, stamp)
    if finding is None:
        assert outcomes.rows == [0]
    else:
        assert [(r.reason, r.error) for r in outcomes.rejections] == [(finding.reason, finding.error)]


@settings(max_examples=200, deadline=None)
@given(batch=st.lists(st.none() | values() | st.sampled_from(list(GOOD_ONES.values())), max_size=12), limits=LIMITS)
def test_the_company_of_a_batch_changes_nothing(batch, limits):
    pipeline = Pipeline(ToyModel(), limits)
    together = pipeline.run(batch, [NOW] * len(batch))
    alone = [pipeline.run([value], [NOW]) for value in batch]
    assert together.rows == [row for row, one in enumerate(alone) if one.rows]
    assert together.tombstones == [row for row, one in enumerate(alone) if one.tombstones]
    assert [(r.row, r.reason, r.error) for r in together.rejections] == [
        (row, r.reason, r.error) for row, one in enumerate(alone) for r in one.rejections
    ]
    assert together.predictions.scores == (
        [score for one in alone if one.rows for score in one.predictions.scores] or together.predictions.scores
    )


def test_ten_thousand_mutilated_values_are_each_counted_once():
    seeds = [value for value, _, _ in FAMILIES.values() if len(value) < 2000]
    seeds += [*GOOD_ONES.values()] * 4
    rng = random.Random(20260101)
    pipeline = Pipeline(ToyModel(), Limits(value_bytes=2000, depth=8, id_length=16))
    seen = 0
    while seen < 10_000:
        batch = [mutilated(rng, seeds) for _ in range(rng.choice([1, 7, 200]))]
        outcomes = pipeline.run(batch, [rng.choice([NOW, 0, -1, 2**62]) for _ in batch])
        rows = [*outcomes.rows, *(r.row for r in outcomes.rejections), *outcomes.tombstones]
        assert sorted(rows) == list(range(len(batch)))
        assert len(outcomes.event_ids) == len(outcomes.times_ms) == len(outcomes.matrix) == len(outcomes.rows)
        seen += len(batch)


def mutilated(rng: random.Random, seeds: list[bytes]) -> bytes | None:
    if rng.random() < 0.02:
        return None
    value = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 10])):
        at = rng.randrange(len(value) + 1)
        match rng.randrange(5):
            case 0:
                del value[at : at + rng.choice([1, 2, 50])]
            case 1:
                value[at:at] = rng.randbytes(rng.choice([1, 2, 8]))
            case 2:
                value[at:at] = rng.choice(
                    [b'"', b"{", b"[", b"]}", b"\\ud800", b"e999", b"\x00", b"\xff", b",", b"null"]
                )
            case 3:
                other = rng.choice(seeds)
                value[at:] = other[rng.randrange(len(other) + 1) :]
            case _:
                value[at:at] = value[at : at + 20]
    return bytes(value)
