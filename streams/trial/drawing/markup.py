"""XML by function calls, so that every text is escaped and every element closed."""

from __future__ import annotations

from html import escape

from streams.telemetry.escape import printable


def element(name: str, /, *children: str, **attributes: str | float) -> str:
    """One element; `children` are markup. ``class_`` is written ``class``, ``text_anchor`` ``text-anchor``."""
    pairs = (f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    inside = "".join(children)
    opened = f"<{name}{''.join(pairs)}"
    return f"{opened}>{inside}</{name}>" if inside else f"{opened}/>"


def words(text: str) -> str:
    """Text as markup."""
    return escape(printable(text), quote=False)


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _value(value: str | float) -> str:
    return escape(printable(value, limit=len(value))) if isinstance(value, str) else f"{round(value, 2):g}"
