"""The trace of a cent: clause → rule → fact with evidence → amount → claim line → transfers → payment → bank → voucher.

The trace is read from what was stored at each step, and adds up: where the stored figures disagree it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from zhaoliang import policy
from zhaoliang.funds.models import Transfer
from zhaoliang.funds.selectors import transfers_about_line, transfers_of
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.money import format_yuan
from zhaoliang.payments.models import BankReturnLine, PaymentLine
from zhaoliang.payments.states import PAYMENT_LINE
from zhaoliang.policy import Citation, Outcome
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.changes import PASSING, fact_changes
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.selectors import claim_line, due_payments, fact_shown, line_today
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.stored import steps_in_words
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.states import VOUCHER

KINDS = {
    "clause": "条款",
    "rule": "规则",
    "fact": "事实",
    "evidence": "依据",
    "step": "计算",
    "line": "申领明细",
    "transfer": "记账",
    "payment": "拨付",
    "bank": "银行回单",
    "voucher": "培训券",
}
OUTCOMES = {Outcome.PASS: "符合", Outcome.FAIL: "不符合", Outcome.CANNOT_TELL: "待判断"}


@dataclass(frozen=True)
class Node:
    """One place the cent passed: what kind of place, its key, a headline and what is to be said of it."""

    kind: str
    key: str
    title: str
    detail: str = ""
    amount_fen: int | None = None


@dataclass
class Trace:
    """The places of one claim line in order, and which leads to which. `breaks` is empty when all figures agree.

    `today` says what the same texts would say of the facts as they are now, where a fact has changed since the decision.
    """

    city_code: int
    claim_line_id: int
    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    today: str = ""

    def add(self, node: Node, *, after: Node | None = None) -> Node:
        """Enter a place (once) and the way to it."""
        kept = self.nodes.setdefault(node.key, node)
        if after is not None and (after.key, kept.key) not in self.links:
            self.links.append((after.key, kept.key))
        return kept

    def of(self, kind: str) -> list[Node]:
        """The places of one kind, in order."""
        return [node for node in self.nodes.values() if node.kind == kind]

    def down(self, node: Node) -> list[Node]:
        """Where the cent went from here."""
        return [self.nodes[target] for source, target in self.links if source == node.key]

    def up(self, node: Node) -> list[Node]:
        """Where the cent came from."""
        return [self.nodes[source] for source, target in self.links if target == node.key]

    def origins(self, node: Node) -> Iterator[Node]:
        """Everything this place rests on, nearest first."""
        seen, waiting = {node.key}, [node]
        while waiting:
            for found in self.up(waiting.pop(0)):
                if found.key not in seen:
                    seen.add(found.key)
                    waiting.append(found)
                    yield found


def cent_trace(line: ClaimLine) -> Trace:
    """The trace of a claim line, as far as it has come. A fixed number of queries and one for each attempt to pay."""
    line = claim_line(line.city_code, line.pk)
    trace = Trace(line.city_code, line.pk)
    here = _line_node(line)
    _put_decision(trace, line, here)
    trace.add(here)
    booked = _put_transfers(trace, line, here)
    paid = _put_payments(trace, line, here)
    if line.voucher is not None:
        _put_voucher(trace, line.voucher, trace.of("bank")[-1] if paid else here)
    _check(trace, line, booked, paid)
    trace.today = _today(line)
    return trace


def trace_from_bank_line(bank_line: BankReturnLine) -> Trace | None:
    """The same trace, found from a row of a bank file; None when that row matched nothing.

    A row in which the bank put several payments together leads to the first; `lines_behind` gives all.
    """
    found = lines_behind(bank_line)
    return cent_trace(found[0]) if found else None


def lines_behind(bank_line: BankReturnLine) -> list[ClaimLine]:
    """The claim lines whose money a row of a bank file is, in the order of their payments."""
    ids = [bank_line.payment_line_id] if bank_line.payment_line_id is not None else list(bank_line.line_ids)
    rows = PaymentLine.objects.select_related("claim_line").filter(city_code=bank_line.city_code, pk__in=ids)
    return [payment.claim_line for payment in rows.order_by("sequence")]


def payments_of(line: ClaimLine) -> list[PaymentLine]:
    """Every attempt to pay a claim line, first to last, whatever the purpose."""
    rows = PaymentLine.objects.select_related("batch", "due").filter(city_code=line.city_code, claim_line=line)
    return list(rows.order_by("id"))


def _line_node(line: ClaimLine) -> Node:
    parts = [
        mask_name(line.person.name),
        line.claim.title,
        CLAIM_LINE.states[line.state],
        f"收款方：{dict(ClaimLine.PAYEES)[line.payee]}",
    ]
    if line.judgement:
        parts.append(f"人工判断：{line.judgement}")
    return Node("line", f"line:{line.pk}", f"申领明细 {line.pk}", "，".join(parts), line.amount_fen)


def _clause(citation: Citation) -> Node:
    doubt = "" if citation.verified else "（依据未核实）"
    return Node("clause", f"clause:{citation.key}", f"{citation}{doubt}", citation.excerpt)


def _put_decision(trace: Trace, line: ClaimLine, here: Node) -> None:
    decision = line.decision
    if decision is None:
        return
    made = policy.Decision.from_json(decision.record)
    for result in made.results:
        clause = trace.add(_clause(result.citation))
        reason = "" if result.outcome is Outcome.PASS else f"：{result.says}"
        said = f"{OUTCOMES[result.outcome]}{reason}"
        rule = trace.add(Node("rule", f"rule:{result.rule_id}", result.asks, said), after=clause)
        for name, value in result.facts_used.items():
            shown = fact_shown(name, value, decision.evidence)
            fact = Node("fact", f"fact:{name}", shown.label, shown.value)
            if shown.evidence:
                source = trace.add(Node("evidence", f"evidence:{shown.evidence}", shown.evidence))
                trace.add(fact, after=source)
            trace.links.append((trace.add(fact).key, rule.key))
        trace.links.append((rule.key, here.key))
    previous: Node | None = None
    for number, step in enumerate(steps_in_words(decision, made), start=1):
        clause = trace.add(_clause(step.citation))
        node = Node("step", f"step:{number}", step.label, step.operation, step.value_fen)
        trace.add(node, after=clause)
        previous = trace.add(node, after=previous)
    if previous is not None:
        trace.links.append((previous.key, here.key))


def transfers_behind(line: ClaimLine) -> list[Transfer]:
    """Every transfer of a line's money, first to last: owed, paid, given back, owed more, paid again."""
    subjects = [("payment_due", due.pk) for due in due_payments(line)]
    back = PaymentLine.objects.filter(city_code=line.city_code, claim_line=line, state="returned")
    subjects += [("payment_line", pk) for pk in back.values_list("id", flat=True)]
    found = transfers_about_line(line.city_code, line.pk)
    found += [one for kind, pk in subjects for one in transfers_of(line.city_code, kind, pk)]
    return sorted(found, key=lambda transfer: transfer.pk)


