"""A large claim approved by statements over all its lines, with the outcome of `approval`'s line by line.

`tests/subsidies/test_mass.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.funds.selectors import budget_account
from zhaoliang.funds.services import post_selected
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.services.grants import Granted, record_grants
from zhaoliang.subsidies.facts_sql import Chosen
from zhaoliang.subsidies.judging import bases, judged, sheet_of
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import LINE_PARTS, Claim, ClaimLine
from zhaoliang.subsidies.services.audit import SETTINGS, STORE
from zhaoliang.subsidies.services.checks import attach, decide
from zhaoliang.subsidies.services.dues import payable_account
from zhaoliang.subsidies.services.mass import PART
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.vouchers.selectors import with_budget
from zhaoliang.vouchers.services import leave_claim_all

_REFUSED = """
SELECT made.line AS id, 'passed' AS source, 'refuse' AS event, made.decision AS decision_id, 0 AS amount_fen, made.said AS refusal
FROM unnest(%(lines)s::bigint[], %(decisions)s::bigint[], %(said)s::text[]) AS made (line, decision, said)
"""
# What each line draws on its batch's reservation, up to the voucher's share, and what on the budget; lines of one account come
# together, so that two approvals lock the accounts in one order.
_OWED = """
SELECT 'accrue', owed.debit, b.payable, owed.fen, owed.subject, l.id, '补贴申领明细 ' || l.id || ' 审批'
FROM claim_line l
LEFT JOIN voucher v ON v.city_code = %(city)s AND v.id = l.voucher_id
JOIN unnest(%(batches)s::bigint[], %(reserved)s::bigint[], %(budgets)s::bigint[], %(payables)s::bigint[])
    AS b (batch, reserved, budget, payable) ON b.batch = coalesce(v.batch_id, 0)
