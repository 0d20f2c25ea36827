"""Questions about the guidance catalogue and the project library."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet

from zhaoliang.catalogue.models import Catalogue, CatalogueEntry, Project, PurchaseContract
from zhaoliang.kernel.roles import within
from zhaoliang.registry.models import Organisation


def published_catalogue(city_code: int, region_code: int, on: date) -> Catalogue | None:
    """The catalogue of a region that is in force on a day."""
    return (
        Catalogue.objects.filter(city_code=city_code, region_id=region_code, state="published", valid_from__lte=on)
        .order_by("-version")
        .first()
    )


def scarce_pairs(city_code: int, region_code: int, on: date) -> frozenset[tuple[str, int]] | None:
    """Occupation and level (0: none) of what the catalogue in force calls scarce; None where no catalogue is published."""
    found = published_catalogue(city_code, region_code, on) or published_catalogue(city_code, city_code, on)
    if found is None:
        return None
    rows = CatalogueEntry.objects.filter(city_code=city_code, catalogue=found, scarcity__in=("very_scarce", "scarce"))
    return frozenset((occupation, level or 0) for occupation, level in rows.values_list("occupation_id", "level"))


def catalogues(city_code: int, region_code: int) -> QuerySet[Catalogue]:
    """Every version of a region's catalogue, newest first."""
    return Catalogue.objects.filter(city_code=city_code, region_id=region_code).order_by("-version")


def entries(catalogue: Catalogue, text: str = "") -> QuerySet[CatalogueEntry]:
    """The entries of a catalogue, those whose occupation is named by `text` (name or code) when it is given."""
    found = (
        CatalogueEntry.objects.filter(city_code=catalogue.city_code, catalogue=catalogue)
        .select_related("occupation", "catalogue")
        .order_by("occupation_id", "level", "hours")
    )
    return found.filter(Q(occupation__name__contains=text) | Q(occupation__code__startswith=text)) if text else found


def listed_projects(city_code: int, region_code: int) -> QuerySet[Project]:
    """The projects of a region and below that may open classes."""
    return (
        Project.objects.filter(city_code=city_code, **within("region_id", region_code), state="listed")
        .select_related("provider", "evaluator", "occupation", "entry", "region")
        .order_by("name", "id")
    )


def submitted_projects(city_code: int, region_code: int) -> QuerySet[Project]:
    """The projects that wait for a reviewer of the region."""
    return (
        Project.objects.filter(city_code=city_code, **within("region_id", region_code), state="submitted")
        .select_related("provider", "evaluator", "occupation", "entry", "demand")
        .order_by("created_at", "id")
    )


def projects_of(provider: Organisation) -> QuerySet[Project]:
    """All projects of a provider, newest first."""
    return (
        Project.objects.filter(city_code=provider.city_code, provider=provider)
        .select_related("occupation", "entry", "evaluator")
        .order_by("-created_at", "-id")
    )


def project(city_code: int, project_id: int) -> Project | None:
    """One project with its parts."""
    return (
        Project.objects.filter(city_code=city_code, pk=project_id)
        .select_related("provider", "evaluator", "occupation", "entry__catalogue", "demand__enterprise", "region")
        .first()
    )


def projects_named(city_code: int, name: str) -> list[Project]:
    """The projects of exactly this name."""
    return list(
        Project.objects.filter(city_code=city_code, name=name)
        .select_related("provider", "evaluator", "occupation", "entry__catalogue", "region")
        .order_by("id")
    )


def contracts_of(project: Project) -> list[PurchaseContract]:
    """The contracts a project was bought by, the latest first."""
    rows = PurchaseContract.objects.filter(city_code=project.city_code, project=project)
    return list(rows.order_by("-signed_on", "-id"))


def contract_on(project: Project, day: date) -> PurchaseContract | None:
    """The contract that prices a class which begins on this day: the last one signed until then."""
    return next((one for one in contracts_of(project) if one.signed_on <= day), None)
