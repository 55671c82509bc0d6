"""Good rows by their cells, and the events that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, NamedTuple, TypeAlias

from streams.contracts import Reason
from tests.kafka.parity.models import AMOUNT, CITIES, PLANS

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 300

Cells: TypeAlias = dict[str, Any]
"""A flat row: `id`, `time` where there is one, and every feature. A text that is not UTF-8 is bytes."""


MUTANT = "mutant"


class Row(NamedTuple):
    """`value` are the bytes of the event. `reason`: why it is rejected before a model is asked; None, it is not, or
    (`family` is MUTANT) nobody knows. `cells`: None where it is no row of a table."""

    number: int
    family: str
    value: bytes
    reason: Reason | None
    cells: Cells | None


def cells_of(rng: Random, number: int) -> Cells:
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


def event_of(rng: Random, cells: Mapping[str, Any], *, more: Mapping[str, Any] | None = None, drop: str = "") -> bytes:
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
