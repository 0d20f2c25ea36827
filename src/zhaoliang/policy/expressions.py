"""The expression language: a small checked subset of SQL.

`compile_expression` parses with sqlglot, admits only what is listed here, checks operand types and units against the
names in scope, and returns our own typed tree. `a / b` is refused because engines disagree about it: write
`whole_div(a, b)` or `ratio(a, b)`. `is null` is refused because it would let a missing fact decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.expressions.core import Expr

from zhaoliang.policy.errors import ExpressionError
from zhaoliang.policy.units import BOOL, DATE, DIMENSIONLESS, TEXT, Type, multiply, number, unit_of

Value = bool | int | Fraction | date | str


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal of the text."""

    type: Type
    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, or a figure of the policy (parameter, clock, open term), by name."""

    type: Type
    name: str
    is_fact: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A comparison, connective, arithmetic or function over operands."""

    type: Type
    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """The first branch whose condition holds, else the last value."""

    type: Type
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A figure of a table by its keys; a missing key is an unknown that names the key, never 0."""

    type: Type
    table: str
    keys: tuple[Node, ...]


Node = Constant | Name | Operation | Case | Lookup


class TableShape(Protocol):
    """What the compiler must know of a table."""

    @property
    def result(self) -> Type: ...
    @property
    def key_types(self) -> tuple[Type, ...]: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """The names an expression may use: facts, figures, tables, and the codes of each enumeration in order."""

    facts: Mapping[str, Type]
    figures: Mapping[str, Type]
    tables: Mapping[str, TableShape]
    enums: Mapping[str, tuple[str, ...]]
    ordered: frozenset[str]


COMPARISONS: dict[type[Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
ARITHMETIC: dict[type[Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
FUNCTIONS = ("lookup", "whole_div", "ratio", "floor", "ceil", "least", "greatest", "year", "days_between")


def compile_expression(text: str, scope: Scope, expected: Type | None = None) -> Node:
    """The typed tree of `text`; raises ExpressionError with the reason and a suggestion."""
    try:
        trees = sqlglot.parse(text, dialect="postgres")
    except SqlglotError as problem:
        raise ExpressionError(f"cannot read {text!r}: {problem}") from problem
    if len(trees) != 1 or trees[0] is None:
        raise ExpressionError(f"{text!r} must be exactly one expression")
    node = _Compiler(scope).node(trees[0])
    if expected is not None:
        node = _fit(node, expected, scope)
    return node


def names_in(node: Node | None) -> tuple[Name, ...]:
    """Every name the expression reads, in order of appearance."""
    match node:
        case Name():
            return (node,)
        case Operation(args=args):
            return tuple(name for arg in args for name in names_in(arg))
        case Lookup(keys=keys):
            return tuple(name for key in keys for name in names_in(key))
        case Case(branches=branches, otherwise=otherwise):
            parts = [part for branch in branches for part in branch]
            return tuple(name for part in (*parts, otherwise) for name in names_in(part))
    return ()


def tables_in(node: Node | None) -> tuple[str, ...]:
    """Every table the expression looks into."""
    match node:
        case Operation(args=args):
            return tuple(table for arg in args for table in tables_in(arg))
        case Lookup(table=table, keys=keys):
            return (table, *(inner for key in keys for inner in tables_in(key)))
        case Case(branches=branches, otherwise=otherwise):
            parts = [part for branch in branches for part in branch]
            return tuple(table for part in (*parts, otherwise) for table in tables_in(part))
    return ()


class _Compiler:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def node(self, tree: Expr) -> Node:
        if tree.comments:
            raise ExpressionError("comments belong beside the expression, not in it")
        kind = type(tree)
        if kind in COMPARISONS:
            return self._compare(COMPARISONS[kind], self.node(tree.this), self.node(tree.expression))
        if kind in ARITHMETIC:
            return self._arithmetic(ARITHMETIC[kind], self.node(tree.this), self.node(tree.expression))
        handler = self._handlers().get(kind)
        if handler is None:
            raise ExpressionError(f"{tree.sql(dialect='postgres')!r} is not part of the rule language")
        return handler(tree)

    def _handlers(self) -> dict[type[Expr], Callable[..., Node]]:
        return {
            exp.Paren: lambda tree: self.node(tree.this),
            exp.Column: self._name,
            exp.Literal: self._literal,
            exp.Boolean: lambda tree: Constant(BOOL, bool(tree.this)),
            exp.Neg: lambda tree: self._arithmetic(
                "-", Constant(number(DIMENSIONLESS, literal=True), 0), self.node(tree.this)
            ),
            exp.And: lambda tree: self._connective("and", tree),
            exp.Or: lambda tree: self._connective("or", tree),
            exp.Not: lambda tree: Operation(BOOL, "not", (self._condition(tree.this),)),
            exp.Between: self._between,
            exp.In: self._in,
            exp.Case: self._case,
            exp.Cast: self._date,
            exp.Anonymous: lambda tree: self._call(str(tree.this).lower(), tree.expressions),
            exp.Least: lambda tree: self._call("least", [tree.this, *tree.expressions]),
            exp.Greatest: lambda tree: self._call("greatest", [tree.this, *tree.expressions]),
            exp.Floor: lambda tree: self._call("floor", [tree.this]),
            exp.Ceil: lambda tree: self._call("ceil", [tree.this]),
            exp.Year: lambda tree: self._call("year", [tree.this]),
            exp.Div: lambda tree: _refuse("'/' differs between engines; write whole_div(a, b) or ratio(a, b)"),
            exp.Is: lambda tree: _refuse("'is null' would let a missing fact decide; give the fact an explicit code"),
        }

    def _name(self, tree: exp.Column) -> Node:
        name = str(tree.this.this)
        if tree.args.get("table") is not None:
            raise ExpressionError(f"{tree.sql()!r}: names have no dots")
        if name in self.scope.facts:
            return Name(self.scope.facts[name], name, True)
        if name in self.scope.figures:
            return Name(self.scope.figures[name], name, False)
        known = sorted({*self.scope.facts, *self.scope.figures})
        near = [other for other in known if other.startswith(name[:4]) or name in other or other in name]
        hint = f"; did you mean {', '.join(near[:4])}?" if near else ""
        raise ExpressionError(f"unknown name {name!r}{hint}")

    def _literal(self, tree: exp.Literal) -> Node:
        if tree.is_string:
            return Constant(Type("text", literal=True), str(tree.this))
        exact = Fraction(str(tree.this))
        value = int(exact) if exact.denominator == 1 else exact
        return Constant(number(DIMENSIONLESS, literal=True), value)

    def _date(self, tree: exp.Cast) -> Node:
        inner = tree.this
        if not (tree.to.this == exp.DataType.Type.DATE and isinstance(inner, exp.Literal) and inner.is_string):
            raise ExpressionError("the only cast is a date literal: date '2026-05-01'")
        try:
            return Constant(DATE, date.fromisoformat(str(inner.this)))
        except ValueError as problem:
            raise ExpressionError(f"not a date: {inner.this!r}") from problem

    def _condition(self, tree: Expr) -> Node:
        node = self.node(tree)
        if node.type.kind != "bool":
            raise ExpressionError(f"{tree.sql(dialect='postgres')!r} is a {node.type}, a condition is needed")
        if isinstance(node, Constant):
            raise ExpressionError("a bare TRUE or FALSE inside a condition makes the rest of it meaningless")
        return node

    def _connective(self, op: str, tree: Expr) -> Node:
        return Operation(BOOL, op, (self._condition(tree.this), self._condition(tree.expression)))

    def _compare(self, op: str, left: Node, right: Node) -> Node:
        left, right = self._alike(left, right, f"compare ({op})")
        kind = left.type.kind
        orderable = kind in ("number", "date") or (kind == "enum" and left.type.enum in self.scope.ordered)
        if op not in ("=", "<>") and not orderable:
            raise ExpressionError(f"a {left.type} has no order; use = or <> or in")
        return Operation(BOOL, op, (left, right))

    def _between(self, tree: exp.Between) -> Node:
        low = self._compare(">=", self.node(tree.this), self.node(tree.args["low"]))
        high = self._compare("<=", self.node(tree.this), self.node(tree.args["high"]))
        return Operation(BOOL, "and", (low, high))

    def _in(self, tree: exp.In) -> Node:
        if tree.args.get("query") is not None or not tree.expressions:
            raise ExpressionError("'in' takes a list of values")
        options = [self._compare("=", self.node(tree.this), self.node(option)) for option in tree.expressions]
        return options[0] if len(options) == 1 else Operation(BOOL, "or", tuple(options))

    def _case(self, tree: exp.Case) -> Node:
        if tree.this is not None:
            raise ExpressionError("write 'case when <condition> then <value> … end'")
        branches = [(self._condition(branch.this), self.node(branch.args["true"])) for branch in tree.args["ifs"]]
        default = tree.args.get("default")
        otherwise = self.node(default) if default is not None else None
        kept = branches[0][1].type
        for value in [value for _, value in branches] + ([otherwise] if otherwise is not None else []):
            kept = self._alike(Constant(kept, 0), value, "give alternatives of one type in case")[0].type
        return Case(kept, tuple(branches), otherwise)

    def _arithmetic(self, op: str, left: Node, right: Node) -> Node:
        for side in (left, right):
            if side.type.kind != "number":
                raise ExpressionError(f"cannot calculate with a {side.type}")
        if op == "*":
            both = left.type.literal and right.type.literal
            return Operation(number(multiply(left.type.unit, right.type.unit), literal=both), op, (left, right))
        left, right = self._alike(left, right, "add or subtract")
        return Operation(left.type, op, (left, right))

    def _alike(self, left: Node, right: Node, what: str) -> tuple[Node, Node]:
        """Both sides brought to one type: a literal takes the other side's unit or enumeration."""
        first, second = left.type, right.type
        if first.kind == second.kind == "number":
            if first.unit == second.unit or second.literal:
                return left, _typed(right, Type("number", first.unit, literal=first.literal and second.literal))
            if first.literal:
                return _typed(left, second), right
        elif first.kind == "enum" and second.literal and second.kind == "text":
            return left, _fit(right, first, self.scope)
        elif second.kind == "enum" and first.literal and first.kind == "text":
            return _fit(left, second, self.scope), right
        elif first.kind == second.kind and first.enum == second.enum:
            return left, right
        raise ExpressionError(f"cannot {what}: {first} with {second}")

    def _call(self, function: str, trees: list[Expr]) -> Node:
        if function not in FUNCTIONS:
            raise ExpressionError(f"unknown function {function!r}; known: {', '.join(FUNCTIONS)}")
        if function == "lookup":
            return self._lookup(trees)
        args = [self.node(tree) for tree in trees]
        if function in ("least", "greatest"):
            if len(args) < 2:
                raise ExpressionError(f"{function} needs two values or more")
            first = args[0]
            for index in range(1, len(args)):
                first, args[index] = self._alike(first, args[index], f"take the {function} of")
            if first.type.kind != "number":
                raise ExpressionError(f"{function} takes numbers")
            return Operation(first.type, function, (first, *args[1:]))
        wanted, result = self._signature(function, args)
        if len(args) != wanted:
            raise ExpressionError(f"{function} takes {wanted} value(s), not {len(args)}")
        return Operation(result, function, tuple(args))

    def _signature(self, function: str, args: list[Node]) -> tuple[int, Type]:
        if function in ("year", "days_between"):
            if any(arg.type.kind != "date" for arg in args):
                raise ExpressionError(f"{function} takes dates")
            return (1, number("years")) if function == "year" else (2, number("days"))
        if any(arg.type.kind != "number" for arg in args):
            raise ExpressionError(f"{function} takes numbers")
        if function in ("floor", "ceil"):
            return 1, args[0].type if args else number(DIMENSIONLESS)
        if len(args) != 2:
            return 2, number(DIMENSIONLESS)
        return 2, number(multiply(args[0].type.unit, args[1].type.unit, sign=-1))

    def _lookup(self, trees: list[Expr]) -> Node:
        if not trees or not isinstance(trees[0], exp.Column):
            raise ExpressionError("lookup(table, key, …) begins with the table's name")
        table = str(trees[0].this.this)
        shape = self.scope.tables.get(table)
        if shape is None:
            raise ExpressionError(f"unknown table {table!r}; known: {', '.join(sorted(self.scope.tables)) or 'none'}")
        if len(trees) - 1 != len(shape.key_types):
            raise ExpressionError(f"table {table!r} has {len(shape.key_types)} key(s), {len(trees) - 1} given")
        keys = tuple(
            _fit(self.node(tree), wanted, self.scope) for tree, wanted in zip(trees[1:], shape.key_types, strict=True)
        )
        return Lookup(shape.result, table, keys)


