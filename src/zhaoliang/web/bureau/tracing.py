"""The trace of a cent as a page reads it: stations in order, each with its figure, and whether neighbours agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from zhaoliang.payments.selectors import Trace
from zhaoliang.payments.trace import Node
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.web.components.parts import ClauseView

# The stations of the money, in the order it goes: code, title, what the station answers.
STATIONS = (
    ("rules", "依据与规则", "凭什么给"),
    ("steps", "金额计算", "给多少"),
    ("line", "申领明细", "给谁"),
    ("transfers", "记账", "从哪笔钱里出"),
    ("payments", "拨付", "怎么付的"),
    ("bank", "银行回单", "付到没有"),
    ("voucher", "培训券", "券的结局"),
)
RULE_TONES = {"不符合": "no", "待判断": "ask"}


@dataclass(frozen=True)
class RuleRow:
    """A rule with its clause and the facts it read; each fact with the records it rests on."""

    rule: Node
    clauses: tuple[ClauseView, ...]
    facts: tuple[tuple[Node, tuple[Node, ...]], ...]

    @property
    def tone(self) -> str:
        return RULE_TONES.get(self.word, "ok")

    @property
    def word(self) -> str:
        return self.rule.detail.partition("：")[0]

    @property
    def reason(self) -> str:
        return self.rule.detail.partition("：")[2]


@dataclass(frozen=True)
class StepRow:
    """A step of the amount with its clause and the running total after it."""

    step: Node
    clauses: tuple[ClauseView, ...]


@dataclass(frozen=True)
class Figure:
    """One figure of the proof strip; `agrees` tells whether it equals the one before it (None: nothing to compare)."""

    station: str
    label: str
    amount_fen: int | None
    agrees: bool | None = None


@dataclass(frozen=True)
class Stop:
    """A node of the trace, and the page that shows more of it ("" = none)."""

    node: Node
    url: str


@dataclass(frozen=True)
class Station:
    """A part of the way with its stops; none where the money has not come to yet."""

    code: str
    title: str
    asks: str
    nodes: tuple[Stop, ...]
    number: int

    @property
    def reached(self) -> bool:
        return bool(self.nodes)


@dataclass(frozen=True)
class TraceView:
    """Everything the trace page shows."""

    trace: Trace
    stations: tuple[Station, ...]
    rules: tuple[RuleRow, ...]
    steps: tuple[StepRow, ...]
    proof: tuple[Figure, ...]
    sentence: str
    backwards: bool


def view_of(trace: Trace, line: ClaimLine, *, urls: Mapping[str, str], backwards: bool) -> TraceView:
    """The page of a trace; `backwards` begins at the bank, `urls` leads from the keys of nodes to their pages."""
    kinds = {"rules": "rule", "steps": "step", "line": "line", "transfers": "transfer", "payments": "payment"}
    stations = [
        Station(code, title, asks, _stops(trace, kinds.get(code, code), urls), number)
        for number, (code, title, asks) in enumerate(STATIONS, start=1)
    ]
    return TraceView(
        trace=trace,
        stations=tuple(reversed(stations) if backwards else stations),
        rules=tuple(_rule(trace, node) for node in trace.of("rule")),
        steps=tuple(StepRow(node, _clauses(trace, node)) for node in trace.of("step")),
        proof=_proof(trace, line),
        sentence=_sentence(trace, line),
        backwards=backwards,
    )


def _stops(trace: Trace, kind: str, urls: Mapping[str, str]) -> tuple[Stop, ...]:
    return tuple(Stop(node, urls.get(node.key, "")) for node in trace.of(kind))


def _clauses(trace: Trace, node: Node) -> tuple[ClauseView, ...]:
    return tuple(_clause(one) for one in trace.up(node) if one.kind == "clause")


def _clause(node: Node) -> ClauseView:
    """A clause with the address of its text; its key is `clause:document#clause`."""
    document, _, clause = node.key.removeprefix("clause:").partition("#")
    address = f"{reverse('portal:policy', kwargs={'document': document})}#c{clause}"
    # The title of an unconfirmed one says so already (payments.trace).
    return ClauseView("", node.title, excerpt=node.detail, url=address)


def _rule(trace: Trace, rule: Node) -> RuleRow:
    facts = {one.key: one for one in trace.up(rule) if one.kind == "fact"}
    return RuleRow(
        rule,
        _clauses(trace, rule),
        tuple(
            (fact, tuple(source for source in trace.up(fact) if source.kind == "evidence")) for fact in facts.values()
        ),
    )


def _proof(trace: Trace, line: ClaimLine) -> tuple[Figure, ...]:
    """The same amount at each station it has reached: by the rules, of the line, booked as owed, booked as paid, banked."""
    steps, transfers = trace.of("step"), trace.of("transfer")
    by_kind = {word: [one for one in transfers if one.title == word] for word in ("审批应付", "支付")}
    paid = [one for one in trace.of("bank") if one.detail.startswith("到账")]
    found = [
        ("steps", "规则算出", steps[-1].amount_fen if steps else None),
        ("line", "申领明细", line.amount_fen),
        ("transfers", "记账应付", _sum(by_kind["审批应付"])),
        ("transfers", "记账支付", _sum(by_kind["支付"])),
        ("bank", "银行到账", _sum(paid)),
    ]
    figures: list[Figure] = []
    before: int | None = None
    for station, label, amount in found:
        comparable = before is not None and amount is not None
        figures.append(Figure(station, label, amount, amount == before if comparable else None))
        before = amount if amount is not None else before
    return tuple(figures)


def _sum(nodes: list[Node]) -> int | None:
    return sum(one.amount_fen or 0 for one in nodes) if nodes else None


def _sentence(trace: Trace, line: ClaimLine) -> str:
    """How far the money has come, in one sentence."""
    clauses, facts = len(trace.of("clause")), len(trace.of("fact"))
    why = f"依据 {clauses} 条条款、{facts} 项事实" if clauses else "还没有决定"
    endings = {
        "paid": "已经到账，培训券已核销" if line.voucher is not None else "已经到账",
        "refused": "不予补贴，没有动用资金",
        "failed": "被银行退回，钱还在应付账户里",
        "in_batch": "正在拨付",
        "approved": "已审批，等待拨付",
    }
    return f"{why}，{endings.get(line.state, '还在审核，没有动用资金')}。"
