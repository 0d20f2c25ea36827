"""What a batch is good for: its lines in words, and the projects they cover (decided by `batch_covers` in the database)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet

from zhaoliang.catalogue.models import Project
from zhaoliang.catalogue.selectors import listed_projects
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import NATION
from zhaoliang.registry.models import Occupation, Organisation
from zhaoliang.vouchers.models import BatchScope, VoucherBatch

NAMED = 3


@dataclass(frozen=True)
class Scope:
    """What vouchers are good for. `occupations` with a level, or None for all its levels; `grades` of providers.

    Projects and occupations widen each other, providers and grades too; the two sides narrow each other. Nothing named on
    a side: everything listed in the batch's region, every provider (方案 一（一）1（2）).
    """

    projects: tuple[Project, ...] = ()
    occupations: tuple[tuple[Occupation, int | None], ...] = ()
    providers: tuple[Organisation, ...] = ()
    grades: tuple[str, ...] = ()

    @property
    def sole_project(self) -> Project | None:
        """The one project that is all there is; None for a wider scope."""
        wider = self.occupations or self.providers or self.grades or len(self.projects) != 1
        return None if wider else self.projects[0]

    def says(self) -> str:
        """The scope in words, at most 200 characters."""
        learnt = [project.name for project in self.projects]
        learnt += [_occupation(one, level) for one, level in self.occupations]
        where = [one.short_name for one in self.providers]
        where += [dict(Organisation.GRADES)[grade] + "机构" for grade in self.grades]
        text = _some(learnt, "个项目或职业") or "本地区所有列入项目库的项目"
        limits = f"（限{_some(where, '家机构')}）" if where else ""
        return f"{text}{limits}"[:200]

    def write(self, batch: VoucherBatch) -> None:
        """Store the lines in place of those the batch had; inside an act."""
        BatchScope.objects.filter(city_code=batch.city_code, batch=batch).delete()
        own = {"city_code": batch.city_code, "batch": batch}
        rows = [BatchScope(**own, kind="project", project=one) for one in self.projects]
        rows += [BatchScope(**own, kind="occupation", occupation=one, level=level) for one, level in self.occupations]
        rows += [BatchScope(**own, kind="provider", provider=one) for one in self.providers]
        rows += [BatchScope(**own, kind="grade", grade=one) for one in self.grades]
        BatchScope.objects.bulk_create(rows)


def _occupation(occupation: Occupation, level: int | None) -> str:
    return f"{occupation.name}·{SkillLevel(level).short_label}" if level else occupation.name


def _some(names: list[str], unit: str) -> str:
    rest = f"等 {len(names)} {unit}" if len(names) > NAMED else ""
    return "、".join(names[:NAMED]) + rest


def scope_of(batch: VoucherBatch) -> Scope:
    """The lines of a batch, read."""
    rows = list(
        BatchScope.objects.filter(city_code=batch.city_code, batch=batch)
        .select_related("project__provider", "occupation", "provider")
        .order_by("id")
    )
    return Scope(
        projects=tuple(row.project for row in rows if row.kind == "project"),
        occupations=tuple((row.occupation, row.level) for row in rows if row.kind == "occupation"),
        providers=tuple(row.provider for row in rows if row.kind == "provider"),
        grades=tuple(row.grade for row in rows if row.kind == "grade"),
    )


def _covers(batch: F | int, project: F | OuterRef) -> Func:
    """`batch_covers` as a query expression, in the city of the row."""
    return Func(F("city_code"), batch, project, function="batch_covers", output_field=BooleanField())


def covers(batch: VoucherBatch, project: Project) -> bool:
    """Whether the batch's vouchers can be used for the project. One statement, none for a batch of a single project."""
    if batch.project_id is not None:
        return batch.project_id == project.pk and batch.city_code == project.city_code
    with connection.cursor() as cursor:
        cursor.execute("SELECT batch_covers(%s, %s, %s)", [batch.city_code, batch.pk, project.pk])
        (answer,) = cursor.fetchone() or (False,)
    return bool(answer) and batch.city_code == project.city_code


def usable_projects(batch: VoucherBatch) -> QuerySet[Project]:
    """The listed projects the batch's vouchers can be used for now, with provider and occupation, by name."""
    rows = listed_projects(batch.city_code, NATION)
    return rows.annotate(covered=_covers(batch.pk, F("pk"))).filter(covered=True)


def covering(batches: QuerySet[VoucherBatch]) -> QuerySet[VoucherBatch]:
    """Those of the batches that cover the project of the outer query (for `Exists`)."""
    return batches.annotate(covered=_covers(F("pk"), OuterRef("pk"))).filter(covered=True)


def projects_by_batch(
    city_code: int, batch_ids: Collection[int], project_ids: Collection[int]
) -> list[tuple[int, int]]:
    """Which of the batches cover which of the projects, as (batch, project), in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, p.id FROM voucher_batch b JOIN project p ON p.city_code = b.city_code"
            " WHERE b.city_code = %s AND b.id = ANY(%s) AND p.id = ANY(%s)"
            " AND CASE WHEN b.project_id IS NOT NULL THEN b.project_id = p.id"
            " ELSE batch_covers(b.city_code, b.id, p.id) END",
            [city_code, list(batch_ids), list(project_ids)],
        )
        return cursor.fetchall()