def bank_rows_behind(line: ClaimLine) -> list[BankReturnLine]:
    """The rows of bank files that speak of a line's payments."""
    rows = _bank_rows(line, [payment.pk for payment in payments_of(line)])
    return list({row.pk: row for part in rows.values() for row in part}.values())


def _put_transfers(trace: Trace, line: ClaimLine, here: Node) -> list[Transfer]:
    found = transfers_behind(line)
    before = here
    for transfer in found:
        way = f"{transfer.debit.name} → {transfer.credit.name}"
        node = Node(
            "transfer", f"transfer:{transfer.pk}", dict(Transfer.KINDS)[transfer.kind], way, transfer.amount_fen
        )
        before = trace.add(node, after=before)
    return found


def _put_payments(trace: Trace, line: ClaimLine, here: Node) -> int:
    """Enter every attempt with the bank's rows; return the fen that the bank's rows say arrived and stayed."""
    payments = list(payments_of(line))
    answers = _bank_rows(line, [payment.pk for payment in payments])
    start = trace.of("transfer")[0] if trace.of("transfer") else here
    paid = 0
    for payment in payments:
        to_person = (line if payment.due is None else payment.due).payee == "person"
        name = mask_name(payment.payee_name) if to_person else payment.payee_name
        said = f"{name} {payment.account_masked}，{PAYMENT_LINE.states[payment.state]}"
        purpose = "" if payment.due_id is None else f"，{payment.get_purpose_display()}"
        title = f"批次 {payment.batch.number} 第 {payment.sequence} 行（第 {payment.attempt} 次{purpose}）"
        node = Node("payment", f"payment:{payment.pk}", title, said, payment.amount_fen)
        trace.add(node, after=start)
        rows = answers.get(payment.pk, [])
        for row in rows:
            trace.add(_bank_node(row), after=node)
        paid += _arrived(payment, rows)
    return paid


