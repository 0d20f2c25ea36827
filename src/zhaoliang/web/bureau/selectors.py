"""The desk's own questions: lists over a region, each one statement, filtered by what the address says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from zhaoliang.catalogue.models import Catalogue, Project
from zhaoliang.classes.models import TrainingClass
from zhaoliang.funds.models import Account
from zhaoliang.kernel.days import day_start
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.models import AuditBlock, AuditEvent, StateChange
from zhaoliang.payments.formats.rows import references_in
from zhaoliang.payments.models import BankReturn, BankReturnLine, PayingAccount, PaymentBatch, ReconciliationCase
from zhaoliang.registry.models import Licence, Organisation, Person, PersonStatus, RoleAssignment, User
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies.models import Claim, ClaimLine, Objection
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.web.bureau.desk import Desk


def _missing(what: str) -> NotFound:
    return NotFound(what=what, why="本市没有这个编号。", next_step="请从列表进入。")


def classes(desk: Desk, *, state: str = "", text: str = "") -> QuerySet[TrainingClass]:
    """The classes of the region, drafts left out unless asked for, newest start first, each with its `listed` trainees."""
    rows = TrainingClass.objects.select_related("project", "provider").filter(
        city_code=desk.city_code, **desk.under("project__region_id")
    )
    rows = rows.filter(state=state) if state else rows.exclude(state="draft")
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(provider__name__icontains=text))
    listed = Count("enrolments", filter=~Q(enrolments__state="removed"))
    return rows.annotate(listed=listed).order_by("-starts_on", "-id")


def projects(desk: Desk, *, state: str = "", text: str = "") -> QuerySet[Project]:
    """The projects of the region, drafts left out unless asked for, newest first."""
    rows = Project.objects.select_related("provider", "occupation").filter(
        city_code=desk.city_code, **desk.under("region_id")
    )
    rows = rows.filter(state=state) if state else rows.exclude(state="draft")
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(provider__name__icontains=text))
    return rows.order_by("-created_at", "-id")


def listed_projects(desk: Desk) -> QuerySet[Project]:
    """The projects vouchers can be issued for."""
    return projects(desk, state="listed").order_by("name", "id")


def catalogue(city_code: int, catalogue_id: int) -> Catalogue:
    """A version of a guidance catalogue with its region. Raises NotFound."""
    found = Catalogue.objects.select_related("region").filter(city_code=city_code, pk=catalogue_id).first()
    if found is None:
        raise _missing("没有这一版目录。")
    return found


def claims(desk: Desk, *, state: str = "", text: str = "") -> QuerySet[Claim]:
    """The claims of the region, newest first."""
    rows = Claim.objects.select_related("training_class__project", "provider").filter(
        city_code=desk.city_code, **desk.under("region_id")
    )
    if state:
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(Q(title__icontains=text) | Q(provider__name__icontains=text))
    return rows.order_by("-id")


def with_sums(rows: QuerySet[Claim], city_code: int) -> QuerySet[Claim]:
    """Each claim of a city with its `lines_count`, `open_count` and `total_fen`: to be asked for few, as those of a page."""
    return rows.annotate(
        lines_count=subsidies.of_lines(city_code, Count("id")),
        open_count=subsidies.of_lines(city_code, Count("id"), state__in=("due", "to_person")),
        total_fen=subsidies.of_lines(city_code, Sum("amount_fen")),
    )


def open_objections(desk: Desk) -> QuerySet[Objection]:
    """Objections of the region nobody answered yet, oldest first."""
    return (
        Objection.objects.select_related("claim")
        .filter(
            city_code=desk.city_code,
            answered_at__isnull=True,
            **desk.under("claim__region_id"),
        )
        .order_by("raised_at", "id")
    )


def objection(city_code: int, objection_id: int) -> Objection:
    """An objection with its claim. Raises NotFound."""
    found = Objection.objects.select_related("claim__provider").filter(city_code=city_code, pk=objection_id).first()
    if found is None:
        raise _missing("没有这条异议。")
    return found


def voucher_batch(city_code: int, batch_id: int) -> VoucherBatch:
    """A voucher batch with project, region and accounts. Raises NotFound."""
    found = (
        VoucherBatch.objects.select_related("project__provider", "region", "budget_account", "reserved_account")
        .filter(city_code=city_code, pk=batch_id)
        .first()
    )
    if found is None:
        raise _missing("没有这个培训券批次。")
    return found


def holders(batch: VoucherBatch, *, state: str = "") -> QuerySet[Voucher]:
    """The vouchers of a batch with their holders, latest claim first.

    By their numbers, which are drawn as they are claimed: the first page of a million is then the end of an index.
    """
    rows = Voucher.objects.select_related("person", "provider").filter(city_code=batch.city_code, batch=batch)
    return (rows.filter(state=state) if state else rows).order_by("-id")


def accounts(desk: Desk, *, year: int | None = None, kind: str = "") -> QuerySet[Account]:
    """The accounts of the region, by fund source and kind."""
    rows = Account.objects.filter(city_code=desk.city_code, **desk.under("region_code"))
    if year:
        rows = rows.filter(year=year)
    if kind:
        rows = rows.filter(kind=kind)
    return rows.order_by("-year", "fund_source", "kind", "code")


def account(city_code: int, account_id: int) -> Account:
    """An account. Raises NotFound."""
    found = Account.objects.filter(city_code=city_code, pk=account_id).first()
    if found is None:
        raise _missing("没有这个资金账户。")
    return found


def payment_batches(desk: Desk, *, state: str = "", fund_source: str = "") -> QuerySet[PaymentBatch]:
    """The payment batches of the region, latest first."""
    rows = PaymentBatch.objects.filter(city_code=desk.city_code, **desk.under("region_code"))
    if state:
        rows = rows.filter(state=state)
    if fund_source:
        rows = rows.filter(fund_source=fund_source)
    return rows.order_by("-id")


def bank_return(city_code: int, return_id: int) -> BankReturn:
    """An imported return file with its batch. Raises NotFound."""
    found = BankReturn.objects.select_related("batch").filter(city_code=city_code, pk=return_id).first()
    if found is None:
        raise _missing("没有这份回单。")
    return found


def bank_return_lines(kept: BankReturn, *, outcome: str = "") -> QuerySet[BankReturnLine]:
    """What came of each row of a bank file, in the file's order, optionally of one outcome."""
    rows = BankReturnLine.objects.select_related("payment_line").filter(city_code=kept.city_code, bank_return=kept)
    return (rows.filter(outcome=outcome) if outcome else rows).order_by("row")


