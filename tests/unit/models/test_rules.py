"""Rules give what Python would, have no value where it would raise, and cannot say anything else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.coding import UNSEEN_TEXT
from models.rules.reading import DEEPEST, LONGEST_TEXT, RuleRefused
from models.rules.rule import Rule
from models.schema import Feature, InputSchema, Kind, UnseenPolicy

SCHEMA = InputSchema(
    (
        Feature("age"),
        Feature("monthly income/€", nullable=True),
        Feature("member", Kind.BOOLEAN, nullable=True),
        Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro"), unseen=UnseenPolicy.ACCEPT),
    )
)
FEATURES = {"age": "age", 'feature["monthly income/€"]': "monthly income/€"}


class Null:
    """A null in Python's evaluation: whoever uses it raises."""

    def _refuse(self, *_: object) -> Any:
        raise TypeError

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = _refuse
    __hash__ = object.__hash__


NULL = Null()

numbers = st.deferred(
    lambda: (
        st.sampled_from([*FEATURES, "0", "1", "2.5", "1e308", "-3"])
        | st.tuples(numbers, st.sampled_from("+-*/"), numbers).map(lambda parts: "({} {} {})".format(*parts))
        | numbers.map("(-{})".format)
        | st.tuples(numbers, truths, numbers).map(lambda parts: "({} if {} else {})".format(*parts))
    )
)
texts = st.sampled_from(["plan", "'free'", "'pro'"])
truths = st.deferred(
    lambda: (
        st.sampled_from(["member", "True", "False", "member is None", "plan is not None", "plan in ('free', 'pro')"])
        | st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers).map(" ".join)
        | st.tuples(numbers, numbers, numbers).map(lambda parts: "{} < {} <= {}".format(*parts))
        | st.sampled_from(["plan == 'free'", "'pro' != plan", 'feature["monthly income/€"] is None'])
        | st.tuples(truths, st.sampled_from(["and", "or"]), truths).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})")
        | truths.map("(not ({}))".format)
    )
)
rows = st.tuples(
    st.floats(-10, 10) | st.integers(-3, 3).map(float),
    st.none() | st.integers(-3, 3).map(float),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "free", "pro", UNSEEN_TEXT]),
)


def coded(values: list[tuple[Any, ...]]) -> np.ndarray:
    code = {None: math.nan, "free": 0.0, "pro": 1.0, UNSEEN_TEXT: -1.0}
    return np.array(
        [[age, math.nan if i is None else i, math.nan if m is None else m, code[p]] for age, i, m, p in values]
    )


def by_python(text: str, row: tuple[Any, ...]) -> Any:
    """What Python makes of it, None where it raises."""
    values = {name: NULL if value is None else value for name, value in zip(SCHEMA.names, row, strict=True)}
    names = {**values, "feature": values, "null": NULL}
    try:
        found = eval(text.replace("None", "null"), {"__builtins__": {}}, names)
        return None if found is NULL else found
    except (TypeError, ZeroDivisionError, OverflowError):
        return None


@settings(max_examples=150, deadline=None)
@given(text=numbers, values=st.lists(rows, min_size=1, max_size=6))
@example(
    text="(1 if plan == 'free' or age / 0 > 1 else 2)", values=[(1.0, None, None, "free"), (1.0, None, None, "pro")]
)
def test_a_number_is_what_python_gives(text: str, values: list[tuple[Any, ...]]) -> None:
    given_ = Rule(text, SCHEMA).answers(coded(values))
    for answer, row in zip(given_.tolist(), values, strict=True):
        expected = by_python(text, row)
        if expected is None or not math.isfinite(expected):
            assert math.isnan(answer)
        else:
            assert answer == expected


