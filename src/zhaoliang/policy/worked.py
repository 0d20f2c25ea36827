"""How an amount came about, step by step, in words with the figures that were read: 每天标准（¥60.00/天）乘以培训天数（3 天）."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from zhaoliang.policy.decision import AmountStep, Decision
from zhaoliang.policy.expressions import Lookup, Operation, names_in
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.model import Amount, Document
from zhaoliang.policy.plain import ARITHMETIC, Wording
from zhaoliang.policy.policyset import PolicySet
from zhaoliang.policy.wording import figure_text

ROUNDING = {"half_up": "四舍五入", "down": "舍去零头", "up": "零头进一", "half_even": "四舍六入五成双"}
_SUMS = {"+": "加 ", "-": "减 ", "不超过": "不超过 ", "不低于": "不低于 "}


def in_words(decision: Decision, policies: PolicySet | None) -> tuple[AmountStep, ...]:
    """The steps of a decision with their operations in words, by the texts of its place and day.

    The operation is empty where the texts are not at hand, or read otherwise by now.
    """
    return tuple(replace(step, operation=_words(step, decision, policies)) for step in decision.steps)


def _words(step: AmountStep, decision: Decision, policies: PolicySet | None) -> str:
    how, _, rest = step.operation.partition(" ")
    if how in _SUMS and (value := _number(rest)) is not None:
        return f"{_SUMS[how]}{figure_text(value, 'fen')}"
    if how == "×" and (value := _number(rest)) is not None:
        return f"乘以 {figure_text(value, 'ratio')}"
    if how in ROUNDING and (value := _number(rest.removeprefix("到 ").removesuffix(" 分"))) is not None:
        return f"{ROUNDING[how]}到 {figure_text(value, 'fen')}"
    for document, amount in policies.bound_amounts if policies is not None else ():
        if (amount.base_source, amount.says) == (step.operation, step.label):
            assert policies is not None
            return _base(amount, document, decision, policies)
    return ""


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


def _base(amount: Amount, document: Document, decision: Decision, policies: PolicySet) -> str:
    """The base of an amount with the figures and facts it was worked out from."""
    schema = policies.facts
    texts = (document, *reversed(policies.documents))
    figures = {one.name: _figure(one.name, texts, policies) for one in names_in(amount.base) if not one.is_fact}
    tables = {name: table.says for one in reversed(texts) for name, table in one.tables.items()}
    text = Wording(schema, figures, tables).text(amount.base)
    if isinstance(amount.base, Operation) and amount.base.op in ARITHMETIC:
        # In brackets wherever it stands; here it stands alone.
        text = text[1:-1]
    facts = dict.fromkeys(one.name for one in names_in(amount.base) if one.is_fact)
    known = [f"{schema.label(name)} {_fact(name, decision, schema)}" for name in facts if name in decision.facts]
    if isinstance(amount.base, Lookup) and known:
        # The table is named by the step itself, or by its clause.
        return f"按{'、'.join(known)}查得"
    return f"{text}（{'，'.join(known)}）" if known else text


def _figure(name: str, texts: Sequence[Document], policies: PolicySet) -> str:
    """A text's own figure with its value on the day, else that of the text it takes it from."""
    for one in texts:
        held = one.parameters.get(name)
        value = held.on(policies.on) if held is not None else None
        if held is not None and value is not None:
            return f"{held.says}（{figure_text(value.value, held.unit)}）"
    return name


def _fact(name: str, decision: Decision, schema: FactSchema) -> str:
    value, fact = decision.facts[name], schema.facts.get(name)
    if fact is None or fact.type.kind != "number" or value is None:
        return schema.show(name, value)
    return figure_text(schema.normalise({name: value})[name], fact.unit)
