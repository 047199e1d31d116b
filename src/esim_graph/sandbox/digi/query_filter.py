"""A parsed query as a fast test of one record."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from esim_graph.sandbox.digi.fields import Field, Kind, Resource, Value
from esim_graph.sandbox.digi.query_language import Ago, And, Condition, Expression, Literal, Not, Or

R = TypeVar("R")

#: Equality terms of one ``or`` from which a look-up in a set beats trying them one by one.
_WORTH_A_SET = 3
# Any: both sides have the type that the field's kind says; the operators' own types cannot know that.
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SEARCH: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class QueryMeaningError(Exception):
    """The query is well formed and asks the impossible: an unknown field, a date that is none."""


def compile_query(tree: Expression, resource: Resource[R], *, now: datetime, null_differs: bool) -> Callable[[R], bool]:
    """Return the test of *tree* over records of *resource*.

    Text compares without regard to case (upstreams §1.5). An ``or`` of equalities on one field, how
    a client asks for many ICCIDs at once, costs one look-up.

    Args:
        tree: the parsed query.
        resource: whose fields it may name; any other is refused (I).
        now: what relative times are relative to.
        null_differs: whether ``<>`` is true of an absent value (U, a switch).

    Raises:
        QueryMeaningError: unknown field, or a literal the field cannot be compared with.
    """
    return _Compiler(resource, now, null_differs).compile(tree)


@dataclass(frozen=True, slots=True)
class _Compiler(Generic[R]):
    resource: Resource[R]
    now: datetime
    null_differs: bool

    def compile(self, tree: Expression) -> Callable[[R], bool]:
        if isinstance(tree, Or):
            return self._any(tree)
        if isinstance(tree, And):
            tests = [self.compile(term) for term in tree.terms]
            return lambda record: all(test(record) for test in tests)
        if isinstance(tree, Not):
            refused = self.compile(tree.term)
            return lambda record: not refused(record)
        return self._condition(tree)

    def _any(self, tree: Or) -> Callable[[R], bool]:
        equal: dict[str, list[Condition]] = {}
        others: list[Expression] = []
        for term in tree.terms:
            if isinstance(term, Condition) and term.operator == "=":
                equal.setdefault(term.field, []).append(term)
            else:
                others.append(term)
        tests: list[Callable[[R], bool]] = []
        for name, terms in equal.items():
            if len(terms) < _WORTH_A_SET:
                others.extend(terms)
            else:
                tests.append(self._one_of(name, terms))
        tests += [self.compile(term) for term in others]
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def _one_of(self, name: str, terms: list[Condition]) -> Callable[[R], bool]:
        field = self._field(name)
        wanted = frozenset(self._wanted(field, term.literal) for term in terms)
        get = field.get
        return lambda record: _folded(get(record)) in wanted

    def _condition(self, condition: Condition) -> Callable[[R], bool]:
        field = self._field(condition.field)
        get = field.get
        search = _SEARCH.get(condition.operator)
        if search is not None:
            part = _as_text(condition.literal).casefold()
            return lambda record: (value := get(record)) is not None and search(str(value).casefold(), part)
        compare = _COMPARE[condition.operator]
        wanted = self._wanted(field, condition.literal)
        absent = self.null_differs and condition.operator == "<>"

        def test(record: R) -> bool:
            value = _folded(get(record))
            return absent if value is None else compare(value, wanted)

        return test

    def _field(self, name: str) -> Field[R]:
        field = self.resource.fields.get(name)
        if field is None:
            raise QueryMeaningError(f"Invalid field '{name}'")
        return field

    def _wanted(self, field: Field[R], literal: Literal) -> Value | Decimal:
        if field.kind is Kind.TIME:
            return self._instant(field.name, literal)
        if isinstance(literal, Ago):
            raise QueryMeaningError(f"Field '{field.name}' is no time")
        if field.kind is Kind.TEXT:
            return _as_text(literal).casefold()
        try:
            number = Decimal(literal)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise QueryMeaningError(f"Field '{field.name}' is a number")
        return number

    def _instant(self, name: str, literal: Literal) -> datetime:
        try:
            if isinstance(literal, Ago):
                return self.now + literal.offset
            instant = datetime.fromisoformat(literal) if isinstance(literal, str) else None
        except (ValueError, OverflowError):
            instant = None
        if instant is None:
            raise QueryMeaningError(f"Field '{name}' needs a time like '2019-02-04T15:02:00.000Z' or -1h")
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _as_text(literal: Literal) -> str:
    if isinstance(literal, bool):
        return "true" if literal else "false"
    if isinstance(literal, Ago):
        raise QueryMeaningError("A relative time can only be compared with a time")
    return str(literal)  # an unquoted number keeps every digit it was written with


def _folded(value: Value) -> Value:
    """A row's value as it is compared: text without case, an instant as it is written, in milliseconds."""
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value.casefold() if isinstance(value, str) else value
