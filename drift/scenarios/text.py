"""A scenario as text, for a command line: ``kind:key=value,key=value``.

    shift:feature=temp,at=5000,size=1.5
    shift:feature=temp,size=1,at=5000,until=6000,every=2000,times=3
    season:feature=load,size=0.5,period=1d,at=0,incremental=10000

The keys are the fields of the change and of `Pattern`. Spans of time are whole numbers with `ms`, `s`, `m`, `h` or `d`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import FieldInfo, fields

from drift.scenarios.joint import Dependence
from drift.scenarios.labels import LabelDelay
from drift.scenarios.numbers import Constant, Factor, Season, Shift
from drift.scenarios.pattern import Pattern
from drift.scenarios.rates import Nulls, Share, Unseen
from drift.scenarios.rows import ScenarioError
from drift.scenarios.scenario import Scenario
from drift.scenarios.shapes import Bimodal, Tails, Variance

_CHANGES = (
    *(Shift, Factor, Constant, Season),
    *(Variance, Bimodal, Tails),
    *(Share, Unseen, Nulls),
    *(Dependence, LabelDelay),
)
KINDS: Final = {change.kind: change for change in _CHANGES}

_SPANS = {(Season, "period"), (LabelDelay, "by")}
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WHEN = {field.encode_name: field for field in fields(Pattern)}


def parse(text: str) -> Scenario:
    """Read one scenario. Raises ScenarioError, which says where and what would do."""
    kind, colon, rest = text.strip().partition(":")
    if kind not in KINDS:
        raise ScenarioError(f"{text!r}: no kind {kind!r}; {_suggestion(kind, KINDS)}")
    change = KINDS[kind]
    what = {field.encode_name: field for field in fields(change)}
    known = what | _WHEN
    given: dict[str, Any] = {}
    for entry in rest.split(",") if colon and rest else ():
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or not value:
            raise ScenarioError(f"{text!r}: {entry.strip()!r} is not key=value")
        if key not in known:
            raise ScenarioError(f"{text!r}: {kind} has no {key!r}; {_suggestion(key, known)}")
        if key in given:
            raise ScenarioError(f"{text!r}: {key} is given twice")
        given[key] = _span(text, key, value) if (change, key) in _SPANS else _value(text, known[key], value)
    if missing := [name for name, field in known.items() if field.required and name not in given]:
        raise ScenarioError(f"{text!r}: {' and '.join(missing)} must be given, as {_example(what)}")
    try:
        return Scenario(change(**_arguments(what, given)), Pattern(**_arguments(_WHEN, given)))
    except ScenarioError as error:
        raise ScenarioError(f"{text!r}: {error}") from error


def _arguments(known: Mapping[str, FieldInfo], given: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: given[name] for name, field in known.items() if name in given}


def _value(text: str, field: FieldInfo, value: str) -> Any:
    try:
        found = msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError as error:
        wanted = "a whole number" if int in (field.type, *getattr(field.type, "__args__", ())) else "a number"
        raise ScenarioError(f"{text!r}: {field.encode_name}={value} is not {wanted}") from error
    if isinstance(found, float) and not abs(found) < float("inf"):
        raise ScenarioError(f"{text!r}: {field.encode_name}={value} is not a finite number")
    return found


def _span(text: str, key: str, value: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", value)
    if not match:
        raise ScenarioError(f"{text!r}: {key}={value} is no span of time: a whole number and ms, s, m, h or d, as 90s")
    return int(match[1]) * _UNITS[match[2]]


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _example(what: Mapping[str, FieldInfo]) -> str:
    needed = [name for name, field in what.items() if field.required]
    return f"{','.join(f'{name}=…' for name in needed)},at=…"
