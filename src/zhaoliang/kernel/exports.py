"""Files that are too long to be waited for: asked for, made by the worker, fetched by who asked, emptied after a few days."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.db.national import national
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
    """Keep the file that was made, encrypted."""
    export.content, export.size = base64.b64encode(content).decode(), len(content)
    export.file_name, export.media, export.made_at = file_name[:200], media[:100], at
    export.save(update_fields=["content", "size", "file_name", "media", "made_at"])
    return export


@act("exports.empty", label="清除过期的导出文件", grants=CLOCK, on="place")
def empty_exports(*, actor: Actor, at: datetime, place: Place) -> Place:
    """Forget the files of a city that were asked for some days ago, made or not, and from which addresses."""
    rows = KeptExport.objects.filter(city_code=place.city_code, asked_at__lt=at - KEPT, emptied_at__isnull=True)
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
