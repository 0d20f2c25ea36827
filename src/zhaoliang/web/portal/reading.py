"""What several pages of the public site read: projects with their open vouchers and open classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.catalogue.models import Project
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.web.components import formats


@dataclass(frozen=True)
class OpenBatch:
    """A batch one can claim from now, and how many vouchers are left."""

    batch: VoucherBatch
    left: int


@dataclass(frozen=True)
class OpenClass:
    """A class that has been accepted and has not begun, and how many places are free."""

    training_class: TrainingClass
    free: int


@dataclass(frozen=True)
class ProjectCard:
    """A project in a list, with what can be had of it now."""

    project: Project
    batches: tuple[OpenBatch, ...]
    classes: tuple[OpenClass, ...]

    @property
    def left(self) -> int:
        """Vouchers that can still be claimed."""
        return sum(one.left for one in self.batches)

    @property
    def free(self) -> int:
        """Places in classes that have not begun."""
        return sum(one.free for one in self.classes)

    @property
    def next_class(self) -> TrainingClass | None:
        """The class that begins first."""
        return self.classes[0].training_class if self.classes else None


def _claimable(city_code: int, at: datetime) -> QuerySet[VoucherBatch]:
    return VoucherBatch.objects.filter(
        city_code=city_code, state="open", issue="open", claim_from__lte=at, claim_until__gt=at
    )


def _coming(city_code: int, on: date) -> QuerySet[TrainingClass]:
    return TrainingClass.objects.filter(city_code=city_code, state="accepted", starts_on__gte=on)


def projects(
    city_code: int,
    region_code: int,
    at: datetime,
    *,
    text: str = "",
    level: int | None = None,
    with_voucher: bool = False,
    with_places: bool = False,
) -> QuerySet[Project]:
    """The listed projects of a region that match, those with vouchers to claim first."""
    batch = vouchers.covering(_claimable(city_code, at))
    coming = _coming(city_code, chinese_day(at)).filter(project_id=OuterRef("pk"))
    found = catalogue.listed_projects(city_code, region_code).annotate(claimable=Exists(batch))
    if words := text.strip():
        found = found.filter(
            Q(name__icontains=words)
            | Q(occupation__name__icontains=words)
            | Q(occupation__code__startswith=words)
            | Q(provider__name__icontains=words)
            | Q(provider__short_name__icontains=words)
        )
    if level is not None:
        found = found.filter(level=level)
    if with_voucher:
        found = found.filter(claimable=True)
    if with_places:
        found = found.filter(Exists(coming))
    return found.order_by("-claimable", "name", "id")


def cards(city_code: int, found: Iterable[Project], at: datetime) -> list[ProjectCard]:
    """The projects with their open batches and classes; four queries whatever their number."""
    listed = list(found)
    batches = open_batches(city_code, [project.pk for project in listed], at)
    classes = open_classes(city_code, [project.pk for project in listed], chinese_day(at))
    return [
        ProjectCard(project, tuple(batches.get(project.pk, ())), tuple(classes.get(project.pk, ())))
        for project in listed
    ]


def open_batches(city_code: int, project_ids: Sequence[int], at: datetime) -> dict[int, list[OpenBatch]]:
    """The batches of these projects that vouchers can be claimed from, by project; those that end first come first."""
    listed = {row.pk: row for row in _claimable(city_code, at).order_by("claim_until", "id")}
    pairs = vouchers.projects_by_batch(city_code, list(listed), project_ids)
    left = vouchers.places_left(city_code, list({batch_id for batch_id, _ in pairs}))
    found: dict[int, list[OpenBatch]] = {}
    order = {pk: index for index, pk in enumerate(listed)}
    for batch_id, project_id in sorted(pairs, key=lambda pair: order[pair[0]]):
        found.setdefault(project_id, []).append(OpenBatch(listed[batch_id], left.get(batch_id, 0)))
    return found


def batches_ahead(project: Project, at: datetime) -> list[VoucherBatch]:
    """The batches good for the project that begin to give vouchers later, the next one first."""
    rows = vouchers.open_batches(project.city_code, project.city_code, at, ahead=True)
    pairs = vouchers.projects_by_batch(project.city_code, [row.pk for row in rows], [project.pk]) if rows else []
    covering = {batch_id for batch_id, _ in pairs}
    return [row for row in rows if row.pk in covering]


def open_classes(city_code: int, project_ids: Sequence[int], on: date) -> dict[int, list[OpenClass]]:
    """The accepted classes of these projects that begin on that day or later, by project, the next one first."""
    rows = _coming(city_code, on).filter(project_id__in=project_ids).select_related("site").order_by("starts_on", "id")
    listed = list(rows)
    taken = _places_taken(city_code, [row.pk for row in listed])
    found: dict[int, list[OpenClass]] = {}
    for row in listed:
        found.setdefault(row.project_id, []).append(OpenClass(row, max(0, row.capacity - taken.get(row.pk, 0))))
    return found


def _places_taken(city_code: int, class_ids: Sequence[int]) -> dict[int, int]:
    rows = Enrolment.objects.filter(city_code=city_code, training_class_id__in=class_ids).exclude(state="removed")
    return dict(rows.values_list("training_class_id").annotate(Count("id")).order_by("training_class_id"))


@dataclass(frozen=True)
class Figures:
    """The three numbers of the home page."""

    projects: int
    vouchers_left: int
    organisations: int


def figures(city_code: int, region_code: int, organisations: int, at: datetime) -> Figures:
    """Listed projects, vouchers that can be claimed now, organisations in the directory."""
    left = vouchers.places_left(city_code, list(_claimable(city_code, at).values_list("pk", flat=True)))
    return Figures(catalogue.listed_projects(city_code, region_code).count(), sum(left.values()), organisations)


_OTHERS = "请看看其他能领的培训券。"


def not_now(batch: VoucherBatch | None, at: datetime) -> NotFound:
    """Why a batch cannot be claimed from now, as far as the public may know: what is not published yet is none."""
    what = "这张培训券现在不能领。"
    if batch is None or batch.state in ("draft", "submitted"):
        return NotFound("没有这张正在发放的培训券。", "它可能已经结束，或还没有发布。", _OTHERS)
    if batch.issue != "open":
        return NotFound(what, "它只发给名单里的人，不公开领取。", "名单里有您的，券会直接出现在“我的券”里。")
    if batch.state == "suspended":
        return NotFound(what, "它暂停发放了。", f"恢复以后可以再来领。{_OTHERS}")
    if batch.state != "open":
        return NotFound(what, "它已经停止发放。", _OTHERS)
    if at < batch.claim_from:
        opens = formats.cn_datetime(batch.claim_from)
        return NotFound(what, f"它从 {opens} 开始发放。", "到时候再打开这一页就能领。")
    if at >= batch.claim_until:
        return NotFound(what, f"领取已于 {formats.cn_datetime(batch.claim_until)} 截止。", _OTHERS)
    return NotFound(what, "眼下没有能用它的培训项目。", _OTHERS)