def _refuse(message: str) -> Node:
    raise ExpressionError(message)


def _typed(node: Node, type_: Type) -> Node:
    return Constant(type_, node.value) if isinstance(node, Constant) else node


def _fit(node: Node, wanted: Type, scope: Scope) -> Node:
    """The node as the wanted type; a text literal becomes an enumeration code, a bare number takes the unit."""
    given = node.type
    if wanted.kind == "enum" and given.kind == "text" and given.literal and isinstance(node, Constant):
        if node.value not in scope.enums[wanted.enum]:
            codes = ", ".join(scope.enums[wanted.enum])
            raise ExpressionError(f"{node.value!r} is not a {wanted.enum} code; known: {codes}")
        return Constant(wanted, node.value)
    if isinstance(node, Case) and given.kind == "text" and wanted.kind == "enum":
        branches = tuple((condition, _fit(value, wanted, scope)) for condition, value in node.branches)
        return Case(wanted, branches, _fit(node.otherwise, wanted, scope) if node.otherwise is not None else None)
    if given.kind == wanted.kind == "number" and (given.unit == wanted.unit or given.literal):
        return _typed(node, wanted)
    if given.kind == wanted.kind and given.kind != "number" and given.enum == wanted.enum:
        return node
    raise ExpressionError(f"a {wanted} is needed here, this is a {given}")


def type_named(name: str, unit: str, enum: str) -> Type:
    """The type of a fact or figure as declared in a file."""
    if name == "number":
        return number(unit_of(unit))
    if name == "enum":
        return Type("enum", enum=enum)
    return {"bool": BOOL, "date": DATE, "text": TEXT}[name]
