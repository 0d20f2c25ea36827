"""Why vouchers stop where they stop (方案 5): one reason for each that was not paid, from what is on file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from zhaoliang.oversight.funnel import Filter, held, parameters, statement
from zhaoliang.policy import Decision
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.subsidies.selectors import decisions_by_id

# The stage that was not reached, as an officer calls the gap.
GAPS = {"used": "领了没用", "taught": "用了没结业", "certified": "结业没取证", "paid": "取证没到账"}
# Of classes that the voucher is good for and that begin while it may be used.
_SUPPLY = {
    "room": "本区有班、有名额",
    "far": "本区没有能上的班，别的区有",
    "full": "能上的班都满员了",
    "withdrawn": "能上的班都撤回或停办了",
    "none": "没有能上的班",
}
REASONS = {
    ("used", "returned"): "本人退回",
    ("used", "void"): "作废",
    **{("used", f"expired_{key}"): f"过期没用：{word}" for key, word in _SUPPLY.items()},
    **{("used", f"claimed_{key}"): f"还没用：{word}" for key, word in _SUPPLY.items()},
    ("taught", "void"): "用了以后作废",
    ("taught", "missed"): "没有参加考核",
    ("taught", "left"): "中途退出",
    ("taught", "stopped"): "班级停办或撤回",
    ("taught", "unlisted"): "用了券，没有进名册",
    ("taught", "before"): "还没开班",
    ("taught", "absent"): "开班后一次没来",
    ("taught", "learning"): "正在上课",
    ("taught", "unexamined"): "课上完了，等考核",
    ("certified", "void"): "结业以后作废",
    ("certified", "failed"): "考核没过",
    ("certified", "missed"): "没有参加考核",
    ("certified", "unexamined"): "还没有考核成绩",
    ("certified", "unissued"): "考核合格，证书还没发",
    ("certified", "revoked"): "证书已撤销",
    ("paid", "void"): "取证以后作废",
    ("paid", "free"): "只签到的券，不补贴",
    ("paid", "unclaimed"): "还没有申领",
    ("paid", "review"): "审核中",
    ("paid", "refused"): "不予补贴",
    ("paid", "judged"): "不予补贴：人工判断",
    ("paid", "overruled"): "不予补贴：审批时",
    ("paid", "paying"): "已审批，等到账",
    ("paid", "bank"): "银行退回",
}


@dataclass(frozen=True)
class Stop:
    """So many vouchers that did not reach `stage` for one reason, in words with the clause where a rule refused."""

    stage: str
    reason: str
    words: str
    count: int

    @property
    def gap(self) -> str:
        return GAPS[self.stage]


def stops(wanted: Filter) -> list[Stop]:
    """Every voucher that was claimed and not paid, counted once under its reason: stage by stage, the most first.

    Reads every voucher that is asked for: pages ask `counts.figures`.
    """
    with connection.cursor() as cursor:
        cursor.execute(held() + statement("voucher_told") + statement("voucher_stops"), parameters(wanted))
        return in_words(wanted.city_code, cursor.fetchall())


def in_words(city_code: int, found: Sequence[tuple[str, str, int | None, int]]) -> list[Stop]:
    """Counts by stage, reason and the decision that tells the rule, as an officer reads them; the most first."""
    decided = decisions_by_id(city_code, [pk for _, _, pk, _ in found if pk is not None])
    counts: Counter[tuple[str, str, str]] = Counter()
    for stage, reason, decision_id, count in found:
        words = REASONS[stage, reason]
        if decision_id is not None:
            rule = Decision.from_json(decided[decision_id].record).refusals[0]
            words = f"{words}：{rule.says.rstrip('。')}（{clause_of(rule.citation)}）"
        counts[stage, reason, words] += count
    order = list(GAPS)
    rows = [Stop(stage, reason, words, count) for (stage, reason, words), count in counts.items()]
    return sorted(rows, key=lambda row: (order.index(row.stage), -row.count, row.words))
