"""What a rule is made of: terms that know their sort, and give a value and whether there is one for each row. Pure.

A row has no value where Python would raise: a null that was not tested for, a division by zero. As in Python, `and`,
`or` and `… if … else …` do not look at what they do not need.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.coding import UNSEEN_TEXT
from models.prediction import FloatMatrix
from models.schema import Feature, Kind, UnseenPolicy

Possible: TypeAlias = frozenset[str | float | bool]


class Sort(StrEnum):
    """What a term gives."""

    NUMBER = "number"
    TRUTH = "truth value"
    TEXT = "text"


class Column(NamedTuple):
    """n values, and where they are one; elsewhere they mean nothing."""

    values: NDArray[Any]
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Term:
    """`possible`: every value that there can be, where that is a closed set."""

    sort: Sort
    possible: Possible | None
    column: Callable[[FloatMatrix], Column]


ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
}
ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
}
EQUALITY: Mapping[str, Callable[[Any, Any], Any]] = {"Eq": operator.eq, "NotEq": operator.ne}
_DTYPES: Mapping[Sort, type] = {Sort.NUMBER: np.float64, Sort.TRUTH: np.bool_, Sort.TEXT: object}


def constant(sort: Sort, value: str | float | bool) -> Term:  # noqa: FBT001  # a truth value is a constant too
    def column(matrix: FloatMatrix) -> Column:
        return Column(np.full(len(matrix), value, dtype=_DTYPES[sort]), np.ones(len(matrix), dtype=np.bool_))

    return Term(sort, frozenset((value,)), column)


def feature_term(feature: Feature, place: int) -> Term:
    """A column of the matrix; a category by its text."""
    if feature.kind is Kind.NUMBER:
        return Term(Sort.NUMBER, None, lambda matrix: Column(matrix[:, place], ~np.isnan(matrix[:, place])))
    if feature.kind is Kind.BOOLEAN:
        return Term(
            Sort.TRUTH,
            frozenset((True, False)),
            lambda matrix: Column(matrix[:, place] == 1.0, ~np.isnan(matrix[:, place])),
        )
    texts = np.array([*feature.categories, UNSEEN_TEXT], dtype=object)  # UNSEEN is -1: the last

    def column(matrix: FloatMatrix) -> Column:
        codes = matrix[:, place]
        known = ~np.isnan(codes)
        return Column(texts[np.where(known, codes, 0).astype(np.intp)], known)

    unseen = (UNSEEN_TEXT,) if feature.unseen is UnseenPolicy.ACCEPT else ()
    return Term(Sort.TEXT, frozenset((*feature.categories, *unseen)), column)


def null_test(place: int, *, is_null: bool) -> Term:
    def column(matrix: FloatMatrix) -> Column:
        return Column(np.isnan(matrix[:, place]) == is_null, np.ones(len(matrix), dtype=np.bool_))

    return Term(Sort.TRUTH, frozenset((True, False)), column)


def combined(sort: Sort, operation: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
    """An operation that needs both sides."""

    def column(matrix: FloatMatrix) -> Column:
        a, b = left.column(matrix), right.column(matrix)
        known = a.known & b.known
        if operation is operator.truediv:
            known = known & (b.values != 0)
        return Column(np.asarray(operation(a.values, b.values), dtype=_DTYPES[sort]), known)

    return Term(sort, frozenset((True, False)) if sort is Sort.TRUTH else None, column)


def negated(term: Term) -> Term:
    """`-x` of a number, `not x` of a truth value."""
    change = np.negative if term.sort is Sort.NUMBER else np.logical_not

    def column(matrix: FloatMatrix) -> Column:
        values, known = term.column(matrix)
        return Column(change(values), known)

    possible = None if term.possible is None else frozenset(change(value).item() for value in term.possible)
    return Term(term.sort, possible, column)


def junction(first: Term, second: Term, *, needs_second_if: bool) -> Term:
    """`and` looks at the second side where the first is true, `or` where it is false."""

    def column(matrix: FloatMatrix) -> Column:
        a, b = first.column(matrix), second.column(matrix)
        goes_on = a.values == needs_second_if
        return Column(np.where(goes_on, b.values, a.values), a.known & (~goes_on | b.known))

    return Term(Sort.TRUTH, frozenset((True, False)), column)


def choice(test: Term, then: Term, otherwise: Term) -> Term:
    """`then if test else otherwise`."""

    def column(matrix: FloatMatrix) -> Column:
        chosen, a, b = test.column(matrix), then.column(matrix), otherwise.column(matrix)
        values = np.where(chosen.values, a.values, b.values)
        return Column(values, chosen.known & np.where(chosen.values, a.known, b.known))

    open_ended = then.possible is None or otherwise.possible is None
    possible = None if open_ended else (then.possible or frozenset()) | (otherwise.possible or frozenset())
    return Term(then.sort, possible, column)
