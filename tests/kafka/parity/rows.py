"""Ten thousand rows from a seed, good and bad, as events and, where they are such, as cells of a table.

A family knows what becomes of its rows before a model is asked. Mutants, good rows with a few bytes changed, know
nothing: the doors must only say the same of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, NamedTuple, TypeAlias

from streams.contracts import Reason
from tests.kafka.parity.models import AMOUNT, CITIES, PLANS

VALUE_BYTES, DEPTH, ID_LENGTH = 4_096, 8, 64
"""The limits that rows go beyond."""

SAID_BY_NOBODY = "mutant"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 300
_FAR = 1e308

Cells: TypeAlias = dict[str, Any]
"""A flat row: `id`, `time` where there is one, and every feature. A text that is not UTF-8 is bytes."""


class Row(NamedTuple):
    """`value` are the bytes of the event. `reason`: why it is rejected before a model is asked; None, it is not, or
    (`family` is SAID_BY_NOBODY) nobody knows. `cells`: None where it is no row of a table."""

    number: int
    family: str
    value: bytes
    reason: Reason | None
    cells: Cells | None


def rows(count: int, seed: int, *, strict: bool) -> list[Row]:
    """`strict`: unknown features and repeated keys are refused. Half are good, the rest are of all families in turn."""
    rng = Random(seed)
    families = [*_bad_cells(), *_bad_values(strict=strict)]
    found: list[Row] = []
    for number in range(count):
        kind = rng.random()
        if kind < 0.55 or not found:
            found.append(_good(rng, number, found))
        elif kind < 0.65:
            found.append(Row(number, SAID_BY_NOBODY, _mutated(rng, _event(rng, _cells(rng, number))), None, None))
        else:
            name, make = families[number % len(families)]
            found.append(make(rng, number, name))
    return found


def _good(rng: Random, number: int, before: list[Row]) -> Row:
    cells = _cells(rng, number)
    family = "good"
    if rng.random() < 0.03:
        family = "the id of an earlier one"
        cells["id"] = f"r{rng.randrange(number + 1)}"
    elif rng.random() < 0.02 and before[-1].reason is None and before[-1].family != SAID_BY_NOBODY:
        family = "the same bytes as the one before"
        return Row(number, family, before[-1].value, None, before[-1].cells)
    elif rng.random() < 0.01:
        family = "beyond what float32 holds"
        cells["balance"] = rng.choice([_FAR, -_FAR, 1e39, -3.5e38])
    return Row(number, family, _event(rng, cells), None, cells)


def _cells(rng: Random, number: int) -> Cells:
    """Of a good row, without numbers that a model stumbles over."""
    cells: Cells = {"id": f"r{number}" if rng.random() < 0.9 else f"ряд „{number}“\t🙂"}
    if rng.random() < 0.9:
        cells["time"] = _time(rng)
    elif rng.random() < 0.5:
        cells["time"] = None
    return cells | {
        "amount": _amount(rng),
        "balance": _balance(rng),
        "rate %": None if rng.random() < 0.2 else rng.choice([0.0, rng.gauss(0, 1), rng.gauss(0, 1) * 1e-300, 3]),
        "member": rng.random() < 0.5,
        "plan": rng.choice(PLANS),
        "city": rng.choice([*CITIES, *CITIES, None, rng.choice(_UNSEEN)]),
    }


_UNSEEN = (
    "",
    " ",
    "NA",
    "null",
    "bergen",
    'a "quoted" one',
    "two\nlines",
    "=1+1",
    "100%",
    "%s",
    "日本",
    "\u2028",
    "é" * 200,
)


def _amount(rng: Random) -> float | int:
    low, high = AMOUNT
    return rng.choice(
        [
            rng.uniform(low, high),
            rng.uniform(low, high),
            low,
            high,
            -0.0,
            5e-324,
            1e-310,
            rng.randint(0, 1_000_000),
            1 / 3,
        ]
    )


def _balance(rng: Random) -> float | int:
    kind = rng.random()
    if kind < 0.7:
        return round(rng.gauss(200, 120), rng.choice([0, 2, 15]))
    if kind < 0.85:
        return rng.uniform(-1, 1) * 10.0 ** rng.randint(-320, 30)
    return rng.choice([2**53 + 1, 10**30, -(10**18) - 1, 123456789.123456789, 0.1 + 0.2, 1e22, -1.0])


def _time(rng: Random) -> str | int:
    moment = _START + timedelta(days=rng.random() * _DAYS)
    if rng.random() < 0.4:
        return int(moment.timestamp() * 1000)
    zone = timezone(timedelta(minutes=rng.choice([0, 60, -210, 840])))
    text = moment.astimezone(zone).isoformat(timespec=rng.choice(["seconds", "milliseconds", "microseconds"]))
    return text.replace("+00:00", rng.choice(["Z", "z", "+00:00"]))


def _event(rng: Random, cells: Mapping[str, Any], *, more: Mapping[str, Any] | None = None, drop: str = "") -> bytes:
    """The cells as an event, its keys in any order and with or without white space. `more` features, one `drop`ped."""
    features = [(name, value) for name, value in cells.items() if name not in ("id", "time", drop)]
    features += (more or {}).items()
    rng.shuffle(features)
    fields = [(name, cells[name]) for name in ("id", "time") if name in cells and name != drop]
    fields.insert(rng.randrange(len(fields) + 1), ("features", dict(features)))
    separators = rng.choice([(",", ":"), (", ", ": "), (" ,\t", " :  ")])
    as_ascii = rng.random() < 0.5
    parts = {
        name: json.dumps(value, ensure_ascii=as_ascii, separators=separators, default=_kept) for name, value in fields
    }
    text = "{" + separators[0].join(f'"{name}"{separators[1]}{part}' for name, part in parts.items()) + "}"
    return _restored(text)


def _kept(value: object) -> str:
    """Bytes that no text can hold, in hex between two of a character that no row has otherwise."""
    assert isinstance(value, bytes)
    return f"@{value.hex()}@"


def _restored(text: str) -> bytes:
    parts = text.split("@")
    return b"".join(bytes.fromhex(part) if index % 2 else part.encode() for index, part in enumerate(parts))


Make: TypeAlias = Callable[[Random, int, str], Row]


def _bad_cells() -> list[tuple[str, Make]]:
    """Rows of a table that are bad by the value of one cell."""

    def family(reason: Reason | None, column: str, *values: Any) -> tuple[str, Make]:
        def make(rng: Random, number: int, name: str) -> Row:
            cells = _cells(rng, number) | {column: rng.choice(values)}
            return Row(number, name, _event(rng, cells), reason, cells)

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


def _bad_values(*, strict: bool) -> list[tuple[str, Make]]:
    """What is no row of a table."""

    def family(reason: Reason | None, name: str, change: Callable[[Random, Cells, bytes], bytes]) -> tuple[str, Make]:
        def make(rng: Random, number: int, family: str) -> Row:
            cells = _cells(rng, number)
            return Row(number, family, change(rng, cells, _event(rng, cells)), reason, None)

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
        family(Reason.ID_MISSING, "no id", lambda rng, cells, _e: _event(rng, cells, drop="id")),
        family(
            Reason.ID_MISSING,
            "an id that is no text",
            lambda rng, cells, _e: _event(rng, cells | {"id": rng.choice([["a"], {}])}),
        ),
        family(Reason.ID_MISSING, "an empty object", bytes_of(b"{}", b"{ }")),
        family(
            Reason.TIME,
            "a time that is no scalar",
            lambda rng, cells, _e: _event(rng, cells | {"time": rng.choice([{}, [1]])}),
        ),
        family(Reason.FEATURE_MISSING, "no features", bytes_of(b'{"id":"x"}', b'{"id":"x","time":null}')),
        family(
            Reason.FEATURE_MISSING,
            "a feature is missing",
            lambda rng, cells, _e: _event(rng, cells, drop=rng.choice(["amount", "rate %", "member", "plan", "city"])),
        ),
        family(
            Reason.FEATURE_TYPE,
            "features are no object",
            bytes_of(b'{"id":"x","features":[1,2]}', b'{"id":"x","features":null}'),
        ),
        family(
            Reason.FEATURE_TYPE,
            "a feature that is no scalar",
            lambda rng, cells, _e: _event(
                rng, cells | {rng.choice(["amount", "member", "city"]): rng.choice([[1], {"a": 1}])}
            ),
        ),
        family(
            Reason.FEATURE_UNKNOWN if strict else None,
            "unknown features",
            lambda rng, cells, _e: _event(
                rng, cells, more={rng.choice(["Amount", "id", "x y", ""]): rng.choice([1, None, "a", [{}]])}
            ),
        ),
        family(
            Reason.DUPLICATE_KEY if strict else None,
            "a key twice",
            lambda rng, _c, event: event[:-1] + rng.choice([b',"id":"again"}', b',"more":{"a":1,"a":2}}']),
        ),
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
    return _event(rng, cells | {"amount": "\x00here"}).replace(b'"\\u0000here"', text.encode())


def _mutated(rng: Random, event: bytes) -> bytes:
    """With up to three bytes changed, taken out, doubled or put in."""
    value = bytearray(event)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                value[at] = rng.choice(b'{}[]":,0123456789eE+-.tfnNIuax\\ \x00\x7f\xc3\xff')
            case 1:
                del value[at]
            case 2:
                value[at:at] = value[at : at + rng.randint(1, 8)]
            case 3:
                value[at:at] = bytes([rng.randrange(256)])
    return bytes(value)
