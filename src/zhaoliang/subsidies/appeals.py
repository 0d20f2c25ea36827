"""Questions about appeals: whether and until when a refused line can be appealed against, and the desk's queue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import within
from zhaoliang.policy import Citation
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.clocks import APPEAL_WINDOW, Deadline, countable
from zhaoliang.subsidies.models import Appeal, ClaimLine

_PARTS = ("claim_line__claim__provider", "claim_line__person", "claim_line__occupation", "claim_line__decision")
REMEDY = "cn/pingtai-moren#remedy"


@dataclass(frozen=True)
class Window:
    """An effective refusal: the state change that made it, the day it took effect, and the clock that runs from that day."""

    change_id: int
    from_day: date
    deadline: Deadline | None

    def open_on(self, day: date) -> bool:
        """Whether an appeal on this day comes in time; always where no text sets a last day."""
        return self.deadline is None or day <= self.deadline.last_day


def window(line: ClaimLine) -> Window | None:
    """The refusal of a line that can be appealed against; None while the line is not refused for good.

    A refusal takes effect when the claim is approved, a later one (before payment) when it is made.
    """
    claim = line.claim
    if line.state != "refused" or claim.approved_at is None:
        return None
    changes = StateChange.objects.filter(city_code=line.city_code, machine="claim_line", object_id=line.pk)
    last = changes.filter(target="refused").order_by("-id").first()
    if last is None:
        return None
    day = chinese_day(max(last.at, claim.approved_at))
    return Window(last.pk, day, countable(claim, APPEAL_WINDOW, day))


def personal(line: ClaimLine) -> bool:
    """Whether the money was to be the trainee's own: then he appeals himself."""
    return line.claim.provider_id is None or line.payee == "person"


def appeal(city_code: int, appeal_id: int) -> Appeal:
    """An appeal with its line and claim. Raises NotFound."""
    found = Appeal.objects.select_related(*_PARTS).filter(city_code=city_code, pk=appeal_id).first()
    if found is None:
        raise NotFound("没有这件申诉。", "本市没有这个编号的申诉。", "请从列表进入。")
    return found


def appeals_in(city_code: int, region_code: int, *, state: str = "", text: str = "") -> QuerySet[Appeal]:
    """The appeals of a region without their files, the nearest deadline first; `state` and a part of the claim's title narrow."""
    rows = Appeal.objects.select_related(*_PARTS).defer("content").filter(city_code=city_code)
    rows = rows.filter(**within("claim_line__claim__region_id", region_code))
    if text:
        rows = rows.filter(claim_line__claim__title__icontains=text)
    return (rows.filter(state=state) if state else rows).order_by("due_on", "id")


def appeals_of(city_code: int, line_ids: Collection[int]) -> dict[int, list[Appeal]]:
    """The appeals about these lines without their files, by line, oldest first."""
    rows = Appeal.objects.defer("content").filter(city_code=city_code, claim_line_id__in=list(line_ids))
    found: dict[int, list[Appeal]] = {}
    for row in rows.order_by("id"):
        found.setdefault(row.claim_line_id, []).append(row)
    return found


def remedy() -> Citation:
    """Where to go after an appeal was turned down: the clause that names reconsideration and lawsuit with their days."""
    return lawbook().citation(REMEDY)
