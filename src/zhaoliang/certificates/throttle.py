"""The public check answers a client 30 times a minute (trust figure 27), counted in the database for all processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db.models import F

from zhaoliang.certificates.models import CheckWindow
from zhaoliang.kernel import crypto
from zhaoliang.kernel.errors import Refusal

PER_MINUTE = 30
_MINUTE, _KEPT = timedelta(minutes=1), timedelta(hours=1)


class TooMany(Refusal):
    """The client asked too often; `retry_after` says in how many seconds it may again."""

    code: ClassVar[str] = "too_many"
    status: ClassVar[int] = 429
    decided: ClassVar[bool] = False
    retry_after: ClassVar[int] = 60


def admit(*, client: str, at: datetime) -> None:
    """Count one question of a client (its network address). Raises TooMany above 30 within the last sixty seconds."""
    if not has_room(client=client, at=at, most=PER_MINUTE):
        raise TooMany(
            what="查得太快了。",
            why=f"为防止批量套取信息，每分钟最多查 {PER_MINUTE} 次。",
            next_step="请等一分钟再查。需要批量核对的单位，请申请数据接口。",
        )


def has_room(*, client: str, at: datetime, most: int) -> bool:
    """Count one question of a client, unless it asked `most` times within the last sixty seconds: then False.

    The minute before counts for the share of it that still lies within sixty seconds, so the turn of a minute opens no
    second quota. Refused questions are not counted: waiting always helps.
    """
    minute = at.replace(second=0, microsecond=0)
    who = crypto.keyed_hash(client, purpose="check_client")
    before = (
        CheckWindow.objects.filter(client=who, minute=minute - _MINUTE).values_list("count", flat=True).first() or 0
    )
    share = 1 - (at - minute) / _MINUTE
    room = most - int(before * share)
    CheckWindow.objects.bulk_create([CheckWindow(client=who, minute=minute, count=0)], ignore_conflicts=True)
    counted = CheckWindow.objects.filter(client=who, minute=minute, count__lt=room).update(count=F("count") + 1)
    if counted:
        forget(before=minute - _KEPT)
    return bool(counted)


def forget(*, before: datetime) -> None:
    """Drop old counts: they are of no use and say when somebody asked."""
    CheckWindow.objects.filter(minute__lt=before).delete()