CROSS JOIN LATERAL (
    SELECT CASE WHEN b.reserved = 0 THEN 0 ELSE least(l.amount_fen, v.amount_fen) END AS fen
) r
CROSS JOIN LATERAL (
    SELECT 1 AS place, b.reserved AS debit, r.fen, 'claim_line' AS subject WHERE r.fen > 0
    UNION ALL
    SELECT 2, b.budget, l.amount_fen - r.fen, CASE WHEN r.fen > 0 THEN 'claim_line.excess' ELSE 'claim_line' END
    WHERE l.amount_fen > r.fen OR r.fen = 0
) owed
WHERE l.city_code = %(city)s AND l.claim_id = %(claim)s AND l.state = 'passed'
ORDER BY b.reserved, l.person_id, l.id, owed.place
"""


def refuse_changed(claim: Claim, at: datetime) -> None:
    """The lines of a locked claim that a rule refuses on the facts of today leave with that decision (inside an act)."""
    city = claim.city_code
    rows = ClaimLine.objects.filter(city_code=city, claim=claim).order_by("id")
    lines = len(rows.select_for_update(no_key=True).values_list("id"))
    report(0, lines, "正在按今天的事实再算一遍")
    chosen = Chosen(city, "c.id = %(claim)s", "l.state = 'passed'", parameters={"claim": claim.pk})
    sheet = sheet_of(policies_for(claim.region_id, on=claim.rules_on))
    text, parameters = judged(chosen, [sheet], bases(city, sheet))
    stored = STORE.format(judged=text, unless_same="WHERE made.outcome = 'fail'") + " RETURNING claim_line_id, id"
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        cursor.execute(stored, parameters | {"city": city, "at": at})
        failed = cursor.fetchall()
        cursor.execute("SET LOCAL enable_nestloop = on; SET LOCAL work_mem TO DEFAULT")
    # Whose identity two people found to be wrong the statement does not see; they are few.
    rows = ClaimLine.objects.select_related(*LINE_PARTS).filter(city_code=city, claim=claim, state="passed")
    wrong = list(rows.filter(person__identity_wrong_on__isnull=False).exclude(pk__any_of=[line for line, _ in failed]))
    made = [one for one in decide(claim, wrong).values() if one.outcome == Outcome.FAIL] if wrong else []
    attach(made, at)
    failed += [(one.claim_line_id, one.pk) for one in made]
    said = "公示后核验发现不符合，见逐条结果。"
    _refuse(claim, ((line, decision, said) for line, decision in failed), "decision")


def grant_passed(claim: Claim, at: datetime) -> None:
    """Enter the passed lines in the national register, in the order of persons; who was granted meanwhile leaves (in an act)."""
    kind = KINDS[claim.kind]
    if not kind.grant:
        return
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state="passed")
    ids = list(rows.order_by("person_id", "id").values_list("id", flat=True))
    for start in range(0, len(ids), PART):
        report(start, len(ids), "正在登记全国补贴记录")
        part = rows.filter(pk__any_of=ids[start : start + PART]).order_by("person_id", "id")
        fields = ("id", "person_id", "occupation_id", "level", "certificate__number")
        entries = [
            Granted(person, occupation, (level or 0) if kind.by_level else 0, line, number or "")
            for line, person, occupation, level, number in part.values_list(*fields)
        ]
        refused = record_grants(
            entries,
            scheme=kind.grant,
            city_code=claim.city_code,
            fund_source=claim.fund_source,
            granted_on=chinese_day(at),
            source="本平台审批",
        )
        said = ((line, None, f"{one.what}{one.why}"[:500]) for line, one in sorted(refused.items()))
        _refuse(claim, said)


def owe_passed(claim: Claim, at: datetime) -> None:
    """Owe the amounts of the passed lines, which are approved with that (inside an act). Raises Exhausted, NotFound."""
    city = claim.city_code
    rows = ClaimLine.objects.filter(city_code=city, claim=claim, state="passed")
    ids = list(rows.order_by("id").values_list("id", flat=True))
    if not ids:
        return
    report(0, len(ids), "正在记入应付")
    given: dict[str, Any] = {"city": city, "claim": claim.pk, **_accounts(claim, at)}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({_OWED}) owed (kind, debit, credit, fen, subject, line, memo)", given)
        (count,) = cursor.fetchone() or (0,)
    post_selected(city, _OWED, given, count=count, at=at)
    report(0, len(ids), "正在登记审批")
    CLAIM_LINE.fire_ids(ClaimLine, city, ids, "approve", source="passed")


def free_vouchers(claim: Claim) -> None:
    """The vouchers of refused lines are verified again (inside an act)."""
    held = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state="refused", voucher__state="in_claim")
    leave_claim_all(claim.city_code, list(held.order_by("voucher_id").values_list("voucher_id", flat=True)))


def _accounts(claim: Claim, at: datetime) -> dict[str, str]:
    """For each voucher batch of the passed lines (0: without voucher) its reserved (0: none), budget and payable account."""
    passed = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state="passed")
    some = passed.select_related("claim").first()
    assert some is not None
    ids = passed.order_by("voucher__batch_id").values_list("voucher__batch_id", flat=True).distinct()
    batches = with_budget(claim.city_code, [one for one in ids if one is not None])
    found: dict[str, list[int]] = {"batches": [], "reserved": [], "budgets": [], "payables": []}
    for one in ids:
        batch = batches.get(one or 0)
        year = batch.budget_account.year if batch else chinese_day(at).year
        if batch is not None and batch.reserved_account_id is not None:
            reserved, budget = batch.reserved_account_id, batch.budget_account.pk
        else:
            reserved, budget = 0, budget_account(claim.city_code, claim.region_id, claim.fund_source, year).pk
        row = (one or 0, reserved, budget, payable_account(some, year).pk)
        for values, value in zip(found.values(), row, strict=True):
            values.append(value)
    return {name: id_array(values) for name, values in found.items()}


def _refuse(claim: Claim, refused: Iterable[tuple[int, int | None, str]], *changes: str) -> None:
    rows = list(refused)
    if rows:
        lines, decisions, said = zip(*rows, strict=True)
        given = {"lines": list(lines), "decisions": list(decisions), "said": list(said)}
        changed = ("amount_fen", "refusal", *changes)
        CLAIM_LINE.fire_chosen(ClaimLine, claim.city_code, _REFUSED, given, changes=changed)
