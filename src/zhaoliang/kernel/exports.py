"""Files that are too long to be waited for: asked for, made by the worker, fetched by who asked, emptied after a few days."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from django.db.models import Q

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.running import CLOCK
from zhaoliang.kernel.models import KeptExport
from zhaoliang.kernel.roles import BUREAU_ROLES, Actor, Place, Reach

OFFICERS = dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION)
KEPT = timedelta(days=3)
_ONE_WISH = timedelta(hours=1)


@act("exports.ask", label="要求导出文件", grants=OFFICERS, on="place")
def ask_export(*, actor: Actor, at: datetime, place: Place, title: str, address: str) -> KeptExport:
    """Note that somebody wants the file of a page's address; the same wish while it is not made is the same export."""
    rows = KeptExport.objects.filter(city_code=place.city_code, actor_user_id=actor.user_id, title=title[:200])
    for open_ in rows.filter(made_at__isnull=True, asked_at__gt=at - _ONE_WISH):
        if open_.address == address:
            return open_
    return KeptExport.objects.create(
        city_code=place.city_code,
        region_code=place.region_code,
        actor_user_id=actor.user_id,
        actor_name=actor.name,
        title=title[:200],
        address=address,
        asked_at=at,
    )


@act("exports.keep", label="保存导出文件", grants=OFFICERS, on="export", key_of=("export",))
def keep_export(
    *, actor: Actor, at: datetime, export: KeptExport, content: bytes, file_name: str, media: str
) -> KeptExport:
    """Keep the file that was made, encrypted. Raises Refusal where the wish was forgotten meanwhile: nobody would empty it again."""
    kept = KeptExport.objects.select_for_update(no_key=True).get(city_code=export.city_code, pk=export.pk)
    if kept.emptied_at is not None:
        raise forgotten()
    kept.content, kept.size = base64.b64encode(content).decode(), len(content)
    kept.file_name, kept.media, kept.made_at = file_name[:200], media[:100], at
    kept.save(update_fields=["content", "size", "file_name", "media", "made_at"])
    return kept


def forgotten() -> Refusal:
    """A file that waited for the worker until its wish was emptied."""
    return Refusal("没有导出。", f"等了超过 {KEPT.days} 天还没有做好，这次要求已经清除。", "请从原来的列表重新导出。")


def kept_until(export: KeptExport) -> datetime:
    """How long a file is kept: three days after it was made, a wish without a file three days after it was asked for."""
    return (export.made_at or export.asked_at) + KEPT


@act("exports.empty", label="清除过期的导出文件", grants=CLOCK, on="place")
def empty_exports(*, actor: Actor, at: datetime, place: Place) -> Place:
    """Forget the files of a city that were made some days ago, those not made by then, and from which addresses."""
    old = Q(made_at__lt=at - KEPT) | Q(made_at__isnull=True, asked_at__lt=at - KEPT)
    rows = KeptExport.objects.filter(old, city_code=place.city_code, emptied_at__isnull=True)
    rows.update(content="", size=0, address="", emptied_at=at)
    return place


def export_of(city_code: int, export_id: int) -> KeptExport | None:
    """One export without its content."""
    return KeptExport.objects.filter(city_code=city_code, pk=export_id).defer("content").first()


def content_of(export: KeptExport) -> bytes:
    """The file; empty before it was made and after it was forgotten."""
    return base64.b64decode(export.content or "")


def cities_with_exports() -> list[int]:
    """Every city that has something to forget, now or later."""
    with national():
        rows = KeptExport.objects.filter(emptied_at__isnull=True).values_list("city_code", flat=True)
        return sorted(set(rows))
