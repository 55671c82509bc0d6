"""Where a schema admits a value that another one does not. Pure.

What it cannot decide it takes for a gap: that two schemas have none is to be relied on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from streams.contract_diff.gap import Gap, text_of
from streams.contract_diff.joining import ALSO
from streams.contract_diff.shapes import TYPES, Document, Schema, Shape
from streams.contract_diff.values import gaps_of_bounds, gaps_of_values

_OTHER = (
    "not", "if", "then", "else", "patternProperties", "propertyNames", "contains", "dependentRequired",
    "dependentSchemas", "unevaluatedProperties", "multipleOf", "uniqueItems", "additionalItems", ALSO,
)  # fmt: skip


class Gaps:
    """Of one document against another: `wide` may admit more than `narrow`."""

    def __init__(self, wide: Document, narrow: Document) -> None:
        self._wide, self._narrow = wide, narrow
        self._under_way: set[str] = set()

    def between(self, wide: Schema, narrow: Schema, path: tuple[str, ...] = ()) -> list[Gap]:
        """Empty: every value that fits `wide` fits `narrow`. Raises ValueError for a reference that leads nowhere."""
        pair = json.dumps((wide, narrow), sort_keys=True)
        if pair in self._under_way:
            return []  # a schema of itself: looked at further out
        self._under_way.add(pair)
        try:
            others = self._narrow.shapes(narrow)
            return [gap for shape in self._wide.shapes(wide) for gap in self._uncovered(shape, others, path)]
        finally:
            self._under_way.remove(pair)

    def _uncovered(self, shape: Shape, others: list[Shape], path: tuple[str, ...]) -> list[Gap]:
        """The fewest gaps to any of the others."""
        if "type" not in shape and all("type" in other for other in others):
            # Any value: each type has to find a place.
            return [
                gap
                for kind in TYPES
                if kind != "integer"
                for gap in self._uncovered({**shape, "type": kind}, others, path)
            ]
        found: list[Gap] | None = None
        for other in others:
            if _admits(other.get("type"), shape.get("type")):
                gaps = list(self._of_shapes(shape, other, path))
                if found is None or len(gaps) < len(found):
                    found = gaps
        if found is None:
            return [Gap("type", path, _types([shape]), _types(others))]
        return found

    def _of_shapes(self, wide: Shape, narrow: Shape, path: tuple[str, ...]) -> Iterator[Gap]:
        yield from gaps_of_values(wide, narrow, path)
        if "enum" not in wide:
            yield from gaps_of_bounds(wide, narrow, path)
        kind = wide.get("type")
        if kind in {None, "object"}:
            yield from self._of_objects(wide, narrow, path)
        if kind in {None, "array"}:
            yield from self._of_arrays(wide, narrow, path)
        for word in _OTHER:
            if word in narrow and narrow[word] != wide.get(word):
                yield Gap("other", path, f"{word} {text_of(wide.get(word))}", f"{word} {text_of(narrow[word])}")

    def _of_objects(self, wide: Shape, narrow: Shape, path: tuple[str, ...]) -> Iterator[Gap]:
        own, others = wide.get("properties", {}), narrow.get("properties", {})
        rest, others_rest = (schema.get("additionalProperties", True) for schema in (wide, narrow))
        for name, schema in own.items():
            if name in others:
                yield from self.between(schema, others[name], (*path, name))
            elif others_rest is False:
                if self._wide.shapes(schema):
                    yield Gap("refused", (*path, name), self._kinds(self._wide, schema), "")
            else:
                yield Gap("missing", (*path, name), self._kinds(self._wide, schema), "")
                if others_rest is not True:
                    yield from self.between(schema, others_rest, (*path, name))
        wanted, promised = set(narrow.get("required", ())), set(wide.get("required", ()))
        for name in sorted(wanted - promised):
            there = self._kinds(self._wide, own[name]) if name in own else ""
            yield Gap("demanded", (*path, name), there, self._kinds(self._narrow, others.get(name, True)))
        for name, schema in others.items():
            if name not in own:
                if name not in wanted - promised:
                    yield Gap("unpromised", (*path, name), "", self._kinds(self._narrow, schema))
                if isinstance(rest, Mapping):
                    yield from self.between(rest, schema, (*path, name))
        if rest is not False:
            if others_rest is False:
                yield Gap("closed", path, "any other field", "no other field")
            elif others_rest is not True:
                yield from self.between(rest, others_rest, (*path, "{}"))

    def _of_arrays(self, wide: Shape, narrow: Shape, path: tuple[str, ...]) -> Iterator[Gap]:
        firsts, others = wide.get("prefixItems", []), narrow.get("prefixItems", [])
        rest, others_rest = wide.get("items", True), narrow.get("items", True)
        for place in range(max(len(firsts), len(others))):
            own = firsts[place] if place < len(firsts) else rest
            other = others[place] if place < len(others) else others_rest
            yield from self.between(own, other, (*path, f"[{place}]"))
        most = wide.get("maxItems")
        if most is None or most > max(len(firsts), len(others)):
            yield from self.between(rest, others_rest, (*path, "[]"))

    @staticmethod
    def _kinds(document: Document, schema: Schema) -> str:
        return _types(document.shapes(schema))


def _admits(other: str | None, own: str | None) -> bool:
    return other is None or other == own or (other == "number" and own == "integer")


def _types(shapes: list[Shape]) -> str:
    return " or ".join(dict.fromkeys(str(shape.get("type", "anything")) for shape in shapes)) or "nothing"
