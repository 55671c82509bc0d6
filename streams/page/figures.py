"""Wire record of topic `figures`: what one process tells of itself every few seconds, for the page of every worker.

Counts are totals since the process began, so that a record that is lost costs resolution and nothing else.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

EVERY_MS = 2_000
MOST_BYTES = 65_536
MOST = 24
"""Entries that one table of a record tells, the largest first."""
OTHERS = "(others)"
MOST_MODELS = 64
LONGEST = 256
"""Letters of a name."""

Word: TypeAlias = Annotated[str, msgspec.Meta(max_length=256)]
Total: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Level: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Totals: TypeAlias = Annotated[dict[Word, Total], msgspec.Meta(max_length=256)]
Levels: TypeAlias = Annotated[dict[Word, Level], msgspec.Meta(max_length=64)]
Buckets: TypeAlias = Annotated[tuple[Total, ...], msgspec.Meta(max_length=64)]
Words: TypeAlias = Annotated[dict[Word, Word], msgspec.Meta(max_length=64)]


class Figures(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process. `process` is new at each start; `slot` is not. `uptime_ms` is by a clock that nobody sets.

    `latency` and `scores` are counts by bucket, of metrics `weir_end_to_end_seconds` and `weir_prediction_score` (of a
    model). `rungs`: by model, the shares of the last minute's answers that others than it gave. `distance`: by
    ``model/signal``, how far the last blocks are from the reference; 1 is the smallest change worth an alert.
    """

    process: Word
    slot: Word
    host: Word
    uptime_ms: Total
    roles: Annotated[tuple[Word, ...], msgspec.Meta(max_length=16)] = ()
    live: bool = False
    ready: bool = False
    why: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    leaving: bool = False
    models: Words = {}
    spared: Annotated[tuple[Word, ...], msgspec.Meta(max_length=64)] = ()
    rungs: Annotated[dict[Word, Levels], msgspec.Meta(max_length=64)] = {}
    answers: Annotated[dict[Word, Totals], msgspec.Meta(max_length=64)] = {}
    dead_letters: Annotated[dict[Word, Totals], msgspec.Meta(max_length=64)] = {}
    classes: Annotated[dict[Word, Totals], msgspec.Meta(max_length=64)] = {}
    scores: Annotated[dict[Word, Buckets], msgspec.Meta(max_length=64)] = {}
    latency: Buckets = ()
    lag: Annotated[dict[Word, Totals], msgspec.Meta(max_length=64)] = {}
    busy: Levels = {}
    requests: Totals = {}
    distance: Levels = {}


_decode = msgspec.json.Decoder(Figures).decode


def encode_figures(figures: Figures) -> bytes:
    return msgspec.json.encode(figures)


GIVEN_UP_FIRST = ("classes", "scores", "distance", "dead_letters", "rungs", "lag")


def readable(figures: Figures) -> tuple[Figures, tuple[str, ...]]:
    """What every reader takes, and the names of the tables that had to be left out for it: better a worker of which
    something is not told than one that is not seen."""
    left_out: list[str] = []
    while decode_figures(encode_figures(figures)) is None and len(left_out) < len(GIVEN_UP_FIRST):
        name = GIVEN_UP_FIRST[len(left_out)]
        left_out.append(name)
        figures = msgspec.structs.replace(figures, **{name: {}})
    return figures, tuple(left_out)


def decode_figures(value: bytes | None) -> Figures | None:
    """None for what is no such record: a tombstone, too large, or another's format."""
    if value is None or len(value) > MOST_BYTES:
        return None
    try:
        return _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def largest(table: dict[str, int], most: int = MOST) -> dict[str, int]:
    """The largest entries as they are, what is left as one."""
    if len(table) <= most:
        return table
    ranked = sorted(table.items(), key=lambda entry: (-entry[1], entry[0]))
    return dict(ranked[: most - 1]) | {OTHERS: sum(count for _, count in ranked[most - 1 :])}
