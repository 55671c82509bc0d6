"""One printable, bounded line out of any text, for headers and logs."""

from __future__ import annotations

LONGEST = 240


def one_line(text: str) -> str:
    """`text` with every control, separator or other unprintable character escaped, cut to `LONGEST` characters."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 3]}..."
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
