"""Every family of bad input has its stage and reason, keeps to itself, and leaves its neighbours as they were."""

from __future__ import annotations

import json

import pytest

from streams.contracts import STAGE_OF, Reason, Stage
from streams.decoding import AT_ONCE_BYTES
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import GOOD, NOW, ToyModel, event, with_feature, without_feature

LIMITS = Limits(value_bytes=4096, depth=6, id_length=16, max_ahead_s=300)


def raw(age: str) -> bytes:
    """A good event with this text as the age's value."""
    return with_feature("age", "@@").replace(b'"@@"', age.encode())


def raw_time(time: str) -> bytes:
    return event(time="@@").replace(b'"@@"', time.encode())


def ignored(text: bytes) -> bytes:
    """A good event with this text as the value of a field that nobody reads."""
    return event(extra="@@").replace(b'"@@"', text)


FAMILIES: dict[str, tuple[bytes, Stage, Reason]] = {
    "no bytes": (b"", Stage.DECODE, Reason.EMPTY),
    "white space": (b" \r\n\t", Stage.DECODE, Reason.EMPTY),
    "larger than the cap": (event(extra="x" * 4096), Stage.DECODE, Reason.TOO_LARGE),
    "larger than the cap and no JSON": (b"[" * 5000, Stage.DECODE, Reason.TOO_LARGE),
    "latin-1 in a category": (
        event().replace("Zürich".encode(), "Zürich".encode("latin-1")),
        Stage.DECODE,
        Reason.ENCODING,
    ),
    "latin-1 in an ignored field": (ignored(b'"\xfc"'), Stage.DECODE, Reason.ENCODING),
    "latin-1 in an ignored key": (event().replace(b'{"id"', b'{"\xfc": 1, "id"'), Stage.DECODE, Reason.ENCODING),
    "overlong UTF-8": (event("\x01").replace(b"\\u0001", b"\xc0\x80"), Stage.DECODE, Reason.ENCODING),
    "a surrogate as UTF-8": (ignored(b'"\xed\xa0\x80"'), Stage.DECODE, Reason.ENCODING),
    "UTF-8 cut in a character": (event()[:-12] + b"\xc3", Stage.DECODE, Reason.ENCODING),
    "UTF-8 BOM": (b"\xef\xbb\xbf" + event(), Stage.DECODE, Reason.ENCODING),
    "UTF-16": (event().decode().encode("utf-16"), Stage.DECODE, Reason.ENCODING),
    "UTF-16 without a BOM": (event().decode().encode("utf-16-le"), Stage.DECODE, Reason.ENCODING),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(20), Stage.DECODE, Reason.ENCODING),
    "escaped lone surrogate in the id": (event("@").replace(b"@", rb"\ud800"), Stage.DECODE, Reason.ENCODING),
    "escaped lone surrogate in a key": (event(**{"@": 1}).replace(b"@", rb"\udc00"), Stage.DECODE, Reason.ENCODING),
    "escaped lone surrogate, ignored": (ignored(rb'["\ude00\ud83d"]'), Stage.DECODE, Reason.ENCODING),
    "Confluent-framed": (b"\x00\x00\x00\x00\x07" + event(), Stage.DECODE, Reason.FRAMED),
    "zero bytes": (bytes(64), Stage.DECODE, Reason.FRAMED),
    "nested beyond the cap": (ignored(b"[" * 6 + b"]" * 6), Stage.DECODE, Reason.DEPTH),
    "objects nested beyond the cap": (ignored(b'{"a":' * 6 + b"1" + b"}" * 6), Stage.DECODE, Reason.DEPTH),
    "nothing but brackets": (b"[" * 4000, Stage.DECODE, Reason.DEPTH),
    "cut short": (event()[:-1], Stage.DECODE, Reason.JSON),
    "plain text": (b"temperature 21.5", Stage.DECODE, Reason.JSON),
    "CSV": (b"e-1,41,5200.5,true", Stage.DECODE, Reason.JSON),
    "single quotes": (event().replace(b'"', b"'"), Stage.DECODE, Reason.JSON),
    "trailing comma": (event()[:-1] + b",}", Stage.DECODE, Reason.JSON),
    "trailing bytes": (event() + b"x", Stage.DECODE, Reason.JSON),
    "a zero byte behind": (event() + b"\x00", Stage.DECODE, Reason.JSON),
    "two events": (event() + b"\n" + event(), Stage.DECODE, Reason.JSON),
    "a neighbour smuggled in": (event() + b"," + event("e-2"), Stage.DECODE, Reason.JSON),
    "a closing bracket in front": (b"]" + event(), Stage.DECODE, Reason.JSON),
    "control character in a string": (event("a@b").replace(b"@", b"\x01"), Stage.DECODE, Reason.JSON),
    "bad escape": (event("a@b").replace(b"@", rb"\x"), Stage.DECODE, Reason.JSON),
    "leading zero": (raw("041"), Stage.DECODE, Reason.JSON),
    "number without digits behind the point": (raw("41."), Stage.DECODE, Reason.JSON),
    "plus sign": (raw("+41"), Stage.DECODE, Reason.JSON),
    "Python's True": (event().replace(b"true", b"True"), Stage.DECODE, Reason.JSON),
    "undefined": (raw("undefined"), Stage.DECODE, Reason.JSON),
    "an array": (b"[" + event() + b"]", Stage.DECODE, Reason.NOT_OBJECT),
    "a string": (json.dumps(event().decode()).encode(), Stage.DECODE, Reason.NOT_OBJECT),
    "a number": (b"41", Stage.DECODE, Reason.NOT_OBJECT),
    "null as text": (b"null", Stage.DECODE, Reason.NOT_OBJECT),
    "NaN": (raw("NaN"), Stage.DECODE, Reason.NUMBER),
    "Infinity": (raw("Infinity"), Stage.DECODE, Reason.NUMBER),
    "-Infinity": (raw("-Infinity"), Stage.DECODE, Reason.NUMBER),
    "NaN in an ignored field": (ignored(b"[NaN]"), Stage.DECODE, Reason.NUMBER),
    "1e999": (raw("1e999"), Stage.DECODE, Reason.NUMBER),
    "-1e999": (raw("-1e999"), Stage.DECODE, Reason.NUMBER),
    "just beyond float64": (raw("1.7976931348623159e308"), Stage.DECODE, Reason.NUMBER),
    "integer of 400 digits": (raw("9" * 400), Stage.DECODE, Reason.NUMBER),
    "no id": (event(drop="id"), Stage.VALIDATE, Reason.ID_MISSING),
    "empty id": (event(""), Stage.VALIDATE, Reason.ID_MISSING),
    "null id": (event(None), Stage.VALIDATE, Reason.ID_MISSING),
    "numeric id": (event(17), Stage.VALIDATE, Reason.ID_MISSING),
    "empty object": (b"{}", Stage.VALIDATE, Reason.ID_MISSING),
    "id longer than the cap": (event("x" * 17), Stage.VALIDATE, Reason.ID_TOO_LONG),
    "naive time": (event(time="2026-01-01T00:00:00"), Stage.VALIDATE, Reason.TIME),
    "date only": (event(time="2026-01-01"), Stage.VALIDATE, Reason.TIME),
    "30 February": (event(time="2026-02-30T00:00:00Z"), Stage.VALIDATE, Reason.TIME),
    "words for a time": (event(time="yesterday"), Stage.VALIDATE, Reason.TIME),
    "epoch as a string": (event(time=str(NOW)), Stage.VALIDATE, Reason.TIME),
    "fractional epoch": (event(time=NOW / 1000 + 0.5), Stage.VALIDATE, Reason.TIME),
    "epoch in exponent form": (raw_time("1e12"), Stage.VALIDATE, Reason.TIME),
    "boolean time": (event(time=True), Stage.VALIDATE, Reason.TIME),
    "time as an object": (event(time={"s": 1}), Stage.VALIDATE, Reason.TIME),
    "epoch in nanoseconds": (event(time=NOW * 1_000_000), Stage.VALIDATE, Reason.TIME),
    "epoch beyond 64 bits": (event(time=10**30), Stage.VALIDATE, Reason.TIME),
    "epoch of 1,500 digits": (raw_time("9" * 1500), Stage.VALIDATE, Reason.TIME),
    "before the year 1 in UTC": (event(time="0001-01-01T00:00:00+10:00"), Stage.VALIDATE, Reason.TIME),
    "after the year 9999 in UTC": (event(time="9999-12-31T23:59:59-10:00"), Stage.VALIDATE, Reason.TIME),
    "ahead of the record": (event(time=NOW + 300_001), Stage.VALIDATE, Reason.TIME_AHEAD),
    "ahead of the record, with offset": (event(time="2026-01-01T05:05:01+05:00"), Stage.VALIDATE, Reason.TIME_AHEAD),
    "no features": (event(drop="features"), Stage.VALIDATE, Reason.FEATURE_MISSING),
    "missing feature": (without_feature("age"), Stage.VALIDATE, Reason.FEATURE_MISSING),
    "missing nullable feature": (without_feature("city"), Stage.VALIDATE, Reason.FEATURE_MISSING),
    "name in other letters": (event(features={**GOOD, "Age": 1} | {"age": None}), Stage.VALIDATE, Reason.FEATURE_NULL),
    "features as an array": (event(features=[41, 1.0, True, "pro", "Oslo"]), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "features null": (
        event(features=0).replace(b'"features": 0', b'"features": null'),
        Stage.VALIDATE,
        Reason.FEATURE_TYPE,
    ),
    "string for a number": (with_feature("age", "41"), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "boolean for a number": (with_feature("age", True), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "array for a number": (with_feature("age", [41]), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "number for a boolean": (with_feature("member", 1), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "string for a boolean": (with_feature("member", "true"), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "number for a category": (with_feature("plan", 1), Stage.VALIDATE, Reason.FEATURE_TYPE),
    "null for a number": (with_feature("age", None), Stage.VALIDATE, Reason.FEATURE_NULL),
    "null for a boolean": (with_feature("member", None), Stage.VALIDATE, Reason.FEATURE_NULL),
    "null for a category": (with_feature("plan", None), Stage.VALIDATE, Reason.FEATURE_NULL),
    "under the range": (with_feature("age", -0.001), Stage.VALIDATE, Reason.FEATURE_RANGE),
    "over the range": (with_feature("age", 1e300), Stage.VALIDATE, Reason.FEATURE_RANGE),
    "unknown category": (with_feature("plan", "gold"), Stage.VALIDATE, Reason.CATEGORY_UNKNOWN),
    "category in other letters": (with_feature("plan", "Pro"), Stage.VALIDATE, Reason.CATEGORY_UNKNOWN),
    "empty category": (with_feature("plan", ""), Stage.VALIDATE, Reason.CATEGORY_UNKNOWN),
}

GOOD_ONES: dict[str, bytes] = {
    "plain": event("g1"),
    "no time": event("g2", drop="time"),
    "null time": event("g3", time=None),
    "RFC 3339": event("g4", time="2025-12-31T23:59:59.123Z"),
    "with offset": event("g5", time="2026-01-01T01:00:00+01:00"),
    "far past": event("g6", time="0001-01-01T00:00:00Z"),
    "just inside max_ahead_s": event("g7", time=NOW + 300_000),
    "nulls where allowed": event("g8", features={**GOOD, "monthly income/€": None, "city": None}),
    "unseen category, accepted": with_feature("city", "Ulaanbaatar", "g9"),
    "bounds are inclusive": with_feature("age", 150, "g10"),
    "integer over 64 bits": with_feature("monthly income/€", 10**30, "g11"),
    "unknown fields": event("g12", extra={"a": [1, {"b": "]]]}}}"}]}, features={**GOOD, "more": [1]}),
    "brackets in strings": event("g13", extra="[[[[[[[[[[{{{{{{{{{{"),
    "as deep as allowed": event("g14", extra=[[[[[]]]]]),
    "astral id": event("\N{GRINNING FACE}" * 16),
    "escaped key": event("g16").replace(b'"id"', rb'"\u0069d"'),
    "repeated keys": event("g17").replace(b'{"id"', b'{"id": "first", "id"'),
    "white space around": b"\n\t " + event("g18") + b" \r\n",
    "huge number in an ignored field": event("g19", extra="@").replace(b'"@"', b"1e999"),
}


def pipeline(limits: Limits = LIMITS) -> Pipeline:
    return Pipeline(ToyModel(), limits)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bad_value_has_its_stage_and_reason(family):
    value, stage, reason = FAMILIES[family]
    outcomes = pipeline().run([value], [NOW])
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [(0, stage, reason)]
    assert outcomes.rows == [] and outcomes.tombstones == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_error_is_one_short_printable_line(family):
    value, _, _ = FAMILIES[family]
    (rejection,) = pipeline().run([value], [NOW]).rejections
    assert rejection.error.isprintable()
    assert 5 < len(rejection.error) <= 240


@pytest.mark.parametrize("kind", GOOD_ONES)
def test_a_good_value_is_answered(kind):
    outcomes = pipeline().run([GOOD_ONES[kind]], [NOW])
    assert outcomes.rejections == []
    assert outcomes.rows == [0]


def test_good_neighbours_are_answered_alike_wherever_they_stand():
    good = list(GOOD_ONES.values())
    alone = pipeline().run(good, [NOW] * len(good))
    expected = dict(
        zip(alone.event_ids, zip(alone.predictions.values, alone.predictions.scores, strict=True), strict=True)
    )
    for family, (bad, _, reason) in FAMILIES.items():
        for at in (0, 1, len(good) // 2, len(good)):
            values = [*good[:at], bad, *good[at:]]
            outcomes = pipeline().run(values, [NOW] * len(values))
            assert [(r.row, r.reason) for r in outcomes.rejections] == [(at, reason)], family
            answers = zip(outcomes.predictions.values, outcomes.predictions.scores, strict=True)
            assert dict(zip(outcomes.event_ids, answers, strict=True)) == expected, family
            assert outcomes.rows == [row for row in range(len(values)) if row != at]


def test_all_families_at_once_and_in_any_company():
    bad = list(FAMILIES.values())
    values: list[bytes | None] = []
    for value, _, _ in bad:
        values += [value, event(f"n{len(values)}"), None]
    outcomes = pipeline().run(values, [NOW] * len(values))
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [
        (3 * i, stage, reason) for i, (_, stage, reason) in enumerate(bad)
    ]
    assert outcomes.rows == list(range(1, len(values), 3))
    assert outcomes.tombstones == list(range(2, len(values), 3))


def test_one_event_nested_too_deeply_among_many_plain_ones_is_found():
    deep = event(extra=[[[[[[]]]]]])
    values = [event(f"e{i}") for i in range(500)]
    values[250] = deep
    outcomes = pipeline().run(values, [NOW] * 500)
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(250, Reason.DEPTH)]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_fault_that_the_decoder_skips_is_found_anywhere_in_a_large_batch(place):
    good, bad = event(extra="x" * 3000), ignored(b'"\xfc"')
    values = [good] * (3 * AT_ONCE_BYTES // len(good))
    row = {"first": 0, "middle": len(values) // 2, "last": len(values) - 1}[place]
    values[row] = bad
    outcomes = Pipeline(ToyModel(), LIMITS).run(values, [NOW] * len(values))
    assert [(each.row, each.reason) for each in outcomes.rejections] == [(row, Reason.ENCODING)]
    assert len(outcomes.rows) == len(values) - 1


def test_an_unknown_feature_is_rejected_where_the_policy_says_so():
    strict = Pipeline(ToyModel(), LIMITS, "reject")
    outcomes = strict.run([with_feature("more", 1), event()], [NOW, NOW])
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [(0, Stage.VALIDATE, Reason.FEATURE_UNKNOWN)]
    assert outcomes.rows == [1]


@pytest.mark.parametrize(
    "value",
    [
        event().replace(b'{"id"', b'{"id": "first", "id"'),
        event().replace(b'"age": 41', b'"age": 40, "age": 41'),
        event(extra="@").replace(b'"@"', b'[{"a": 1, "\\u0061": 2}]'),
    ],
)
def test_strict_json_rejects_a_repeated_key_and_else_the_last_wins(value):
    strict = pipeline(Limits(strict_json=True))
    outcomes = strict.run([event(), value, event()], [NOW] * 3)
    assert [(r.row, r.stage, r.reason) for r in outcomes.rejections] == [(1, Stage.DECODE, Reason.DUPLICATE_KEY)]
    lax = pipeline().run([value], [NOW])
    assert lax.event_ids == ["e-1"] and lax.matrix[0, 0] == 41.0


def test_a_repeated_key_must_be_good_each_time():
    value = event().replace(b'"age": 41', b'"age": "x", "age": 41')
    (rejection,) = pipeline().run([value], [NOW]).rejections
    assert rejection.reason is Reason.FEATURE_TYPE


def test_the_error_names_the_field_and_never_its_value():
    (rejection,) = pipeline().run([with_feature("age", "secret-4711")], [NOW]).rejections
    assert rejection.error == "features.age: expected a number, got a string"
    (rejection,) = pipeline().run([with_feature("monthly income/€", "secret-4711")], [NOW]).rejections
    assert rejection.error == 'features["monthly income/€"]: expected a number, got a string'


def test_a_hostile_feature_name_cannot_forge_a_log_line():
    hostile = "\n\x1b[31mERROR all is lost\u202e" + "x" * 500
    strict = Pipeline(ToyModel(), LIMITS, "reject")
    (rejection,) = strict.run([with_feature(hostile, 1)], [NOW]).rejections
    assert rejection.reason is Reason.FEATURE_UNKNOWN
    assert rejection.error.isprintable() and len(rejection.error) < 200


def test_a_missing_time_is_the_records_and_without_either_there_is_none():
    outcomes = pipeline().run([event(drop="time"), event(drop="time"), event()], [NOW, -1, -1])
    assert outcomes.times_ms.tolist() == [NOW, NOW - 5]
    assert [(r.row, r.reason) for r in outcomes.rejections] == [(1, Reason.TIME)]


def test_every_reason_belongs_to_a_stage():
    assert set(STAGE_OF) == set(Reason)


def test_a_rejected_event_keeps_a_sound_time_and_no_other():
    def refuse(matrix):
        raise ValueError("no")

    failing = Pipeline(ToyModel(before=refuse), LIMITS)
    outcomes = failing.run([event(), event(time=NOW + 10**9), b"{"], [NOW] * 3)
    assert [r.time_ms for r in outcomes.rejections] == [NOW - 5, None, None]


def test_the_matrix_is_coded_as_the_schema_says():
    values = [event(), GOOD_ONES["nulls where allowed"], GOOD_ONES["unseen category, accepted"]]
    rows = pipeline().run(values, [NOW] * 3).matrix.tolist()
    assert rows[0] == [41.0, 5200.5, 1.0, 1.0, 1.0]
    assert str(rows[1]) == "[41.0, nan, 1.0, 1.0, nan]"
    assert rows[2] == [41.0, 5200.5, 1.0, 1.0, -1.0]


def test_nothing_in_gives_nothing_out():
    outcomes = pipeline().run([], [])
    assert (outcomes.rows, outcomes.rejections, outcomes.tombstones) == ([], [], [])
    assert outcomes.matrix.shape == (0, 5) and outcomes.predictions.outputs.shape == (0, 2)
