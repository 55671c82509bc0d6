"""Traces that stand for what a histogram counted: ids out of the header `traceparent`.

Of senders' choosing, so taken only where they are what W3C Trace Context says; and only of traces that are sampled,
since there is nothing to look at of others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from numpy.typing import NDArray

from streams.contracts import HEADER_TRACEPARENT
from streams.records import Headers

MOST_LOOKED_AT = 256
"""Records with headers of one batch: the oldest, which have waited longest."""

# version - trace id - parent id - flags, of which the last bit says: sampled. Later versions may go on after a dash.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f][13579bdf](?:\Z|-)")


class Traced(NamedTuple):
    """A value that was counted, and the trace that it came of."""

    value: float
    trace_id: str


def trace_of(traceparent: str | bytes | None) -> str | None:
    """The trace id, 32 hexadecimal digits; None where it is no sampled trace."""
    if not traceparent:
        return None
    text = traceparent if isinstance(traceparent, str) else traceparent[:64].decode("latin-1")
    found = _TRACEPARENT.match(text)
    return found[1] if found else None


def traced(headers: Sequence[Headers | None], values: NDArray[Any]) -> list[Traced]:
    """Records of a batch that belong to a trace, with their values."""
    if not any(headers):
        return []
    found = []
    for row in islice((row for row, own in enumerate(headers) if own), MOST_LOOKED_AT):
        value = next((value for name, value in headers[row] or () if name == HEADER_TRACEPARENT), None)
        trace_id = trace_of(value)
        if trace_id is not None:
            found.append(Traced(float(values[row]), trace_id))
    return found
