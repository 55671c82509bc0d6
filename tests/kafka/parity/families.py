"""Families of bad rows, and of odd ones: of each it is known what becomes of it before a model is asked."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

from streams.contracts import Reason
from tests.kafka.parity.cells import Cells, Row, cells_of, event_of

VALUE_BYTES, DEPTH, ID_LENGTH = 4_096, 8, 64
"""The limits that rows go beyond."""

Make: TypeAlias = Callable[[Random, int, str], Row]


def bad_cells() -> list[tuple[str, Make]]:
    """Rows of a table that are bad by the value of one cell."""

    def family(reason: Reason | None, column: str, *values: Any) -> tuple[str, Make]:
        def make(rng: Random, number: int, name: str) -> Row:
            cells = cells_of(rng, number) | {column: rng.choice(values)}
            return Row(number, name, event_of(rng, cells), reason, cells)

        return f"{column}: {values!r:.60} is {reason}", make

    not_a_time = ("2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "yesterday", 10**18, "0001-01-01T00:00:00+10:00", "")
    return [
        family(Reason.ID_MISSING, "id", "", None),
        family(Reason.ID_MISSING, "id", 17, True),
        family(Reason.ID_TOO_LONG, "id", "x" * (ID_LENGTH + 1), "é" * ID_LENGTH * 2),
        family(Reason.TIME, "time", *not_a_time),
        family(Reason.TIME, "time", "1767225600000", 1767225600000.5, True),
        family(Reason.TIME_AHEAD, "time", "2999-01-01T00:00:00Z", 32_472_144_000_000),
        family(Reason.FEATURE_RANGE, "amount", -1e-9, 1_000_000.0000001, -5e-324, 1e300, -1),
        family(Reason.FEATURE_TYPE, "amount", "plenty", True, False),
        family(Reason.FEATURE_TYPE, "amount", "41", "1e3", " 7"),
        family(Reason.FEATURE_NULL, "amount", None),
        family(Reason.FEATURE_NULL, "balance", None),
        family(Reason.FEATURE_TYPE, "rate %", "none", True),
        family(Reason.NUMBER, "balance", float("inf"), float("-inf"), 10**400),
        family(Reason.NUMBER, "rate %", float("nan"), float("inf")),
        family(Reason.FEATURE_NULL, "member", None),
        family(Reason.FEATURE_TYPE, "member", "yes", 2, 0.5),
        family(Reason.FEATURE_TYPE, "member", "true", 1, 0, "False"),
        family(Reason.CATEGORY_UNKNOWN, "plan", "Free", "", "gold", "NA", "pro "),
        family(Reason.FEATURE_NULL, "plan", None),
        family(Reason.FEATURE_TYPE, "plan", 1, True),
        family(Reason.FEATURE_TYPE, "city", 0, 2.5),
        family(Reason.ENCODING, "city", "Zürich".encode("latin-1"), b"\xed\xa0\x80", b"\xc0\x80", b"cut \xc3"),
        family(Reason.TOO_LARGE, "city", "x" * VALUE_BYTES, "€" * VALUE_BYTES),
        family(None, "city", "x" * (VALUE_BYTES // 2)),
    ]


def bad_values(*, strict: bool) -> list[tuple[str, Make]]:
    """What is no row of a table."""

    def family(reason: Reason | None, name: str, change: Callable[[Random, Cells, bytes], bytes]) -> tuple[str, Make]:
        def make(rng: Random, number: int, family: str) -> Row:
            cells = cells_of(rng, number)
            return Row(number, family, change(rng, cells, event_of(rng, cells)), reason, None)

        return name, make

    def bytes_of(*values: bytes) -> Callable[[Random, Cells, bytes], bytes]:
        return lambda rng, _cells, _event: rng.choice(values)

    def beside(*texts: bytes) -> Callable[[Random, Cells, bytes], bytes]:
        """An event with one more field, which nobody reads."""
        return lambda rng, _cells, event: b'{"more":' + rng.choice(texts) + b"," + event[1:]

    def number(*texts: str) -> Callable[[Random, Cells, bytes], bytes]:
        """An event with another text in the place of the amount."""
        return lambda rng, cells, _event: _cells_with(rng, cells, rng.choice(texts))

    nested = DEPTH + 1
    return [
        family(Reason.EMPTY, "empty", bytes_of(b"", b" ", b"\t \r")),
        family(Reason.TOO_LARGE, "too large", beside(b'"' + b"x" * VALUE_BYTES + b'"')),
        family(Reason.TOO_LARGE, "too large and no JSON", bytes_of(b"[" * (VALUE_BYTES + 1))),
        family(Reason.ENCODING, "byte order mark", lambda _r, _c, event: b"\xef\xbb\xbf" + event),
        family(Reason.ENCODING, "UTF-16", lambda _r, _c, event: event.decode().encode("utf-16")),
        family(Reason.ENCODING, "not UTF-8 where nobody reads", beside(b'"\xfc"', b'"\xed\xa0\x80"', b'{"\xff":1}')),
        family(Reason.ENCODING, "half a surrogate pair", beside(rb'"\ud800"', rb'["\ude00\ud83d"]', rb'{"\udc00":1}')),
        family(Reason.FRAMED, "framed", lambda _r, _c, event: b"\x00\x00\x00\x00\x07" + event),
        family(Reason.DEPTH, "nested", beside(b"[" * nested + b"]" * nested, b'{"a":' * nested + b"1" + b"}" * nested)),
        family(Reason.DEPTH, "nested and no JSON", bytes_of(b"[" * 100)),
        family(Reason.JSON, "cut short", lambda rng, _c, event: _cut(rng, event)),
        family(
            Reason.JSON, "trailing bytes", lambda rng, _c, event: event + rng.choice([b"x", b"}", b",", b"\x00", event])
        ),
        family(Reason.JSON, "words", bytes_of(b"temperature 21.5", b"'id'", b"{id: 1}", b"e-1,41,true")),
        family(Reason.JSON, "numbers that JSON lacks", number("041", "41.", "+41", ".5", "0x10", "1_000", "undefined")),
        family(Reason.NOT_OBJECT, "an array", lambda _r, _c, event: b"[" + event + b"]"),
        family(Reason.NOT_OBJECT, "a value", bytes_of(b"41", b"null", b"true", b'"text"', b"[]", b"-0.5e3")),
        family(Reason.NUMBER, "no float", number("NaN", "Infinity", "-Infinity", "1e999", "9" * 400)),
        family(Reason.NUMBER, "no float where nobody reads", beside(b"[NaN]", b"-Infinity")),
        family(Reason.ID_MISSING, "no id", lambda rng, cells, _e: event_of(rng, cells, drop="id")),
        family(
            Reason.ID_MISSING,
            "an id that is no text",
            lambda rng, cells, _e: event_of(rng, cells | {"id": rng.choice([["a"], {}])}),
        ),
        family(Reason.ID_MISSING, "an empty object", bytes_of(b"{}", b"{ }")),
        family(
            Reason.TIME,
            "a time that is no scalar",
            lambda rng, cells, _e: event_of(rng, cells | {"time": rng.choice([{}, [1]])}),
        ),
        family(Reason.FEATURE_MISSING, "no features", bytes_of(b'{"id":"x"}', b'{"id":"x","time":null}')),
        family(
            Reason.FEATURE_MISSING,
            "a feature is missing",
            lambda rng, cells, _e: event_of(
                rng, cells, drop=rng.choice(["amount", "rate %", "member", "plan", "city"])
            ),
        ),
        family(
            Reason.FEATURE_TYPE,
            "features are no object",
            bytes_of(b'{"id":"x","features":[1,2]}', b'{"id":"x","features":null}'),
        ),
        family(
            Reason.FEATURE_TYPE,
            "a feature that is no scalar",
            lambda rng, cells, _e: event_of(
                rng, cells | {rng.choice(["amount", "member", "city"]): rng.choice([[1], {"a": 1}])}
            ),
        ),
        family(
            Reason.FEATURE_UNKNOWN if strict else None,
            "unknown features",
            lambda rng, cells, _e: event_of(
                rng, cells, more={rng.choice(["Amount", "id", "x y", ""]): rng.choice([1, None, "a", [{}]])}
            ),
        ),
        family(
            Reason.DUPLICATE_KEY if strict else None,
            "a key twice",
            lambda rng, _c, event: event[:-1] + rng.choice([b',"id":"again"}', b',"more":{"a":1,"a":2}}']),
        ),
        family(None, "over several lines", lambda _r, _c, event: b"{\r\n " + event[1:-1] + b"\n}"),
        family(None, "fields that nobody reads", beside(b"1", b"[[[]]]", b'"]]]}}}"', b'{"features":{}}', b"null")),
        family(
            Reason.DUPLICATE_KEY if strict else Reason.FEATURE_MISSING,
            "features twice, the last ones empty",
            lambda _r, _c, event: event[:-1] + b',"features":{}}',
        ),
    ]


def _cut(rng: Random, event: bytes) -> bytes:
    """Somewhere, but in no character."""
    text = event.decode()
    return text[: rng.randrange(1, len(text))].encode()


def _cells_with(rng: Random, cells: Cells, text: str) -> bytes:
    """An event with a JSON text that Python would not write as its amount."""
    return event_of(rng, cells | {"amount": "\x00here"}).replace(b'"\\u0000here"', text.encode())
