"""Text from outside, made safe to print."""

from __future__ import annotations

MAX_LENGTH = 2_000


def printable(text: str, *, limit: int = MAX_LENGTH, keep: str = "") -> str:
    """The text with everything that a terminal might obey or hide (controls, bidi marks, surrogates, odd spaces)
    written as an escape, except for the characters in `keep`; cut after `limit` characters."""
    rest = len(text) - limit
    if rest > 0:
        text = text[:limit]
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)
    return f"{text}… ({rest} more characters)" if rest > 0 else text
