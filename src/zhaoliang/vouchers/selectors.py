"""Questions about vouchers: by code, by person, what is on offer, how a batch is used; and the signed QR of a voucher."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum

from zhaoliang.funds.selectors import transfers_of
from zhaoliang.kernel import crypto
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.roles import region_covers
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.vouchers import qr
from zhaoliang.vouchers.audience import Criteria as Criteria
from zhaoliang.vouchers.audience import audience
from zhaoliang.vouchers.models import (
    BatchChange,
    BatchSlot,
    IssueLine,
    IssueList,
    OpeningWish,
    Voucher,
    VoucherBatch,
    VoucherCheck,
)
from zhaoliang.vouchers.scope import Scope as Scope
from zhaoliang.vouchers.scope import covering as covering
from zhaoliang.vouchers.scope import covers as covers
from zhaoliang.vouchers.scope import projects_by_batch as projects_by_batch
from zhaoliang.vouchers.scope import scope_of as scope_of
from zhaoliang.vouchers.scope import usable_projects
from zhaoliang.vouchers.states import VOUCHER

QR_LIFE = qr.LIFE
CHANGES_SHOWN = 50
REASONS_SHOWN = 20


def voucher_by_code(code: str) -> Voucher | None:
    """The voucher of a code as typed, found in the city that the code begins with; None for a code nobody has."""
    try:
        parsed = parse_code(code)
    except InvalidIdentifier:
        return None
    return (
        Voucher.objects.select_related("batch__project__provider", "provider", "person")
        .filter(city_code=parsed.city_code, code=str(parsed))
        .first()
    )


def vouchers_by_code(city_code: int, codes: Collection[str]) -> dict[str, Voucher]:
    """The city's vouchers of these codes with batch and project, in one statement (rosters)."""
    found = Voucher.objects.filter(city_code=city_code, code__in=list(codes)).select_related("batch__project")
    return {voucher.code: voucher for voucher in found}


def vouchers_by_id(city_code: int, voucher_ids: Collection[int]) -> dict[int, Voucher]:
    """The city's vouchers of these ids with their batch, in one statement."""
    found = Voucher.objects.filter(city_code=city_code, pk__in=list(voucher_ids)).select_related("batch")
    return {voucher.pk: voucher for voucher in found}


