"""The Markdown of this repository, taken apart: tables, fenced blocks, inline code, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: Path
    language: str
    text: str


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every fenced block in one of the languages, in all pages."""
    found = [Block(page, *match) for page in PAGES for match in _FENCE.findall(page.read_text("utf-8"))]
    return [block for block in found if block.language in languages]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


def tables(text: str) -> list[list[dict[str, str]]]:
    """Every table, a dict a row under its headings; backticks stay."""
    found = []
    for lines in re.findall(r"(?:^\|.*\|\n)+", prose(text), re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
        found.append([dict(zip(rows[0], row, strict=True)) for row in rows[2:]])
    return found


def table(name: str, *headings: str) -> list[dict[str, str]]:
    """The rows of all tables of a page that begin with these headings."""
    return [row for rows in tables(read(name)) for row in rows if tuple(row)[: len(headings)] == headings]


def plain(cell: str) -> str:
    """A cell that is one piece of code."""
    assert cell.startswith("`"), cell
    return cell.strip("`")


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