@settings(max_examples=150, deadline=None)
@given(text=truths, values=st.lists(rows, min_size=1, max_size=6))
def test_a_truth_value_chooses_the_label_that_python_would(text: str, values: list[tuple[Any, ...]]) -> None:
    given_ = Rule(f"'yes' if {text} else 'no'", SCHEMA, ("no", "yes")).answers(coded(values))
    expected = [by_python(f"1 if {text} else 0", row) for row in values]
    assert [None if math.isnan(answer) else answer for answer in given_.tolist()] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('true')", "Call is not part"),
        ("age.real", "Attribute is not part"),
        ("[n for n in (1, 2)][0]", "a feature is due"),
        ("(lambda: 1)()", "Call is not part"),
        ("f'{age}'", "JoinedStr is not part"),
        ("(x := 1)", "NamedExpr is not part"),
        ("age ** 9 ** 9", "BinOp is not part"),
        ("age % 2", "BinOp is not part"),
        ("height", "a feature is due"),
        ("feature['height']", "a feature is due"),
        ("feature[0]", "a feature is due"),
        ("1; 2", "no expression"),
        ("", "Tuple is not part|no expression"),
        ("age if 1 else 2", "a number stands where a truth value is due"),
        ("1 if age else 2", "a number stands where a truth value is due"),
        ("1 if member < 1 else 0", "a truth value stands where a number is due"),
        ("1 if plan > 'a' else 0", "a text stands where a number is due"),
        ("1 if plan == 'fre' else 0", "never equal"),
        ("1 if plan in () else 0", "`in` needs a list"),
        ("1 if age is 3 else 0", "only asks for None"),
        ("1 if age == None else 0", "no number, text"),
        ("age if member else 'x'", "a text stands where a number is due"),
        ("1e999", "no number"),
        ("9" * 400, "no number"),
        ("1j", "no number"),
        ("...", "no number"),
        ("plan", "it gives a text, the model numbers"),
        ("member", "it gives a truth value"),
        ("(" * 500 + "1" + ")" * 500, "no expression"),
        ("-" * (DEEPEST + 1) + "1", "nested beyond"),
        ("1+" * 199 + "1", "more than|nested"),
        ("1" * (LONGEST_TEXT + 1), "longer than"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, said: str) -> None:
    with pytest.raises(RuleRefused, match=said):
        Rule(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ("'yes' if age > 3 else 'no'", ("no", "yes"), True),
        ("'yes' if age > 3 else 'maybe'", ("no", "yes"), False),
        ("1 if age > 3 else 0", (0, 1), True),
        ("1.0 if age > 3 else 0.0", (0, 1), True),
        ("-1 if age > 3 else 1", (-1, 1), True),
        ("2 if age > 3 else 0", (0, 1), False),
        ("age", (0, 1), False),
        ("age > 3", (False, True), True),
        ("age > 3", (0, 1), False),
        ("1 if age > 3 else 0", (False, True), False),
        ("plan", ("free", "pro"), True),
        ("plan", ("free", "basic"), False),
    ],
)
def test_a_rule_gives_labels_of_the_model_and_nothing_else(text: str, labels: tuple, holds: bool) -> None:
    if holds:
        Rule(text, SCHEMA, labels)
        return
    with pytest.raises(RuleRefused, match="none of the labels"):
        Rule(text, SCHEMA, labels)


def test_a_category_that_was_never_seen_is_no_label_and_equal_to_none() -> None:
    matrix = coded([(1.0, None, None, UNSEEN_TEXT), (1.0, None, None, "pro")])
    assert np.isnan(Rule("plan", SCHEMA, ("free", "pro")).answers(matrix)).tolist() == [True, False]
    assert Rule("0 if plan == 'free' or plan == 'pro' else 1", SCHEMA).answers(matrix).tolist() == [1.0, 0.0]


def test_a_rule_may_go_over_several_lines() -> None:
    text = "\n1 if age > 3  # old\n  else 0\n"
    assert Rule(text, SCHEMA).answers(coded([(4.0, None, None, None)])).tolist() == [1.0]