def vouchers_of(person: Person, *, everywhere: bool = False) -> list[Voucher]:
    """All vouchers of a person, newest first, with batch, project and provider: of the city, or of all (for the holder)."""
    rows = Voucher.objects.select_related("batch__project__provider", "provider").order_by("-claimed_at", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    with national():
        return list(rows.filter(person_id=person.pk))


def used_for(city_code: int, class_ids: Collection[int]) -> list[Voucher]:
    """The vouchers used for these classes whose subsidy is not claimed yet, with batch, by number."""
    rows = Voucher.objects.filter(city_code=city_code, class_id__in=list(class_ids), state__in=["used", "verified"])
    return list(rows.select_related("batch").order_by("id"))


def checks_of(voucher: Voucher) -> QuerySet[VoucherCheck]:
    """Every verification of a voucher, newest first: the holder sees who asked."""
    rows = VoucherCheck.objects.select_related("organisation")
    return rows.filter(city_code=voucher.city_code, voucher=voucher).order_by("-at", "-id")


def checks_by(organisation: Organisation) -> QuerySet[VoucherCheck]:
    """Every verification an organisation made, newest first, with voucher, holder and the voucher's providers."""
    rows = VoucherCheck.objects.select_related("voucher__person", "voucher__batch__project")
    return rows.filter(city_code=organisation.city_code, organisation=organisation).order_by("-at", "-id")


def concerns(voucher: Voucher, organisation: Organisation) -> bool:
    """Whether the voucher was used at the organisation, or is good for one of its projects: it may then see whose it is."""
    if organisation.pk == voucher.provider_id:
        return True
    batch = voucher.batch
    if batch.project is not None:
        return organisation.pk == batch.project.provider_id
    return usable_projects(batch).filter(provider=organisation).exists()


def open_batches(city_code: int, region_code: int, at: datetime, *, ahead: bool = False) -> list[VoucherBatch]:
    """The batches that people of a region can claim from now, those ending first first; each with `left` (places).

    With `ahead` those that begin to give vouchers later, the next one first.
    """
    rows = VoucherBatch.objects.select_related("project__provider", "project__occupation", "region")
    rows = rows.filter(city_code=city_code, state="open", issue="open")
    if ahead:
        found = rows.filter(claim_from__gt=at).order_by("claim_from", "id")
    else:
        found = rows.filter(claim_from__lte=at, claim_until__gte=at).order_by("claim_until", "id")
    batches = [
        batch
        for batch in found
        if region_covers(batch.region_id, region_code) or region_covers(region_code, batch.region_id)
    ]
    left = places_left(city_code, [batch.pk for batch in batches])
    for batch in batches:
        batch.left = left.get(batch.pk, 0)
    return batches


def offered_batch(city_code: int, batch_id: int, at: datetime) -> VoucherBatch | None:
    """A batch that people of the city can claim from now or will be able to, with `left`; None for any other."""
    rows = VoucherBatch.objects.select_related("project__provider", "project__occupation", "region")
    found = rows.filter(city_code=city_code, pk=batch_id, state="open", issue="open", claim_until__gte=at).first()
    if found is not None:
        found.left = places_left(city_code, [batch_id]).get(batch_id, 0)
    return found


def claimable_batch(city_code: int, batch_id: int, at: datetime) -> VoucherBatch | None:
    """A batch that people of the city can claim from now, by its number; None for any other. One statement."""
    rows = VoucherBatch.objects.filter(city_code=city_code, pk=batch_id, state="open", issue="open")
    return rows.filter(claim_from__lte=at, claim_until__gte=at).first()


def opening_wished(person: Person, batch: VoucherBatch) -> bool:
    """Whether the person will be told before the batch opens."""
    return OpeningWish.objects.filter(city_code=batch.city_code, batch=batch, person=person).exists()


def batch(city_code: int, batch_id: int) -> VoucherBatch | None:
    """One batch, whatever its state."""
    return VoucherBatch.objects.filter(city_code=city_code, pk=batch_id).first()


def cities_with_batches() -> list[int]:
    """The cities that have batches of any state."""
    with national():
        return sorted(set(VoucherBatch.objects.values_list("city_code", flat=True)))


def with_budget(city_code: int, batch_ids: list[int]) -> dict[int, VoucherBatch]:
    """These batches of a city by id, with their budget accounts."""
    return VoucherBatch.objects.select_related("budget_account").filter(city_code=city_code).in_bulk(batch_ids)


def places_left(city_code: int, batch_ids: list[int]) -> dict[int, int]:
    """How many vouchers each batch can still give."""
    rows = BatchSlot.objects.filter(city_code=city_code, batch_id__in=batch_ids).values_list("batch_id")
    return dict(rows.annotate(left=Sum(F("quota") - F("claimed"))).order_by("batch_id"))


def batches_of(city_code: int, region_code: int, *, state: str | None = None) -> list[VoucherBatch]:
    """The batches of a region and all below it, newest first, each with `left` (places)."""
    rows = VoucherBatch.objects.select_related("project__provider", "region", "reserved_account")
    rows = rows.filter(city_code=city_code, **({"state": state} if state else {})).order_by("-id")
    batches = [batch for batch in rows if region_covers(region_code, batch.region_id)]
    left = places_left(city_code, [batch.pk for batch in batches])
    for batch in batches:
        batch.left = left.get(batch.pk, 0)
    return batches


def funnel(batch: VoucherBatch) -> dict[str, int]:
    """How far a batch got: `quota`, `left`, the vouchers in each state, and the money of it in fen (`…_fen`)."""
    states = dict(
        Voucher.objects.filter(city_code=batch.city_code, batch=batch)
        .values_list("state")
        .annotate(Count("id"))
        .order_by("state")
    )
    moved = {"reserve": 0, "release": 0}
    for transfer in transfers_of(batch.city_code, "voucher_batch", batch.pk):
        moved[transfer.kind] = moved.get(transfer.kind, 0) + transfer.amount_fen
    held = 0
    if batch.reserved_account_id is not None:
        batch.reserved_account.refresh_from_db(fields=["balance_fen"])
        held = batch.reserved_account.balance_fen
    return {
        "quota": batch.quota,
        "left": places_left(batch.city_code, [batch.pk]).get(batch.pk, 0),
        **{state: states.get(state, 0) for state in VOUCHER.states},
        "reserved_fen": moved["reserve"],
        "released_fen": moved["release"],
        "held_fen": held,
        "accrued_fen": moved["reserve"] - moved["release"] - held,
    }


def qr_token(voucher: Voucher, at: datetime) -> str:
    """The text of the voucher's QR code for a screen at this moment, signed, good for 60 seconds."""
    return qr.make(voucher.code, qr.SCREEN, at, sign=crypto.sign)


def paper_token(voucher: Voucher) -> str:
    """The text of the QR code of the printed voucher, signed, good until the voucher's last day of use."""
    return qr.make(voucher.code, qr.PAPER, voucher.batch.use_until, sign=crypto.sign)


def read_qr(token: str, at: datetime) -> qr.Reading:
    """A token as read. Raises QrProblem, which names what is wrong with it."""
    return qr.read(token, at, verify=crypto.verify)


def voucher(city_code: int, voucher_id: int) -> Voucher | None:
    """One voucher with batch, holder and provider."""
    rows = Voucher.objects.select_related("batch__project", "batch__region", "person", "provider")
    return rows.filter(city_code=city_code, pk=voucher_id).first()


def batch_change(city_code: int, change_id: int) -> BatchChange | None:
    """One change with its batch and voucher."""
    rows = BatchChange.objects.select_related("batch", "voucher__batch")
    return rows.filter(city_code=city_code, pk=change_id).first()


def changes_of(batch: VoucherBatch, voucher: Voucher | None = None) -> list[BatchChange]:
    """The changes asked for of a batch (or of one voucher), latest first; those of single vouchers only while open."""
    rows = BatchChange.objects.select_related("batch", "voucher__batch").filter(city_code=batch.city_code, batch=batch)
    rows = rows.filter(voucher=voucher) if voucher else rows.filter(Q(voucher__isnull=True) | Q(state="proposed"))
    return list(rows.order_by("-id")[:CHANGES_SHOWN])


def issue_list(city_code: int, issue_id: int) -> IssueList | None:
    """One list with its batch."""
    return IssueList.objects.select_related("batch").filter(city_code=city_code, pk=issue_id).first()


def issues_of(batch: VoucherBatch) -> list[IssueList]:
    """The lists of a batch, latest first."""
    return list(IssueList.objects.filter(city_code=batch.city_code, batch=batch).order_by("-id")[:CHANGES_SHOWN])


def issue_lines(issue: IssueList) -> QuerySet[IssueLine]:
    """The people of a list in its order; `held`: the state of the voucher of the batch that each holds, None without one."""
    rows = IssueLine.objects.select_related("person").filter(city_code=issue.city_code, issue=issue)
    return rows.annotate(held=Subquery(_held_by_line(issue).values("state")[:1])).order_by("row", "id")


def _held_by_line(issue: IssueList) -> QuerySet[Voucher]:
    rows = Voucher.objects.filter(city_code=issue.city_code, batch_id=issue.batch_id, person=OuterRef("person_id"))
    return rows.exclude(state="returned")


def issue_counts(issue: IssueList) -> dict[str, int]:
    """How many lines of a list stand in each state."""
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue).values_list("state")
    return dict(rows.annotate(Count("id")).order_by("state"))


