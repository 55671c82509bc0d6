"""Which classes of a category are told apart: the commonest of the reference. A name may have thousands."""

from __future__ import annotations

from drift.profile import OTHERS, CategoryReference

MAX_CLASSES = 10
"""Classes watched one by one, the commonest of the reference; the others together."""


def class_groups(reference: CategoryReference) -> list[tuple[str, tuple[int, ...]]]:
    """By label the classes that count as one: each of the commonest, then all others, if any. Labels are unique."""
    common = sorted(range(len(reference.counts)), key=lambda index: (-reference.counts[index], index))
    groups: list[tuple[str, tuple[int, ...]]] = [
        (reference.categories[index], (index,)) for index in sorted(common[:MAX_CLASSES])
    ]
    others = tuple(sorted(common[MAX_CLASSES:]))
    if not others:
        return groups
    label = OTHERS
    while label in reference.categories:
        label = f"({label})"
    return [*groups, (label, others)]