def statements(desk: Desk) -> list[BankReturn]:
    """The statements of account last taken in by the region."""
    rows = BankReturn.objects.filter(city_code=desk.city_code, batch__isnull=True, **desk.under("region_code"))
    return list(rows.order_by("-id")[:10])


def reconciliation_cases(desk: Desk, *, state: str = "", kind: str = "") -> QuerySet[ReconciliationCase]:
    """The reconciliation cases of the region, those that wait unless a state is asked for, oldest first."""
    rows = ReconciliationCase.objects.select_related("batch", "bank_line").filter(
        city_code=desk.city_code, **desk.under("region_code")
    )
    rows = rows.filter(state=state) if state else rows.exclude(state="closed")
    return (rows.filter(kind=kind) if kind else rows).order_by("id")


def cases_of_row(row: BankReturnLine) -> list[ReconciliationCase]:
    """The cases that a row of a bank file has opened."""
    return list(ReconciliationCase.objects.filter(city_code=row.city_code, bank_line=row).order_by("id"))


def rows_of_case(case: ReconciliationCase) -> list[BankReturnLine]:
    """What the bank said about a case: its row, and the other rows of that file about the same payment."""
    first = case.bank_line
    if first is None:
        return []
    rows = BankReturnLine.objects.select_related("bank_return").filter(
        city_code=case.city_code, bank_return_id=first.bank_return.pk
    )
    same = Q(pk=first.pk)
    if case.payment_line_id is not None:
        same |= Q(payment_line_id=case.payment_line_id)
    return list(rows.filter(same).order_by("row")[:50])


def bank_lines_found(desk: Desk, reference: str) -> list[BankReturnLine]:
    """The rows of bank files with this reference, the bank's or ours, newest first: from a statement back to the clause."""
    rows = BankReturnLine.objects.select_related("bank_return__batch", "payment_line__claim_line").filter(
        city_code=desk.city_code, **desk.under("bank_return__region_code")
    )
    ours = references_in(reference)
    rows = rows.filter(payment_line_id=ours[0]) if ours else rows.filter(bank_reference=reference)
    return list(rows.order_by("-id")[:20])


def recent_bank_lines(desk: Desk) -> list[BankReturnLine]:
    """The last rows of bank answers that settled a payment, to begin a trace with."""
    return list(
        BankReturnLine.objects.select_related("bank_return__batch", "payment_line__claim_line__claim")
        .filter(
            city_code=desk.city_code,
            outcome__in=("paid", "failed"),
            **desk.under("bank_return__region_code"),
        )
        .order_by("-id")[:20]
    )


def funds_waiting(desk: Desk) -> list[str]:
    """The fund sources with approved or failed lines that no batch holds."""
    rows = ClaimLine.objects.filter(
        city_code=desk.city_code,
        state__in=("approved", "failed"),
        **desk.under("claim__region_id"),
    )
    return sorted(set(rows.values_list("claim__fund_source", flat=True)))


def funds_without_account(desk: Desk) -> list[str]:
    """The fund sources of which the region has something to pay, in a batch or not, and no account to pay it from."""
    batches = payment_batches(desk).filter(region_code=desk.region_code, state="building")
    used = PayingAccount.objects.filter(city_code=desk.city_code, region_code=desk.region_code, state="confirmed")
    funds = {*funds_waiting(desk), *batches.values_list("fund_source", flat=True)}
    return sorted(funds.difference(used.values_list("fund_source", flat=True)))


