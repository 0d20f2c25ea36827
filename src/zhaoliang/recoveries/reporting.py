"""How the money of a region was used, by fund source, region, group or project (人社部函〔2021〕14号 六、九)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import region_codes
from zhaoliang.registry.models import GroupMembership
from zhaoliang.registry.selectors import region_names
from zhaoliang.subsidies.models import Claim

By = Literal["source", "region", "group", "project"]


@dataclass(frozen=True)
class Use:
    """One row: amounts in fen. `given` is budget received (clearing included), `net` what was spent and stays spent.

    `payments` counts what reached an account and was not given back by the bank.
    """

    label: str
    given_fen: int | None
    reserved_fen: int | None
    payable_fen: int | None
    payments: int | None
    paid_fen: int
    recovered_fen: int
    owed_fen: int

    @property
    def net_fen(self) -> int:
        """Paid, less what came back."""
        return self.paid_fen - self.recovered_fen


# What accounts of each kind hold; what was ever paid is what is disbursed, wanted back, came back, or was written off.
_ACCOUNTS = """
SELECT {key},
       sum(balance_fen) FILTER (WHERE kind = 'budget'),
       sum(balance_fen) FILTER (WHERE kind = 'reserved'),
       sum(balance_fen) FILTER (WHERE kind = 'payable'),
       sum(balance_fen) FILTER (WHERE kind IN ('disbursed', 'written_off')),
       sum(balance_fen) FILTER (WHERE kind = 'receivable'),
       sum(coalesce(back.fen, 0))
FROM account
LEFT JOIN (
    SELECT city_code, debit_id, sum(amount_fen) AS fen FROM transfer
    WHERE city_code = %(city)s AND kind = 'collect' GROUP BY city_code, debit_id
) back ON back.city_code = account.city_code AND back.debit_id = account.id
WHERE account.city_code = %(city)s AND region_code BETWEEN %(low)s AND %(high)s
  AND (%(year)s::int IS NULL OR year = %(year)s) AND (%(fund)s = '' OR fund_source = %(fund)s)
GROUP BY 1 ORDER BY 1
"""

# Payments counted by month and project (`payments.totals`), and the cases that want some of them back: nothing reads each
# payment. Money counts in the year it came from, which is that of the account it was paid out of.
_PAYMENTS = """
WITH paid AS (
    SELECT {key} AS key, min({label}) AS label, sum(t.payments) AS payments, sum(t.amount_fen) AS fen
    FROM (SELECT paid_total.*, claim_kind AS kind FROM paid_total WHERE city_code = %(city)s) t
    JOIN account a ON a.city_code = t.city_code AND a.id = t.account_id
    LEFT JOIN project p ON p.city_code = t.city_code AND p.id = t.project_id
    WHERE {within} GROUP BY 1
), back AS (
    SELECT {key} AS key, min({label}) AS label, sum(t.collected_fen) AS fen,
           sum(t.amount_fen - t.collected_fen) FILTER (WHERE t.state NOT IN ('withdrawn', 'written_off')) AS owed
    FROM (
        SELECT r.city_code, r.amount_fen, r.collected_fen, r.state, opened.debit_id AS account_id, c.kind, k.project_id,
               coalesce(n."group", '') AS "group"
        FROM recovery_case r
        JOIN transfer opened ON opened.city_code = r.city_code AND opened.kind = 'recover'
            AND opened.subject_type = 'recovery_case' AND opened.subject_id = r.id
        JOIN claim_line l ON l.city_code = r.city_code AND l.id = r.claim_line_id
        JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
        LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id
        LEFT JOIN training_class k ON k.city_code = c.city_code AND k.id = c.training_class_id
        WHERE r.city_code = %(city)s
    ) t
    JOIN account a ON a.city_code = t.city_code AND a.id = t.account_id
    LEFT JOIN project p ON p.city_code = t.city_code AND p.id = t.project_id
    WHERE {within} GROUP BY 1
)
SELECT coalesce(paid.label, back.label), coalesce(paid.payments, 0), coalesce(paid.fen, 0), coalesce(back.fen, 0),
       coalesce(back.owed, 0)
FROM paid FULL JOIN back ON back.key = paid.key
ORDER BY 3 DESC, 1
"""
_WITHIN = (
    "a.city_code = %(city)s AND a.region_code BETWEEN %(low)s AND %(high)s"
    " AND (%(year)s::int IS NULL OR a.year = %(year)s) AND (%(fund)s = '' OR a.fund_source = %(fund)s)"
)
# What rows are told apart by; claims without a class have no project and are told by their kind.
_KEYS = {
    "source": "fund_source",
    "region": "region_code",
    "group": 't."group"',
    "project": "coalesce(p.id::text, t.kind)",
}
_LABELS = {"group": 't."group"', "project": "coalesce(p.name, t.kind)"}


def fund_use(city_code: int, region_code: int, *, by: By, year: int | None = None, fund_source: str = "") -> list[Use]:
    """How the money of a region was used, a row a source, region, group or project; all four cuts come to the same sums."""
    low, high = region_codes(region_code)
    given = {"city": city_code, "low": low, "high": high, "year": year, "fund": fund_source}
    if by in ("group", "project"):
        statement = _PAYMENTS.format(key=_KEYS[by], label=_LABELS[by], within=_WITHIN)
        words = {**dict(Claim.KINDS), **dict(GroupMembership.GROUPS), "": "其他"}
        return [
            Use(str(words.get(label, label)), None, None, None, int(payments), int(paid), int(back), int(owed))
            for label, payments, paid, back, owed in _rows(statement, given)
        ]
    rows = _rows(_ACCOUNTS.format(key=_KEYS[by]), given)
    names = region_names([key for key, *_ in rows]) if by == "region" else {}
    found = []
    for key, *figures in rows:
        budget, reserved, payable, spent, owed, back = (int(one or 0) for one in figures)
        label = FundSource(key).label if by == "source" else names.get(key, str(key))
        paid = spent + owed + back
        total = budget + reserved + payable + spent + owed
        found.append(Use(str(label), total, reserved, payable, None, paid, back, owed))
    return found


def _rows(statement: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()
