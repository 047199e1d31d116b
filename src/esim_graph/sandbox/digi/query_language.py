"""The Remote Manager query language: text in, a tree of conditions out.

Grammar (upstreams §1.5; operators and quoting are facts, the whole is inferred)::

    expr := and ('or' and)*          and  := unary ('and' unary)*
    unary := ['not'] ('(' expr ')' | condition)
    condition := field operator literal
    operator := '=' | '<>' | '<=' | '<' | '>=' | '>' | 'contains' | 'startswith' | 'endswith'
    literal := quoted text with '' for ' | -?digits[.digits] | [+-]digits(m|h|d|w|s) | true | false

Words are case-insensitive. A syntax error reads as the real API's: the furthest character no rule
could take, what was expected there, the query and a caret.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

DEEPEST = 100  #: nested parentheses and ``not``; ours, so that hostile input cannot exhaust the stack.
OPERATORS = ("=", "<>", "<=", "<", ">=", ">", "contains", "startswith", "endswith")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Ago:
    """A relative time, ``-1h``: a distance from now."""

    offset: timedelta


Literal = str | Decimal | bool | Ago


@dataclass(frozen=True, slots=True)
class Condition:
    """``field operator literal``; field and operator in lower case."""

    field: str
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of *term*."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All *terms*."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of *terms*."""

    terms: tuple["Expression", ...]


Expression = Condition | Not | And | Or


class QuerySyntaxError(Exception):
    """The text is no query; the message is what the vendor would say."""


def parse_query(text: str) -> Expression:
    """Parse a whole query.

    Raises:
        QuerySyntaxError: with the vendor's wording (upstreams §1.5, bug report QS-017).
    """
    return _Parser(text).parse()


class _Refused(Exception):  # control flow of the parser, never seen outside
    """No rule matches here; what was expected is already noted."""


class _Parser:
    """Recursive descent over characters, remembering the furthest place a rule failed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._furthest = 0
        self._expected: list[str] = []
        self._depth = 0

    def parse(self) -> Expression:
        try:
            self._spaces()
            tree = self._any()
            self._spaces()
            if self._at < len(self._text):
                raise self._missed(self._at, "end of input")
        except _Refused:
            raise QuerySyntaxError(self._complaint()) from None
        return tree

    def _any(self) -> Expression:
        terms = [self._all()]
        while self._keyword("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _all(self) -> Expression:
        terms = [self._unary()]
        while self._keyword("and"):
            terms.append(self._unary())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _unary(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._missed(self._at, f"at most {DEEPEST} levels")
        self._spaces()
        if self._keyword("not"):
            tree: Expression = Not(self._unary())
        elif self._taken("("):
            tree = self._any()
            self._spaces()
            if not self._taken(")"):
                raise _Refused
        else:
            tree = self._condition()
        self._depth -= 1
        return tree

    def _condition(self) -> Condition:
        start = self._at
        while self._at < len(self._text) and (self._here().isalnum() or self._here() in "_."):
            self._at += 1
        if start == self._at:
            raise self._missed(self._at, "a field")
        field = self._text[start : self._at].lower()
        self._spaces()
        operator = self._operator()
        self._spaces()
        return Condition(field, operator, self._literal())

    def _operator(self) -> str:
        for operator in OPERATORS:
            if self._taken(operator):
                return operator
        raise _Refused

    def _literal(self) -> Literal:
        if self._taken("'"):
            return self._quoted()
        if self._here().isdigit() or self._here() in ("+", "-"):
            return self._number()
        for word in ("true", "false"):
            if self._taken(word):
                return word == "true"
        raise self._missed(self._at, "a literal")

    def _quoted(self) -> str:
        parts: list[str] = []
        while True:
            end = self._text.find("'", self._at)
            if end < 0:
                raise self._missed(len(self._text), "'''")
            parts.append(self._text[self._at : end])
            self._at = end + 1
            if self._here() != "'":
                return "'".join(parts)
            self._at += 1

    def _number(self) -> Decimal | Ago:
        start = self._at
        signed = self._here() in ("+", "-")
        self._at += signed
        self._digits()
        unit = self._here().lower()
        if signed and unit in _UNITS:
            self._at += 1
            return self._ago(int(self._text[start : self._at - 1]), unit)
        if self._text[start] == "+":
            raise self._missed(self._at, "a unit of time")
        if self._here() == ".":
            self._at += 1
            self._digits()
        return Decimal(self._text[start : self._at])

    def _ago(self, count: int, unit: str) -> Ago:
        try:
            return Ago(count * _UNITS[unit])
        except OverflowError:
            raise self._missed(self._at - 1, "a nearer time") from None

    def _digits(self) -> None:
        start = self._at
        while self._here() and self._here() in "0123456789":
            self._at += 1
        if start == self._at:
            raise self._missed(self._at, "a digit")

    def _keyword(self, word: str) -> bool:
        """Take *word* when a blank or a parenthesis ends it, so that field ``notes`` is no ``not``."""
        start = self._at
        self._spaces()
        if self._taken(word) and (self._here() in ("(", ")") or self._here().isspace()):
            return True
        self._at = start
        return False

    def _taken(self, word: str) -> bool:
        """Take *word*, in any case, or note the first character that does not fit."""
        for offset, wanted in enumerate(word):
            found = self._text[self._at + offset : self._at + offset + 1].lower()
            if found != wanted:
                upper = wanted.upper()
                self._note(self._at + offset, f"'{wanted}/{upper}'" if upper != wanted else f"'{wanted}'")
                return False
        self._at += len(word)
        return True

    def _here(self) -> str:
        return self._text[self._at : self._at + 1]

    def _spaces(self) -> None:
        while self._here().isspace():
            self._at += 1

    def _note(self, position: int, expected: str) -> None:
        if position > self._furthest:
            self._furthest, self._expected = position, []
        if position == self._furthest and expected not in self._expected:
            self._expected.append(expected)

    def _missed(self, position: int, expected: str) -> _Refused:
        """Note what was expected and return the refusal to raise."""
        self._note(position, expected)
        return _Refused()

    def _complaint(self) -> str:
        """Write the error as ``Invalid input 'q', expected 'n/N' (line 1, pos 7):`` with a caret."""
        found = self._text[self._furthest : self._furthest + 1]
        what = f"Invalid input '{found}'" if found else "Unexpected end of input"
        *others, last = self._expected
        expected = f"{', '.join(others)} or {last}" if others else last
        before = self._text[: self._furthest]
        line = before.count("\n") + 1
        column = self._furthest - (before.rfind("\n") + 1)
        shown = self._text.split("\n")[line - 1]
        return f"{what}, expected {expected} (line {line}, pos {column + 1}):\n{shown}\n{' ' * column}^"
