"""How an amount came about, step by step, in words with the figures that were read: 每天标准（¥60.00/天）乘以培训天数（3 天）."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from zhaoliang.policy.decision import AmountStep, Decision
from zhaoliang.policy.expressions import Name, Operation, names_in, tables_in
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.model import Amount, Document
from zhaoliang.policy.plain import ARITHMETIC, Wording
from zhaoliang.policy.store import PolicyStore
from zhaoliang.policy.wording import figure_text

ROUNDING = {"half_up": "四舍五入", "down": "舍去零头", "up": "零头进一", "half_even": "四舍六入五成双"}
_SUMS = {"+": "加 ", "-": "减 ", "不超过": "不超过 ", "不低于": "不低于 "}


def in_words(decision: Decision, store: PolicyStore) -> tuple[AmountStep, ...]:
    """The steps of a decision with their operations in words; an empty one where the text that was read is not at hand."""
    return tuple(replace(step, operation=_words(step, decision, store)) for step in decision.steps)


def _words(step: AmountStep, decision: Decision, store: PolicyStore) -> str:
    how, _, rest = step.operation.partition(" ")
    if how in _SUMS and (value := _number(rest)) is not None:
        return f"{_SUMS[how]}{figure_text(value, 'fen')}"
    if how == "×" and (value := _number(rest)) is not None:
        return f"乘以 {figure_text(value, 'ratio')}"
    if how in ROUNDING and (value := _number(rest.removeprefix("到 ").removesuffix(" 分"))) is not None:
        return f"{ROUNDING[how]}到 {figure_text(value, 'fen')}"
    texts = [one for one in store.documents if one.id == step.citation.document_id]
    for document in reversed(texts):
        for amount in document.amounts:
            if (amount.base_source, amount.says) == (step.operation, step.label):
                return _base(amount, document, decision, store)
    return ""


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except ValueError:
        return None


def _base(amount: Amount, document: Document, decision: Decision, store: PolicyStore) -> str:
    """The base of an amount with the figures and facts it was worked out from."""
    schema = store.facts
    figures = {
        name.name: _figure(name, document, decision, store) for name in names_in(amount.base) if not name.is_fact
    }
    tables = {name: document.tables[name].says for name in tables_in(amount.base) if name in document.tables}
    text = Wording(schema, figures, tables).text(amount.base)
    if isinstance(amount.base, Operation) and amount.base.op in ARITHMETIC:
        # In brackets wherever it stands; here it stands alone.
        text = text[1:-1]
    facts = dict.fromkeys(name.name for name in names_in(amount.base) if name.is_fact)
    known = [f"{schema.label(name)} {_fact(name, decision, schema)}" for name in facts if name in decision.facts]
    return f"{text}（{'，'.join(known)}）" if known else text


def _figure(name: Name, document: Document, decision: Decision, store: PolicyStore) -> str:
    """A text's own figure with its value on the day, else that of the text it takes it from."""
    for one in (document, *reversed(store.documents)):
        held = one.parameters.get(name.name)
        value = held.on(decision.on) if held is not None else None
        if held is not None and value is not None:
            return f"{held.says}（{figure_text(value.value, held.unit)}）"
    return name.name


def _fact(name: str, decision: Decision, schema: FactSchema) -> str:
    value, fact = decision.facts[name], schema.facts.get(name)
    if fact is None or fact.type.kind != "number" or value is None:
        return schema.show(name, value)
    exact = schema.normalise({name: value})[name]
    return figure_text(exact, fact.unit)
