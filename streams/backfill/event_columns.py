"""Columns of JSON texts to events: the JSON of each row. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat

import msgspec

from streams.backfill.cells import id_texts, to_bytes
from streams.backfill.rows import Rows


def events_of(features: Mapping[str, Sequence[str]], ids: list[str | None], times: Sequence[str] | None) -> Rows:
    """`features`, and `times` where there are some, are JSON texts, one a row."""
    names = ",".join(f"{_quoted(name)}:%s" for name in features)
    time = "" if times is None else '"time":%s,'
    template = f'{{"id":%s,{time}"features":{{{names}}}}}'
    columns = [id_texts(ids), *(() if times is None else (times,)), *features.values()]
    texts = map(str.__mod__, repeat(template), zip(*columns, strict=True))
    return Rows([to_bytes(text) for text in texts], ids)


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode().replace("%", "%%")
