"""XML by function calls, so that every text is escaped and every element closed."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from streams.telemetry.escape import printable


def element(name: str, /, *children: str, **attributes: str | float) -> str:
    """One element; `children` are markup. ``class_`` is written ``class``, ``text_anchor`` ``text-anchor``."""
    pairs = (f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    inside = "".join(children)
    opened = f"<{name}{''.join(pairs)}"
    return f"{opened}>{inside}</{name}>" if inside else f"{opened}/>"


def html_document(title: str, style: str, body: Iterable[str]) -> str:
    """A page of its own, whose body has the class ``weir``: `body` is markup, and nothing is fetched."""
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", words(title)),
        element("style", style),
    ]
    page = element("html", element("head", *head), element("body", *body, class_="weir"), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def words(text: str) -> str:
    """Text as markup."""
    return escape(printable(text), quote=False)


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _value(value: str | float) -> str:
    return escape(printable(value, limit=len(value))) if isinstance(value, str) else f"{round(value, 2):g}"
