"""The funnel of vouchers (方案 一（一）1（3）, 5): issued, claimed, used, taught, certified, paid, and what stopped the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from importlib import resources
from typing import Any

from django.db import connection

from zhaoliang.kernel.roles import region_codes
from zhaoliang.vouchers.selectors import issued_of

# 2021-03: 1.757 million issued in the pilots, 84,000 used (domain facts §2.3, an excerpt).
PILOTS_USED = Fraction(48, 1000)


@dataclass(frozen=True)
class Dimension:
    """A way to break the funnel down: the SQL of key, label, join and order, and whether quotas can be told by it.

    `kept` is the key and label among the cells of a kept count where they are stored ready, without a join.
    """

    label: str
    key: str
    name: str
    join: str = ""
    order: str = "claimed DESC, 1"
    issued: str = ""
    kept: str = ""


DIMENSIONS = {
    "batch": Dimension("批次", "h.batch_id", "h.batch_name", issued="batch"),
    "region": Dimension("地区", "h.region_id", "r.name", "JOIN region r ON r.code = h.region_id", issued="region"),
    "provider": Dimension(
        "机构",
        "coalesce(h.provider_id, 0)",
        "coalesce(o.short_name, '还没有用')",
        "LEFT JOIN organisation o ON o.city_code = h.city_code AND o.id = h.provider_id",
    ),
    # The group of the roster; of who is on none the best proved of the day of the claim, the batch's own groups first.
    "group": Dimension(
        "人员类别",
        'coalesce(l."group", g."group", \'\')',
        'coalesce(l."group", g."group", \'\')',
        'LEFT JOIN LATERAL (SELECT m."group" FROM group_membership m WHERE m.city_code = h.city_code'
        " AND m.person_id = h.person_id AND m.valid_from <= (h.claimed_at AT TIME ZONE 'Asia/Shanghai')::date"
        " AND coalesce(m.valid_to, 'infinity') >= (h.claimed_at AT TIME ZONE 'Asia/Shanghai')::date"
        ' ORDER BY h.groups @> to_jsonb(m."group") DESC, array_position('
        "ARRAY['register', 'document', 'declared'], m.evidence::text), m.\"group\" LIMIT 1) g ON l.\"group\" IS NULL",
        kept='h."group"',
    ),
    "fund": Dimension("资金渠道", "h.fund_source", "h.fund_source", issued="fund"),
    "month": Dimension(
        "领取月份",
        "to_char(h.claimed_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')",
        "to_char(h.claimed_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')",
        order="1",
        kept="to_char(h.claimed_on, 'YYYY-MM')",
    ),
}


@dataclass(frozen=True)
class Filter:
    """What is looked at: a city's region and below, one batch, one fund, one provider, claimed from `since` to before `until`
    (both where a Chinese day begins)."""

    city_code: int
    region_code: int
    batch_id: int | None = None
    fund_source: str = ""
    provider_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Row:
    """One line: how many vouchers got how far (`issued` None where quotas do not follow the dimension), why others did
    not, and the money in fen (`held_fen` reserved for those claimed, `paid_fen` paid out). `people` None in a kept count."""

    key: str
    label: str
    claimed: int
    used: int
    taught: int
    certified: int
    paid: int
    held_fen: int
    paid_fen: int
    returned: int
    expired: int
    void: int
    waiting: int
    dropped: int
    failed: int
    refused: int
    people: int | None
    issued: int | None = None


def statement(name: str) -> str:
    """The text of a statement of this folder."""
    return resources.files("zhaoliang.oversight").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")


def held(*, whole: bool = False) -> str:
    """The beginning of the statements, "voucher_held": it keeps to the chosen vouchers early, unless they are the whole city's."""
    text = statement("voucher_held")
    for name, of in (("of_enrolments", "e"), ("of_lines", "l")):
        join = "" if whole else f"JOIN among a ON a.city_code = {of}.city_code AND a.id = {of}.voucher_id"
        text = text.replace(f"{{{name}}}", join)
    return text


def parameters(wanted: Filter) -> dict[str, Any]:
    """What "voucher_held" asks for."""
    low, high = region_codes(wanted.region_code)
    return {
        "city": wanted.city_code,
        "low": low,
        "high": high,
        "batch": wanted.batch_id,
        "fund": wanted.fund_source,
        "provider": wanted.provider_id,
        "since": wanted.since,
        "until": wanted.until,
    }


def filled(text: str, **parts: str) -> str:
    """A statement with its `{parts}` put in: SQL of this folder's own, never what somebody typed."""
    for name, value in parts.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def funnel(wanted: Filter, by: str) -> list[Row]:
    """The funnel broken down by one of DIMENSIONS, in one statement. `issued` counts whole batches, whatever the days.

    Reads every voucher that is asked for: pages ask `counts.figures`, which knows how many are too many.
    """
    dimension = DIMENSIONS[by]
    low, high = region_codes(wanted.region_code)
    text = filled(
        statement("voucher_funnel"),
        key=dimension.key,
        label=dimension.name,
        join=dimension.join,
        order=dimension.order,
    )
    with connection.cursor() as cursor:
        cursor.execute(held() + text, parameters(wanted))
        found = cursor.fetchall()
    issued: dict[str, tuple[int, str]] = {}
    if dimension.issued and wanted.provider_id is None:
        issued = issued_of(
            wanted.city_code, low, high, by=dimension.issued, batch_id=wanted.batch_id, fund=wanted.fund_source
        )
    rows = [Row(*row, issued=issued.pop(row[0])[0] if row[0] in issued else None) for row in found]
    # Batches nobody claimed from belong into the picture: they are its widest part.
    nothing: dict[str, Any] = dict.fromkeys((one.name for one in fields(Row)), 0)
    rows += [Row(**nothing | {"key": key, "label": label, "issued": n}) for key, (n, label) in issued.items()]
    return rows


def total(rows: list[Row]) -> Row:
    """The sum of the lines. People are counted once a line, so that their sum may count one twice."""
    sums = {
        one.name: sum(getattr(row, one.name) or 0 for row in rows)
        for one in fields(Row)
        if one.name not in ("key", "label", "issued", "people")
    }
    return Row(
        key="", label="合计", **sums, issued=_sum(row.issued for row in rows), people=_sum(row.people for row in rows)
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [one for one in values if one is not None]
    return sum(known) if known else None