def organisations(desk: Desk, *, state: str = "", kind: str = "", text: str = "") -> QuerySet[Organisation]:
    """The organisations of the region in dictionary order."""
    rows = Organisation.objects.select_related("region").filter(city_code=desk.city_code, **desk.under("region_id"))
    if state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(uscc=text.upper()))
    return rows.order_by("pinyin_key", "id")


def licences_of(organisation: Organisation) -> list[Licence]:
    """The licences of an organisation, the one that ends last first."""
    rows = Licence.objects.filter(city_code=organisation.city_code, organisation=organisation)
    return list(rows.order_by("-validity", "id"))


def assignments(desk: Desk, *, role: str = "", text: str = "") -> QuerySet[RoleAssignment]:
    """The roles held in the region and below, by sign-in name."""
    rows = RoleAssignment.objects.select_related("user", "region").filter(**desk.under("region_id"))
    if role:
        rows = rows.filter(role=role)
    if text:
        rows = rows.filter(Q(user__username__icontains=text) | Q(user__name__icontains=text))
    return rows.order_by("user__username", "role", "id")


def organisation_names(city_code: int, ids: Sequence[int]) -> dict[int, str]:
    """Short names of organisations by id."""
    return dict(Organisation.objects.filter(city_code=city_code, pk__in=list(ids)).values_list("id", "short_name"))


def audit_events(
    desk: Desk, *, since: date, until: date, act: str = "", actor: str = "", person_id: int | None = None
) -> QuerySet[AuditEvent]:
    """The audit events of the region between two days (both included), latest first."""
    rows = AuditEvent.objects.filter(
        city_code=desk.city_code,
        **desk.under("region_code"),
        at__gte=day_start(since),
        at__lt=day_start(until + timedelta(days=1)),
    )
    if act:
        rows = rows.filter(act=act)
    if actor:
        rows = rows.filter(actor_name__icontains=actor)
    if person_id is not None:
        rows = rows.filter(person_id=person_id)
    return rows.order_by("-id")


def head_of(city_code: int) -> AuditBlock | None:
    """The last sealed block of the city's audit log."""
    return AuditBlock.objects.filter(city_code=city_code).order_by("-number").first()


def changes_of(machine: str, city_code: int, object_id: int) -> list[StateChange]:
    """How an object moved from state to state, oldest first."""
    rows = StateChange.objects.filter(city_code=city_code, machine=machine, object_id=object_id)
    return list(rows.order_by("id"))


def class_count(desk: Desk) -> int:
    """Filings that wait for a reviewer."""
    return TrainingClass.objects.filter(
        city_code=desk.city_code, **desk.under("project__region_id"), state="filed"
    ).count()


def project_count(desk: Desk) -> int:
    """Projects that wait for a reviewer."""
    return Project.objects.filter(city_code=desk.city_code, **desk.under("region_id"), state="submitted").count()


def claim_count(desk: Desk, states: Sequence[str], *, over_before: date) -> int:
    """Claims in these states; a published one only when its publicity ended before the day."""
    rows = Claim.objects.filter(city_code=desk.city_code, **desk.under("region_id"), state__in=states)
    return rows.exclude(state="publicity", publicity_until__gte=over_before).count()


def voucher_batch_count(desk: Desk) -> int:
    """Voucher batches that wait for publication."""
    return VoucherBatch.objects.filter(city_code=desk.city_code, **desk.under("region_id"), state="submitted").count()


def payment_batch_count(desk: Desk, states: Sequence[str]) -> int:
    """Payment batches in these states."""
    return PaymentBatch.objects.filter(city_code=desk.city_code, **desk.under("region_code"), state__in=states).count()


def user_of(desk: Desk, user_id: int) -> User | None:
    """An account that holds or held a role in the region or below."""
    held = RoleAssignment.objects.filter(user_id=user_id, **desk.under("region_id"))
    return User.objects.filter(pk=user_id).first() if held.exists() else None


def roles_of(user: User) -> list[RoleAssignment]:
    """Every role an account holds or held, latest first."""
    return list(RoleAssignment.objects.select_related("region", "user").filter(user=user).order_by("-valid_from", "id"))


def statuses_of(person: Person) -> list[PersonStatus]:
    """What other registers said of a person, newest first."""
    rows = PersonStatus.objects.filter(city_code=person.city_code, person=person)
    return list(rows.order_by("-checked_on", "-id"))


def looks_at(city_code: int, person_id: int) -> list[AuditEvent]:
    """Who looked at a person's file, latest first."""
    rows = AuditEvent.objects.filter(city_code=city_code, person_id=person_id, act="look")
    return list(rows.order_by("-id")[:10])
