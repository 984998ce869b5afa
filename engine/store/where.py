"""The SQL back-end of a condition: a tree becomes a WHERE that says of each row what the closure says of it.

NULL is what is missing, and a leaf of NULL is not true: SQL's own rules, once negation stands at the leaves
(`core.condition`). `terms` has what the leaves compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from engine.core.condition import (
    And,
    Compare,
    Constant,
    Known,
    Member,
    Name,
    Not,
    Or,
    Term,
    Test,
    TextTest,
    Type,
    normal_form,
    type_of,
)
from engine.store.terms import Columns, Terms


def where(test: Test, columns: Columns, dialect: str) -> ColumnElement[bool]:
    """Whether the test holds of a row. columns must have every name that it reads; dialect: sqlite or postgresql."""
    exact = dialect == "postgresql"
    return _Where(terms=Terms(columns=columns, exact=exact), exact=exact).test(normal_form(test))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    terms: Terms
    exact: bool

    def test(self, test: Test) -> ColumnElement[bool]:
        match test:
            case And():
                return and_(*(self.test(part) for part in test.parts))
            case Or():
                return or_(*(self.test(part) for part in test.parts))
            case Not(part=Known() as known):
                return self.terms.term(known.name).is_(None)
            case Not(part=Name() as name):
                return self.terms.term(name) == false()
            case Not():
                return not_(self.leaf(test.part))
            case _:
                return self.leaf(test)

    def leaf(self, test: Test) -> ColumnElement[bool]:
        match test:
            case Known():
                return self.terms.term(test.name).is_not(None)
            case Name():
                return self.terms.term(test) == true()
            case Constant():
                return true() if test.value else false()
            case Member():
                return self.ordered(test.term).in_([self.terms.term(option) for option in test.options])
            case TextTest():
                return self.looked(test)
            case Compare():
                sign = "=" if test.operator == "==" else test.operator
                return self.ordered(test.left).op(sign, is_comparison=True)(self.terms.term(test.right))
            case _:
                raise TypeError(f"{type(test).__name__} is no leaf")

    def ordered(self, term: Term) -> ColumnElement[Any]:
        """A term to compare: PostgreSQL would order texts as its locale does."""
        found = self.terms.term(term)
        return found.collate("C") if self.exact and type_of(term) is Type.STRING else found

    def looked(self, test: TextTest) -> ColumnElement[bool]:
        text, part = self.terms.term(test.text), self.terms.term(test.part)
        match test.operator:
            case "contains":
                return (func.strpos if self.exact else func.instr)(text, part) > 0
            case "startsWith":
                return func.substr(text, 1, func.length(part)) == part
            case "endsWith" if self.exact:
                return func.right(text, func.length(part)) == part
            case "endsWith":
                return func.substr(text, func.length(text) - func.length(part) + 1) == part
