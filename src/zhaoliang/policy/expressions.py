"""The expression language: a small checked subset of SQL.

`compile_expression` parses with sqlglot, admits only what is listed here, checks operand types and units against the
names in scope, and returns our own typed tree. `a / b` is refused because engines disagree about it: write
`whole_div(a, b)` or `ratio(a, b)`. `is null` is refused because it would let a missing fact decide. Messages are for
the officer who writes the policy: in Chinese, with the mend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.expressions.core import Expr

from zhaoliang.policy.errors import ExpressionError
from zhaoliang.policy.hints import habit, nearest, nearest_code, unread
from zhaoliang.policy.units import BOOL, DATE, DIMENSIONLESS, TEXT, Type, multiply, number, show, unit_of

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
class Named(Operation):
    """A condition that the document gave a name: means what its one operand means, and is told under `says`."""

    name: str
    says: str


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
    """The names an expression may use: facts, figures, tables, and the codes of each enumeration in order.

    `labels` are the codes' Chinese names.
    `broken` are figures and tables whose own entry has a fault: reading one is not reported a second time.
    """

    facts: Mapping[str, Type]
    figures: Mapping[str, Type]
    tables: Mapping[str, TableShape]
    enums: Mapping[str, tuple[str, ...]]
    ordered: frozenset[str]
    broken: frozenset[str] = frozenset()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # The document's named conditions, as they are read one after the other.
    conditions: dict[str, Named] = field(default_factory=dict)
    # A text that binds already may have conditions longer than a new one's.
    accepted: bool = False


COMPARISONS: dict[type[Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
ARITHMETIC: dict[type[Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
BETWEEN = {"days_between": "days", "months_between": "months", "years_between": "years"}
FUNCTIONS = ("lookup", "whole_div", "ratio", "floor", "ceil", "least", "greatest", "year", *BETWEEN)
FEN = unit_of("fen")
# A chain of `and` or `or` is as deep as it is long. The deepest of the library has eleven.
MOST_DEEP = 100
TOO_DEEP = "条件太长，或括号套得太深；请分成几条规则，或在 conditions 里给其中一部分起个名称"
LITERAL_TRUTH = "条件里单独的 true 或 false 会使其余部分失去意义，请删去"


class FollowsFromAnother(ExpressionError):
    """The expression reads something whose own entry has a fault."""


def compile_expression(text: str, scope: Scope, expected: Type | None = None) -> Node:
    """The typed tree of `text`; raises ExpressionError with the reason and a suggestion."""
    if wrong := habit(text):
        raise ExpressionError(wrong)
    try:
        trees = sqlglot.parse(text, dialect="postgres")
    except SqlglotError as problem:
        raise ExpressionError(unread(text, problem)) from problem
    except RecursionError as problem:
        raise ExpressionError(TOO_DEEP) from problem
    if len(trees) != 1 or trees[0] is None:
        raise ExpressionError(f"{text!r} 不是一个表达式；一处只写一个，不用分号")
    if not scope.accepted and _deep(trees[0]):
        raise ExpressionError(TOO_DEEP)
    node = _Compiler(scope).node(trees[0])
    if expected is not None:
        node = _fit(node, expected, scope)
    return node


def _deep(tree: Expr) -> bool:
    """Whether parts stand in parts beyond what every engine can follow."""
    level = [tree]
    for _ in range(MOST_DEEP):
        level = [below for one in level for below in one.iter_expressions()]
        if not level:
            return False
    return True


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


def named_in(node: Node | None) -> tuple[str, ...]:
    """Every condition with a name that the expression rests on, those within others too."""
    match node:
        case Operation(args=args):
            own = (node.name,) if isinstance(node, Named) else ()
            return (*own, *(name for arg in args for name in named_in(arg)))
        case Lookup(keys=keys):
            return tuple(name for key in keys for name in named_in(key))
        case Case(branches=branches, otherwise=otherwise):
            parts = [part for branch in branches for part in branch]
            return tuple(name for part in (*parts, otherwise) for name in named_in(part))
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
            raise ExpressionError("注释写在表达式旁边（YAML 的 #），不写在里面")
        kind = type(tree)
        if kind in COMPARISONS:
            return self._compare(COMPARISONS[kind], self.node(tree.this), self.node(tree.expression))
        if kind in ARITHMETIC:
            return self._arithmetic(ARITHMETIC[kind], self.node(tree.this), self.node(tree.expression))
        handler = self._handlers().get(kind)
        if handler is None:
            raise ExpressionError(
                f"规则语言里没有 {tree.sql(dialect='postgres')!r} 这种写法；可用的运算和函数见 docs/policies.md"
            )
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
            exp.MonthsBetween: lambda tree: self._call("months_between", [tree.this, tree.expression]),
            exp.Div: lambda tree: _refuse("各引擎对 '/' 的算法不同；取整写 whole_div(a, b)，取比例写 ratio(a, b)"),
            exp.Is: lambda tree: _refuse(
                "'is null' 会让缺失的事实作出决定；请给“没有”一个代码，如 highest_level_paid = 'none'"
            ),
        }

    def _name(self, tree: exp.Column) -> Node:
        name = str(tree.this.this)
        if tree.args.get("table") is not None:
            raise ExpressionError(f"{tree.sql()!r}：名称里没有点号，只写事实、参数、时限或开放项的名称")
        if name in self.scope.facts:
            return Name(self.scope.facts[name], name, True)
        if name in self.scope.figures:
            return Name(self.scope.figures[name], name, False)
        if name in self.scope.conditions:
            return self.scope.conditions[name]
        if name in self.scope.broken:
            raise FollowsFromAnother(name)
        if any(name in codes for codes in self.scope.enums.values()):
            raise ExpressionError(
                f"没有 {name!r} 这个名称。代码要加引号：'{name}'；整个值只有代码时，外面再加双引号：\"'{name}'\""
            )
        raise ExpressionError(
            f"没有 {name!r} 这个名称{nearest(name, [*self.scope.facts, *self.scope.figures, *self.scope.conditions])}"
        )

    def _literal(self, tree: exp.Literal) -> Node:
        if tree.is_string:
            return Constant(Type("text", literal=True), str(tree.this))
        exact = Fraction(str(tree.this))
        value = int(exact) if exact.denominator == 1 else exact
        return Constant(number(DIMENSIONLESS, literal=True), value)

    def _date(self, tree: exp.Cast) -> Node:
        inner = tree.this
        if not (tree.to.this == exp.DataType.Type.DATE and isinstance(inner, exp.Literal) and inner.is_string):
            raise ExpressionError("不能转换类型；日期写成 date '2026-05-01'")
        try:
            return Constant(DATE, date.fromisoformat(str(inner.this)))
        except ValueError as problem:
            raise ExpressionError(f"{inner.this!r} 不是日期；写成 date '2026-05-01'") from problem

    def _condition(self, tree: Expr) -> Node:
        node = self.node(tree)
        if node.type.kind != "bool":
            raise ExpressionError(
                f"{tree.sql(dialect='postgres')!r} 是{node.type}，这里要一个条件；比较大小请写 >=、<=、="
            )
        if isinstance(node, Constant):
            raise ExpressionError(LITERAL_TRUTH)
        return node

    def _connective(self, op: str, tree: Expr) -> Node:
        return Operation(BOOL, op, (self._condition(tree.this), self._condition(tree.expression)))

    def _compare(self, op: str, left: Node, right: Node) -> Node:
        left, right = self._alike(left, right, f"比较（{op}）")
        kind = left.type.kind
        orderable = kind in ("number", "date") or (kind == "enum" and left.type.enum in self.scope.ordered)
        if op not in ("=", "<>") and not orderable:
            raise ExpressionError(f"{left.type}没有大小先后，只能用 =、<> 或 in")
        return Operation(BOOL, op, (left, right))

    def _between(self, tree: exp.Between) -> Node:
        low = self._compare(">=", self.node(tree.this), self.node(tree.args["low"]))
        high = self._compare("<=", self.node(tree.this), self.node(tree.args["high"]))
        return Operation(BOOL, "and", (low, high))

    def _in(self, tree: exp.In) -> Node:
        if tree.args.get("query") is not None or not tree.expressions:
            raise ExpressionError("in 后面写一组值，如 in ('A', 'B')")
        options = [self._compare("=", self.node(tree.this), self.node(option)) for option in tree.expressions]
        return options[0] if len(options) == 1 else Operation(BOOL, "or", tuple(options))

    def _case(self, tree: exp.Case) -> Node:
        if tree.this is not None:
            raise ExpressionError("分情形写成 case when 条件 then 值 … else 值 end")
        branches = [(self._condition(branch.this), self.node(branch.args["true"])) for branch in tree.args["ifs"]]
        default = tree.args.get("default")
        otherwise = self.node(default) if default is not None else None
        kept = branches[0][1].type
        for value in [value for _, value in branches] + ([otherwise] if otherwise is not None else []):
            kept = self._alike(Constant(kept, 0), value, "在 case 里并列")[0].type
        return Case(kept, tuple(branches), otherwise)

    def _arithmetic(self, op: str, left: Node, right: Node) -> Node:
        for side in (left, right):
            if side.type.kind != "number":
                raise ExpressionError(f"{side.type}不能用来计算")
        if op == "*":
            both = left.type.literal and right.type.literal
            return Operation(number(multiply(left.type.unit, right.type.unit), literal=both), op, (left, right))
        left, right = self._alike(left, right, "加减")
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
        raise ExpressionError(f"不能{what}：{first}与{second}{_other_hint(left, right) or _unit_hint(first, second)}")

    def _call(self, function: str, trees: list[Expr]) -> Node:
        if function not in FUNCTIONS:
            raise ExpressionError(f"没有 {function!r} 这个函数{nearest(function, FUNCTIONS)}")
        if function == "lookup":
            return self._lookup(trees)
        args = [self.node(tree) for tree in trees]
        if function in ("least", "greatest"):
            if len(args) < 2:
                raise ExpressionError(f"{function} 至少要两个值")
            first = args[0]
            for index in range(1, len(args)):
                first, args[index] = self._alike(first, args[index], f"取 {function}")
            if first.type.kind != "number":
                raise ExpressionError(f"{function} 只用于数值")
            return Operation(first.type, function, (first, *args[1:]))
        wanted, result = self._signature(function, args)
        if len(args) != wanted:
            raise ExpressionError(f"{function} 要 {wanted} 个值，这里有 {len(args)} 个")
        return Operation(result, function, tuple(args))

    def _signature(self, function: str, args: list[Node]) -> tuple[int, Type]:
        if function == "year" or function in BETWEEN:
            if any(arg.type.kind != "date" for arg in args):
                raise ExpressionError(f"{function} 只用于日期")
            return (1, number("years")) if function == "year" else (2, number(BETWEEN[function]))
        if any(arg.type.kind != "number" for arg in args):
            raise ExpressionError(f"{function} 只用于数值")
        if function in ("floor", "ceil"):
            return 1, args[0].type if args else number(DIMENSIONLESS)
        if len(args) != 2:
            return 2, number(DIMENSIONLESS)
        return 2, number(multiply(args[0].type.unit, args[1].type.unit, sign=-1))

    def _lookup(self, trees: list[Expr]) -> Node:
        if not trees or not isinstance(trees[0], exp.Column):
            raise ExpressionError("查表写成 lookup(表名, 键, …)")
        table = str(trees[0].this.this)
        shape = self.scope.tables.get(table)
        if table in self.scope.broken:
            raise FollowsFromAnother(table)
        if shape is None:
            raise ExpressionError(f"没有 {table!r} 这张表{nearest(table, self.scope.tables)}")
        if len(trees) - 1 != len(shape.key_types):
            raise ExpressionError(f"表 {table!r} 有 {len(shape.key_types)} 个键，这里给了 {len(trees) - 1} 个")
        keys = tuple(
            _fit(self.node(tree), wanted, self.scope) for tree, wanted in zip(trees[1:], shape.key_types, strict=True)
        )
        return Lookup(shape.result, table, keys)


def _unit_hint(first: Type, second: Type) -> str:
    """What would make two numbers of different units fit, where something would."""
    if first.kind != "number" or second.kind != "number":
        return ""
    for amount, other in ((first, second), (second, first)):
        if amount.unit == FEN and other.unit and other.unit != FEN:
            return f"。{show(other.unit)} 要先乘以单价（单位 {show(multiply(FEN, other.unit, sign=-1))}）才是金额"
    if {first.unit, second.unit} == {unit_of("days"), unit_of("working_days")}:
        return "。天和工作日不能互换，两边写同一个单位"
    return "。两边的单位要相同；核对事实和参数的 unit"


def _other_hint(left: Node, right: Node) -> str:
    """How to write the value that stands beside a date or a code; empty where it is neither."""
    for known, written in ((left, right), (right, left)):
        if known.type.kind == "date" and written.type.literal:
            return "。日期写成 date '2026-05-01'"
        if known.type.kind in ("enum", "text") and isinstance(written, Constant) and written.type.kind == "number":
            return f"。代码要加引号：'{written.value}'"
    return ""


def _refuse(message: str) -> Node:
    raise ExpressionError(message)


def _typed(node: Node, type_: Type) -> Node:
    return Constant(type_, node.value) if isinstance(node, Constant) else node


def _fit(node: Node, wanted: Type, scope: Scope) -> Node:
    """The node as the wanted type; a text literal becomes an enumeration code, a bare number takes the unit."""
    given = node.type
    if wanted.kind == "enum" and given.kind == "text" and given.literal and isinstance(node, Constant):
        if node.value not in scope.enums[wanted.enum]:
            codes = scope.labels.get(wanted.enum) or dict.fromkeys(scope.enums[wanted.enum], "")
            raise ExpressionError(f"{node.value!r} 不是 {wanted.enum} 的代码{nearest_code(str(node.value), codes)}")
        return Constant(wanted, node.value)
    if isinstance(node, Case) and given.kind == "text" and wanted.kind == "enum":
        branches = tuple((condition, _fit(value, wanted, scope)) for condition, value in node.branches)
        return Case(wanted, branches, _fit(node.otherwise, wanted, scope) if node.otherwise is not None else None)
    if isinstance(node, Constant) and wanted.unit == FEN and given.literal and isinstance(node.value, Fraction):
        raise ExpressionError("金额用整数分，不写小数")
    if given.kind == wanted.kind == "number" and (given.unit == wanted.unit or given.literal):
        return _typed(node, wanted)
    if given.kind == wanted.kind and given.kind != "number" and given.enum == wanted.enum:
        return node
    raise ExpressionError(f"这里要{wanted}，写的是{given}{_unit_hint(wanted, given)}")


def type_named(name: str, unit: str, enum: str) -> Type:
    """The type of a fact or figure as declared in a file."""
    if name == "number":
        return number(unit_of(unit))
    if name == "enum":
        return Type("enum", enum=enum)
    return {"bool": BOOL, "date": DATE, "text": TEXT}[name]
