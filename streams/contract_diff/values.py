"""Where a shape admits single values that another one does not: words, numbers, lengths. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from streams.contract_diff.gap import Gap, text_of
from streams.contract_diff.shapes import Shape

_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def gaps_of_values(wide: Shape, narrow: Shape, path: tuple[str, ...]) -> Iterator[Gap]:
    if "enum" not in narrow:
        return
    values = {text_of(value) for value in narrow["enum"]}
    if wide.get("type") == "boolean" or wide.get("type") == "null":
        every = {"true", "false"} if wide["type"] == "boolean" else {"null"}
        own = {text_of(value) for value in wide["enum"]} if "enum" in wide else every
    elif "enum" in wide:
        own = {text_of(value) for value in wide["enum"]}
    else:
        yield Gap("values", path, "any", _listed(values))
        return
    if more := own - values:
        yield Gap("values", path, _listed(more), _listed(values))


def gaps_of_bounds(wide: Shape, narrow: Shape, path: tuple[str, ...]) -> Iterator[Gap]:
    for words, is_tighter in ((_LEAST, _above), (_MOST, _below)):
        for word in words:
            if word in narrow and _concerns(word, wide) and (word not in wide or is_tighter(narrow[word], wide[word])):
                yield Gap("bounds", path, f"{word} {text_of(wide.get(word))}", f"{word} {text_of(narrow[word])}")
    for word in ("pattern", "format"):
        if word in narrow and _concerns(word, wide) and narrow[word] != wide.get(word):
            yield Gap("bounds", path, f"{word} {text_of(wide.get(word))}", f"{word} {text_of(narrow[word])}")


def _concerns(word: str, shape: Shape) -> bool:
    """Whether a word says something of values of the shape's type."""
    kind = shape.get("type")
    if word in {"minLength", "maxLength", "pattern", "format"}:
        return kind in {None, "string"}
    if word.endswith("Items"):
        return kind in {None, "array"}
    if word.endswith("Properties"):
        return kind in {None, "object"}
    return kind in {None, "integer", "number"}


def _above(one: float, other: float) -> bool:
    return one > other


def _below(one: float, other: float) -> bool:
    return one < other


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values))
