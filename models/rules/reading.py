"""From the text of a rule to a term: a closed part of Python's expressions, checked for sorts, never evaluated."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from models.rules.terms import (
    ARITHMETIC,
    EQUALITY,
    ORDER,
    Sort,
    Term,
    choice,
    combined,
    constant,
    feature_term,
    junction,
    negated,
    null_test,
)
from models.schema import InputSchema

LONGEST_TEXT, MOST_NODES, DEEPEST = 2_000, 400, 40


class RuleRefused(ValueError):
    """A text is no rule over these features; `part` is what is wrong in it."""

    def __init__(self, why: str, part: str) -> None:
        super().__init__(f"the rule does not hold: {why}, in `{part[:80]}`")
        self.part = part


def read_term(text: str, schema: InputSchema) -> Term:
    """The term that a text stands for. Raises RuleRefused."""
    if len(text) > LONGEST_TEXT:
        raise RuleRefused(f"it is longer than {LONGEST_TEXT} characters", text)
    try:
        body = ast.parse(f"(\n{text}\n)", mode="eval").body  # so that it may go over several lines
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleRefused(f"it is no expression ({type(error).__name__})", text) from error
    for count, depth in enumerate(_depths(body), start=1):
        if count > MOST_NODES or depth > DEEPEST:
            raise RuleRefused(f"it has more than {MOST_NODES} parts, or is nested beyond {DEEPEST}", text)
    return _Reader(schema).term(body)


def _depths(body: ast.expr) -> Iterator[int]:
    """Of every part, without recursion."""
    waiting: list[tuple[ast.AST, int]] = [(body, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield depth
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


class _Reader:
    """Reads over one schema."""

    def __init__(self, schema: InputSchema) -> None:
        self._features = {feature.name: (feature, place) for place, feature in enumerate(schema.features)}

    def term(self, node: ast.expr) -> Term:
        match node:
            case ast.Constant(value=value):
                return _constant(node, value)
            case ast.Name() | ast.Subscript():
                return feature_term(*self._features[self._feature_name(node)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negated(self._of(Sort.TRUTH, operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negated(self._of(Sort.NUMBER, operand))
            case ast.BinOp(left=left, op=op, right=right) if operation := ARITHMETIC.get(type(op).__name__):
                return combined(Sort.NUMBER, operation, self._of(Sort.NUMBER, left), self._of(Sort.NUMBER, right))
            case ast.BoolOp(op=op, values=values):
                return _all_of([self._of(Sort.TRUTH, value) for value in values], go_on_if=isinstance(op, ast.And))
            case ast.Compare(left=left, ops=ops, comparators=rights):
                lefts = [left, *rights[:-1]]
                compared = [self._compared(node, *each) for each in zip(lefts, ops, rights, strict=True)]
                return _all_of(compared, go_on_if=True)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                then = self.term(body)
                return choice(self._of(Sort.TRUTH, test), then, self._of(then.sort, orelse))
        raise RuleRefused(f"{type(node).__name__} is not part of the language", ast.unparse(node))

    def _of(self, sort: Sort, node: ast.expr) -> Term:
        term = self.term(node)
        if term.sort is not sort:
            raise RuleRefused(f"a {term.sort} stands where a {sort} is due", ast.unparse(node))
        return term

    def _compared(self, whole: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Term:
        name = type(op).__name__
        if name in ("Is", "IsNot"):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise RuleRefused("`is` only asks for None", ast.unparse(whole))
            return null_test(self._features[self._feature_name(left)][1], is_null=name == "Is")
        if name in ("In", "NotIn"):
            if not (isinstance(right, ast.Tuple | ast.List) and right.elts):
                raise RuleRefused("`in` needs a list of values", ast.unparse(whole))
            found = _all_of([self._equal(whole, "Eq", left, each) for each in right.elts], go_on_if=False)
            return found if name == "In" else negated(found)
        if name in ORDER:
            return combined(Sort.TRUTH, ORDER[name], self._of(Sort.NUMBER, left), self._of(Sort.NUMBER, right))
        return self._equal(whole, name, left, right)

    def _equal(self, whole: ast.Compare, name: str, left: ast.expr, right: ast.expr) -> Term:
        first = self.term(left)
        second = self._of(first.sort, right)
        if first.sort is Sort.TEXT and not (first.possible or frozenset()) & (second.possible or frozenset()):
            raise RuleRefused("the two are never equal, no category is", ast.unparse(whole))
        return combined(Sort.TRUTH, EQUALITY[name], first, second)

    def _feature_name(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name) if name in self._features:
                return name
            case ast.Subscript(value=ast.Name(id="feature"), slice=ast.Constant(value=str(name))):
                if name in self._features:
                    return name
        known = ", ".join(list(self._features)[:10])
        hint = 'one that is no word is written feature["…"]'
        raise RuleRefused(f"a feature is due ({known}; {hint})", ast.unparse(node))


def _all_of(terms: list[Term], *, go_on_if: bool) -> Term:
    """Joined from the left; `go_on_if`: True of `and`, False of `or`."""
    joined = terms[0]
    for term in terms[1:]:
        joined = junction(joined, term, needs_second_if=go_on_if)
    return joined


def _constant(node: ast.Constant, value: object) -> Term:
    match value:
        case bool():
            return constant(Sort.TRUTH, value)
        case str():
            return constant(Sort.TEXT, value)
        case int() | float():
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return constant(Sort.NUMBER, number)
    raise RuleRefused("it is no number, text, True or False", ast.unparse(node))
