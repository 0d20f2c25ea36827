"""A condition or an amount in plain Chinese, for readers of the policy library: 开班时周岁 不低于 法定劳动年龄的下限（16 年）."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from zhaoliang.policy.expressions import Case, Constant, Lookup, Name, Named, Node, Operation
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.units import PAYEE
from zhaoliang.policy.wording import decimal_text

COMPARE = {"=": "是", "<>": "不是", "<": "少于", "<=": "不超过", ">": "超过", ">=": "不低于"}
COMPARE_DATES = {"=": "是", "<>": "不是", "<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于"}
ARITHMETIC = {"+": "加", "-": "减", "*": "乘以"}
PAYEES = {"person": "本人", "provider": "培训机构", "enterprise": "所在企业"}
CALLS = {
    "whole_div": "{0}除以{1}（取整）",
    "ratio": "{0}除以{1}",
    "floor": "{0}（舍去小数）",
    "ceil": "{0}（有小数进一）",
    "year": "{0}的年份",
    "days_between": "{0}到{1}的天数",
    "months_between": "{0}到{1}的整月数",
    "years_between": "{0}到{1}的整年数",
}


class Wording:
    """Words for the names a text uses: facts from the schema, figures as their sentence with the value in force."""

    def __init__(self, schema: FactSchema, figures: Mapping[str, str], tables: Mapping[str, str]) -> None:
        self.schema = schema
        self.figures = figures
        self.tables = tables

    def text(self, node: Node) -> str:
        """The expression in words; the same tree gives the same words."""
        match node:
            case Constant():
                return self._constant(node)
            case Named(says=says):
                return f"“{says}”"
            case Name(type=type_) if type_.kind == "bool":
                return f"“{self._name(node)}”为是"
            case Name():
                return self._name(node)
            case Lookup(table=table, keys=keys):
                return f"“{self.tables.get(table, table)}”按{'、'.join(map(self.text, keys))}查得的数"
            case Case(branches=branches, otherwise=otherwise):
                parts = [f"{self.text(test)}的，{self.text(value)}" for test, value in branches]
                parts += [f"其他，{self.text(otherwise)}"] if otherwise is not None else []
                return "；".join(parts)
        return self._operation(node)

    def _operation(self, node: Operation) -> str:
        op, args = node.op, node.args
        if op == "not" and isinstance(args[0], Name):
            return f"“{self._name(args[0])}”为否"
        if op == "not":
            return f"并非（{self.text(args[0])}）"
        if op == "or" and (choice := _choice(node)) is not None:
            name, values = choice
            return f"{self._name(name)} 是 {_listed([self._constant(value) for value in values])}"
        if op in ("and", "or"):
            word = "，且" if op == "and" else "，或"
            return word.join(self._inner(part, op) for part in _chain(node, op))
        if op in COMPARE:
            words = COMPARE_DATES if args[0].type.kind == "date" else COMPARE
            left, right = (f"（{self.text(arg)}）" if isinstance(arg, Case) else self.text(arg) for arg in args)
            return f"{left} {words[op]} {right}"
        if op in ARITHMETIC:
            return f"（{self.text(args[0])}{ARITHMETIC[op]}{self.text(args[1])}）"
        if op in ("least", "greatest"):
            return f"{_listed([self.text(arg) for arg in args])}中较{'小' if op == 'least' else '大'}的"
        shape = CALLS.get(op, op + "（{0}）")
        return shape.format(*map(self.text, args))

    def _inner(self, node: Node, op: str) -> str:
        loose = isinstance(node, Operation) and node.op in {"and", "or"} - {op} and _choice(node) is None
        return f"（{self.text(node)}）" if loose else self.text(node)

    def _name(self, node: Name) -> str:
        if node.is_fact:
            return self.schema.label(node.name)
        return self.figures.get(node.name, node.name)

    def _constant(self, node: Constant) -> str:
        if node.type == PAYEE:
            return PAYEES.get(str(node.value), str(node.value))
        if node.type.kind == "enum":
            return self.schema.codes.get(node.type.enum, {}).get(str(node.value), str(node.value))
        if isinstance(node.value, bool):
            return "是" if node.value else "否"
        return str(node.value) if isinstance(node.value, str | date) else decimal_text(node.value)


def _chain(node: Node, op: str) -> list[Node]:
    """The parts of a and b and c, however the tree is grouped."""
    if isinstance(node, Operation) and node.op == op:
        return [part for arg in node.args for part in _chain(arg, op)]
    return [node]


def _choice(node: Operation) -> tuple[Name, list[Constant]] | None:
    """`name = a or name = b …`, which is how `name in (a, b)` is kept; None for any other disjunction."""
    found: list[Constant] = []
    name: Name | None = None
    for part in _chain(node, "or"):
        match part:
            case Operation(op="=", args=(Name() as one, Constant() as value)) if name is None or name == one:
                name = one
                found.append(value)
            case _:
                return None
    return (name, found) if name is not None else None


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{'、'.join(words[:-1])}或{words[-1]}"