def issue_unchecked(issue: IssueList) -> int:
    """How many people of a list the policies were not asked about yet."""
    return IssueLine.objects.filter(city_code=issue.city_code, issue=issue, outcome="").count()


def issue_outcomes(issue: IssueList) -> dict[str, int]:
    """What the policies say of a list: how many people by outcome ('' for not asked)."""
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue).values_list("outcome")
    return dict(rows.annotate(Count("id")).order_by("outcome"))


def issue_reasons(issue: IssueList) -> list[tuple[str, str, int]]:
    """Why people of a list may not have its vouchers or nobody can tell: outcome, reason, how many; the most first."""
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue, outcome__in=["fail", "cannot_tell"])
    found = rows.values_list("outcome", "why").annotate(Count("id")).order_by("-outcome", "-id__count", "why")
    return list(found[:REASONS_SHOWN])


def issue_holding(issue: IssueList) -> int:
    """How many people of a list hold a voucher of its batch already."""
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue, state="waiting")
    return rows.filter(Exists(_held_by_line(issue))).count()


def criteria_of(issue: IssueList) -> Criteria:
    """The criteria a list was found by."""
    return Criteria.from_json(issue.criteria)


def preview(batch: VoucherBatch, criteria: Criteria, on: date) -> dict[str, int]:
    """How many people fit now (`count`), and how many vouchers are `left`."""
    left = places_left(batch.city_code, [batch.pk]).get(batch.pk, 0)
    return {"count": audience(batch, criteria, on).count(), "left": left}


def issued_of(
    city_code: int, low: int, high: int, *, by: str, batch_id: int | None = None, fund: str = ""
) -> dict[str, tuple[int, str]]:
    """The quotas of published batches of the regions from `low` to `high`, with a name, by "batch", "region" or "fund"."""
    rows = VoucherBatch.objects.filter(city_code=city_code, region_id__gte=low, region_id__lte=high)
    rows = rows.exclude(state__in=["draft", "submitted"])
    rows = rows.filter(**({"pk": batch_id} if batch_id else {}), **({"fund_source": fund} if fund else {}))
    columns = {"batch": ("pk", "name"), "region": ("region_id", "region__name"), "fund": ("fund_source", "fund_source")}
    key, name = columns[by]
    found = rows.values_list(key, name).annotate(Sum("quota")).order_by(key)
    return {str(code): (quota, label) for code, label, quota in found}