def _bank_rows(line: ClaimLine, payment_ids: list[int]) -> dict[int, list[BankReturnLine]]:
    """The rows of bank files that speak of a line's payments, also those in which the bank put several together."""
    known = BankReturnLine.objects.select_related("bank_return").filter(city_code=line.city_code)
    found: dict[int, list[BankReturnLine]] = {}
    for row in known.filter(payment_line_id__in=payment_ids).order_by("id"):
        found.setdefault(row.payment_line_id or 0, []).append(row)
    for row in known.exclude(line_ids=[]).filter(line_ids__overlap=payment_ids).order_by("id"):
        for pk in set(row.line_ids) & set(payment_ids):
            if row not in found.setdefault(pk, []):
                found[pk].append(row)
    return found


def _arrived(payment: PaymentLine, rows: list[BankReturnLine]) -> int:
    """Fen that arrived by one payment, as the bank's rows tell it. Rows that a person has not yet decided count nothing."""
    if payment.state != "paid":
        return 0
    whole = [row.amount_fen for row in rows if row.outcome in ("paid", "contradicts", "account_differs", "reversed")]
    parts = sum(row.amount_fen for row in rows if row.outcome == "split")
    together = any(payment.pk in row.line_ids and row.outcome == "merged" for row in rows)
    return whole[0] if whole else payment.amount_fen if together else parts


def _bank_node(row: BankReturnLine) -> Node:
    said = "，".join(part for part in (dict(BankReturnLine.OUTCOMES)[row.outcome], row.reason) if part)
    title = f"流水号 {row.bank_reference}" if row.bank_reference else f"回单第 {row.row} 行"
    return Node(
        "bank", f"bank:{row.pk}", title, f"{said}（{row.bank_return.file_name} 第 {row.row} 行）", row.amount_fen
    )


def _put_voucher(trace: Trace, voucher: Voucher, before: Node) -> None:
    said = f"{voucher.batch.name}，{VOUCHER.states[voucher.state]}"
    trace.add(Node("voucher", f"voucher:{voucher.pk}", voucher.code, said, voucher.amount_fen), after=before)


def _check(trace: Trace, line: ClaimLine, transfers: list[Transfer], paid: int) -> None:
    """Note where the figures of two neighbouring steps differ."""
    own = [one for one in transfers if one.subject_type.startswith("claim_line")]
    accrued = sum(_owing(transfer) for transfer in own)
    # Kept for what the payee owes instead of going through the bank.
    kept = sum(transfer.amount_fen for transfer in own if transfer.subject_type == "claim_line.set_off")
    revised = any(transfer.subject_type.startswith("claim_line.difference") for transfer in own)
    back = sum(one.amount_fen for one in transfers if one.subject_type == "payment_line" and one.kind == "reverse")
    booked = sum(one.amount_fen for one in transfers if one.kind == "pay") - back
    dues = sum(one.amount_fen for one in transfers if one.subject_type == "payment_due" and one.kind == "pay") - back
    steps = trace.of("step")
    decided = steps[-1].amount_fen if steps else None
    due = line.state in ("approved", "in_batch", "failed", "paid")
    pairs = [
        ("规则算出的金额", decided, "申领明细", line.amount_fen, due and not revised),
        ("申领明细", line.amount_fen, "记账应付", accrued, due),
        ("记账支付", booked, "银行到账", paid + kept, True),
        ("申领明细", line.amount_fen + dues, "银行到账", paid, line.state == "paid" and not kept),
    ]
    for left, one, right, other, asked in pairs:
        if asked and one != other:
            trace.breaks.append(f"{left} {_shown(one)}，{right} {_shown(other)}，对不上")
    if line.decision is not None:
        stored = policy.Decision.from_json(line.decision.record)
        try:
            again = lawbook().replay(stored)
        except policy.PolicyVersionGone:
            trace.breaks.append("当时的政策文本与现在的文件不同，无法重算")
        else:
            if again.fen != stored.fen:
                trace.breaks.append(f"按当时的政策重算得 {_shown(again.fen)}，当时是 {_shown(stored.fen)}")


def _today(line: ClaimLine) -> str:
    """What has changed on file since the decision and what its texts say of it now; nothing where no fact changed."""
    if line.decision is None or line.kind not in TRAINING_KINDS:
        return ""
    said = line_today(line)
    changes = [one for one in fact_changes(line.decision.facts, said.facts) if one.name not in PASSING]
    if not changes:
        return ""
    amount = "" if said.outcome is Outcome.FAIL else f"，{_shown(said.fen)}"
    listed = "；".join(str(change) for change in changes)
    return f"决定以后事实有变化：{listed}。按今天的事实重算：{OUTCOMES[said.outcome]}{amount}。"


def _owing(transfer: Transfer) -> int:
    return {"accrue": transfer.amount_fen, "amend": -transfer.amount_fen}.get(transfer.kind, 0)


def _shown(amount_fen: int | None) -> str:
    return "未知" if amount_fen is None else format_yuan(amount_fen)
