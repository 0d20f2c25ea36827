"""The trace of a cent: from clause to bank line and back, without a gap and without a difference."""

from __future__ import annotations

import pytest
from django.db import connection

from factories.payments import answered, sent
from factories.subsidies import CITY, FULL_FEN, approved, assembled, case
from zhaoliang.cli.trace import padded, rendered, width
from zhaoliang.demo.bank import answer_file
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import BankReturnLine
from zhaoliang.payments.trace import cent_trace, trace_from_bank_line
from zhaoliang.registry.models import PersonStatus
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.selectors import city_of_line, claim_line

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G2", "F3")]


def paid_line() -> ClaimLine:
    """A line whose money has arrived."""
    made = case(1)
    claim = approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch)))
    return ClaimLine.objects.get(city_code=CITY, claim=claim)


def test_the_bank_line_rests_on_clauses_and_evidence() -> None:
    trace = cent_trace(paid_line())
    assert trace.breaks == []
    (bank,) = trace.of("bank")
    origins = list(trace.origins(bank))
    assert {node.kind for node in origins} >= {
        "payment",
        "transfer",
        "line",
        "step",
        "rule",
        "fact",
        "evidence",
        "clause",
    }
    assert any("第九条" in node.title for node in origins if node.kind == "clause")
    assert {node.amount_fen for node in origins if node.kind in ("payment", "line", "transfer")} == {FULL_FEN}
    assert [node.kind for node in trace.down(bank)] == ["voucher"]


def test_every_rule_has_a_clause_and_every_known_fact_its_evidence() -> None:
    trace = cent_trace(paid_line())
    assert trace.of("rule")
    for rule in trace.of("rule"):
        assert "clause" in {node.kind for node in trace.up(rule)}
    for fact in trace.of("fact"):
        assert fact.detail == "未知" or [node.kind for node in trace.up(fact)] == ["evidence"]


def test_the_trace_is_found_from_the_bank_line() -> None:
    line = paid_line()
    found = trace_from_bank_line(BankReturnLine.objects.get(city_code=CITY, payment_line__claim_line=line))
    assert found is not None
    assert found.nodes == cent_trace(line).nodes


def test_a_line_that_is_not_paid_yet_has_its_trace_so_far() -> None:
    claim = assembled(case(1, attended={0: 4000}))
    trace = cent_trace(ClaimLine.objects.get(city_code=CITY, claim=claim))
    assert trace.breaks == []
    assert (trace.of("transfer"), trace.of("payment")) == ([], [])
    assert any("不符合" in rule.detail for rule in trace.of("rule"))


def test_what_changed_on_file_since_the_decision_is_said_and_changes_nothing() -> None:
    line = paid_line()
    assert cent_trace(line).today == ""
    start = line.claim.rules_on
    PersonStatus.objects.create(
        city_code=CITY, person=line.person, kind="pension", holds=True, source="社保比对", checked_on=start
    )
    trace = cent_trace(line)
    assert "→ 是" in trace.today
    assert "不符合" in trace.today
    assert trace.breaks == []
    assert rendered(trace)[-2] == f"! {trace.today}"
    assert ClaimLine.objects.get(city_code=CITY, pk=line.pk).amount_fen == FULL_FEN


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE claim_line SET amount_fen = amount_fen + 1 WHERE city_code = %s AND id = %s",
        "UPDATE claim_line SET state = 'paid' WHERE city_code = %s AND id = %s",
    ],
)
def test_a_figure_changed_behind_its_back_breaks_the_trace(statement: str) -> None:
    line = ClaimLine.objects.get(city_code=CITY, claim=approved(case(1)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [CITY, line.pk])
    assert cent_trace(line).breaks


def test_the_printed_trace_is_aligned_and_hides_who_it_is() -> None:
    line = paid_line()
    rows = rendered(cent_trace(line))
    assert rows[-1] == "各步金额一致，按当时的政策重算相同。"
    assert any("3,780.00" in row and "银行回单" in row for row in rows)
    person = claim_line(CITY, line.pk).person
    text = "\n".join(rows)
    assert person.document_number not in text
    assert person.name not in text
    assert {width(padded(word, 20)) for word in ("a", "条款", "字" * 40)} == {20}


def test_a_line_is_found_without_its_city() -> None:
    assert city_of_line(paid_line().pk) == CITY
