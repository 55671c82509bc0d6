"""What became of a schema, in words, and whether somebody who keeps to the old one is hurt by it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from streams.contract_diff.gap import Gap, Kind
from streams.contract_diff.gaps import Gaps
from streams.contract_diff.shapes import Document, Schema

Direction: TypeAlias = Literal["in", "out"]


class Change(msgspec.Struct, frozen=True):
    """`contract`: the file, channel or path; `field`: within it, with dots; `was` and `now` are for people."""

    contract: str
    field: str
    what: str
    was: str
    now: str
    breaking: bool


_NARROWED: dict[Kind, str] = {
    "missing": "removed",
    "refused": "removed",
    "demanded": "required",
    "unpromised": "added",
    "type": "type narrowed",
    "values": "values removed",
    "bounds": "bounds narrowed",
    "closed": "closed",
    "other": "changed",
}
_WIDENED: dict[Kind, str] = {
    "missing": "added",
    "refused": "added",
    "demanded": "no longer required",
    "unpromised": "removed",
    "type": "type widened",
    "values": "values added",
    "bounds": "bounds widened",
    "closed": "opened",
    "other": "changed",
}


def schema_changes(
    contract: str,
    old: tuple[Document, Schema],
    new: tuple[Document, Schema],
    directions: Sequence[Direction],
) -> list[Change]:
    """Breaking: of what comes `in`, something that was taken is not any more; of what goes `out`, something comes that
    was not announced, or does not come that was. Raises ValueError for a reference that leads nowhere."""
    narrowed = Gaps(old[0], new[0]).between(old[1], new[1])
    widened = Gaps(new[0], old[0]).between(new[1], old[1])
    changes = [_change(contract, gap, _NARROWED, _is_breaking(gap, "in", directions)) for gap in narrowed]
    changes += [_change(contract, gap, _WIDENED, _is_breaking(gap, "out", directions)) for gap in widened]
    return _renamed(_once(changes))


def _is_breaking(gap: Gap, of: Direction, directions: Sequence[Direction]) -> bool:
    if gap.kind in {"missing", "unpromised"}:
        # Only one of the two has the field. One that is gone hurts whoever wrote or read it, a new one nobody.
        return (gap.kind == "missing") == (of == "in")
    return of in directions


def _change(contract: str, gap: Gap, words: dict[Kind, str], breaking: bool) -> Change:  # noqa: FBT001
    narrowed = words is _NARROWED
    was, now = (gap.wide, gap.narrow) if narrowed else (gap.narrow, gap.wide)
    what = words[gap.kind]
    if gap.kind == "demanded" and not gap.wide:
        what = "added, required" if narrowed else "removed"
    return Change(contract, ".".join(gap.path), what, was, now, breaking)


def _once(changes: list[Change]) -> list[Change]:
    """Each of a field once; where both ways tell of it, what is worse."""
    found: dict[tuple[str, str], Change] = {}
    for change in changes:
        what = "added" if change.what == "added, required" else change.what
        key = (change.field, what)
        if key not in found or change.breaking > found[key].breaking:
            found[key] = change
    return list(found.values())


def _renamed(changes: list[Change]) -> list[Change]:
    """One field gone and one new beside it, of the same type: most likely it has another name."""
    found = list(changes)
    for parent in {_parent(change.field) for change in changes}:
        gone = [each for each in found if each.what == "removed" and _parent(each.field) == parent]
        new = [each for each in found if each.what.startswith("added") and _parent(each.field) == parent]
        if len(gone) == len(new) == 1 and gone[0].was == new[0].now:
            found = [each for each in found if each not in (gone[0], new[0])]
            one = msgspec.structs.replace(gone[0], what="renamed", was=gone[0].field, now=new[0].field, breaking=True)
            found.append(one)
    return sorted(found, key=lambda each: (not each.breaking, each.field, each.what))


def _parent(field: str) -> str:
    return field.rpartition(".")[0]
