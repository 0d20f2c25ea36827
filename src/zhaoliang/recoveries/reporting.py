"""How the money of a region was used, by fund source, region, group or project (人社部函〔2021〕14号 六、九)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db import connection

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import region_codes
from zhaoliang.registry.models import GroupMembership
from zhaoliang.registry.selectors import region_names

By = Literal["source", "region", "group", "project"]


@dataclass(frozen=True)
class Use:
    """One row: amounts in fen. `given` is budget received (clearing included), `net` what was spent and stays spent."""

    label: str
    given_fen: int | None
    reserved_fen: int | None
    payable_fen: int | None
    people: int | None
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

# A line counts in the year its money came from, which is that of the account it was paid into.
_LINES = """
WITH paid AS (
    SELECT l.id, l.person_id, {key} AS key, pay.amount_fen AS fen
    FROM claim_line l
    JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
    JOIN transfer pay ON pay.city_code = l.city_code AND pay.kind = 'pay' AND pay.subject_type = 'claim_line'
        AND pay.subject_id = l.id
    JOIN account a ON a.city_code = l.city_code AND a.id = pay.credit_id
    LEFT JOIN transfer undone ON undone.city_code = l.city_code AND undone.reverses_id = pay.id
    LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id
    LEFT JOIN training_class k ON k.city_code = l.city_code AND k.id = c.training_class_id
    LEFT JOIN project p ON p.city_code = l.city_code AND p.id = k.project_id
    WHERE l.city_code = %(city)s AND c.region_id BETWEEN %(low)s AND %(high)s AND undone.id IS NULL
      AND (%(year)s::int IS NULL OR a.year = %(year)s) AND (%(fund)s = '' OR a.fund_source = %(fund)s)
), back AS (
    SELECT claim_line_id, sum(collected_fen) AS fen,
           sum(amount_fen - collected_fen) FILTER (WHERE state NOT IN ('withdrawn', 'written_off')) AS owed
    FROM recovery_case WHERE city_code = %(city)s GROUP BY claim_line_id
)
SELECT paid.key, count(DISTINCT paid.person_id), sum(paid.fen), sum(coalesce(back.fen, 0)), sum(coalesce(back.owed, 0))
FROM paid LEFT JOIN back ON back.claim_line_id = paid.id
GROUP BY 1 ORDER BY 3 DESC, 1
"""
_KEYS = {
    "source": "fund_source",
    "region": "region_code",
    "group": "coalesce(n.\"group\", '')",
    "project": "coalesce(p.name, c.title)",
}


def fund_use(city_code: int, region_code: int, *, by: By, year: int | None = None, fund_source: str = "") -> list[Use]:
    """How the money of a region was used, a row a source, region, group or project; first payments only by the latter two."""
    low, high = region_codes(region_code)
    given = {"city": city_code, "low": low, "high": high, "year": year, "fund": fund_source}
    of_accounts = by in ("source", "region")
    with connection.cursor() as cursor:
        cursor.execute((_ACCOUNTS if of_accounts else _LINES).format(key=_KEYS[by]), given)
        rows = cursor.fetchall()
    if not of_accounts:
        groups = dict(GroupMembership.GROUPS)
        return [
            Use(
                str(groups.get(key, key or "其他")) if by == "group" else str(key),
                None,
                None,
                None,
                people,
                int(paid),
                int(back),
                int(owed),
            )
            for key, people, paid, back, owed in rows
        ]
    names = region_names([key for key, *_ in rows]) if by == "region" else {}
    found = []
    for key, *figures in rows:
        budget, reserved, payable, spent, owed, back = (int(one or 0) for one in figures)
        label = FundSource(key).label if by == "source" else names.get(key, str(key))
        paid = spent + owed + back
        total = budget + reserved + payable + spent + owed
        found.append(Use(str(label), total, reserved, payable, None, paid, back, owed))
    return found
