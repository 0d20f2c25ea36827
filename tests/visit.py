"""Visits to every page of the played world by every kind of visitor: its routes, an object for each, signed-in clients.

Officers are of the objects' city (`own`), of a sister district (`same`), of another city (`other`); staff of organisations
are of the objects' own one, of another one in the same city (`rival`), of one in another city (`other`); workers are the
person the objects are about (`own`), another of the same city (`same`), one of another city (`other`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from factories.identity import sign_in
from rare import rare_rows
from world import AT, World
from zhaoliang.attendance import classcode
from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import Catalogue
from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.models import ClassSession, Enrolment, RefusedRoster, RosterImport, Textbook, TrainingClass
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.tasks import what_if
from zhaoliang.evaluation.models import Exam
from zhaoliang.funds.models import Account, BookClosing
from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.models import KeptExport
from zhaoliang.kernel.roles import BUREAU_ROLES, ORGANISATION_ROLES, Actor, Assignment, Place, Role, system_actor
from zhaoliang.payments.models import BankReturn, BankReturnLine, BankUpload, PayingAccount, PaymentBatch
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.registry import services as registry
from zhaoliang.registry.models import Organisation, Person, User
from zhaoliang.subsidies.models import Appeal, Claim, ClaimLine, Evidence, Objection, PaymentDue
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.web.access import PageRule
from zhaoliang.web.portal import texts

CITY, DISTRICT, SISTER, TAIAN, NATION = 120000, 120110, 120101, 370900, 100000
FOUNDED = date(2026, 1, 5)
CLOCK = system_actor()
DRAFTER = Actor(None, None, "测试人员", (Assignment(Role.ADMINISTRATOR, CITY, CITY, None),))

OFFICERS = sorted(BUREAU_ROLES)
STAFF = sorted(ORGANISATION_ROLES)
COLUMNS = [
    *(f"{role} {relation}" for role in OFFICERS for relation in ("own", "same", "other")),
    *(f"{role} {relation}" for role in STAFF for relation in ("own", "rival", "other")),
    *(f"worker {relation}" for relation in ("own", "same", "other")),
    "anonymous",
]

# Routes without a page rule, each with the reason; every other route must have one.
WITHOUT_RULE = {
    "healthz": "for the operator's probe, tells nothing",
    "readyz": "for the operator's probe, tells nothing",
    "metrics": "for the operator's collector, counts by route only",
    "display": "keeps the reader's own type size in a cookie",
    "gallery": "404 outside DEBUG",
    "gallery-face": "404 outside DEBUG",
    "worker_sign_in": "public; refuses everybody where no identity service is set up; tests/web/identity",
    "worker:home": "leads to the first page, which asks",
    "worker:offline": "what a phone shows without network; nobody's",
    "worker:offline-script": "the script that shows it; nobody's",
    "account_login": "allauth; tests/web/identity",
    "account_logout": "allauth; tests/web/identity",
    "account_inactive": "allauth; tests/web/identity",
    "account_reauthenticate": "allauth; tests/web/identity",
    "account_change_password": "allauth, own account only; tests/web/identity",
    "openid_connect_callback": "the identity service's way back; tests/web/identity",
}
WITHOUT_RULE_PREFIXES = {
    "mfa_": "allauth, own account only; tests/web/identity",
    "api:": "keys and scopes; tests/api",
}


@dataclass(frozen=True)
class Route:
    """One address of the platform."""

    name: str
    pattern: str
    view: Any

    @property
    def rule(self) -> PageRule | None:
        return getattr(self.view, "page", None)

    @property
    def excused(self) -> bool:
        plain = self.name.removeprefix("components:")
        return plain in WITHOUT_RULE or any(plain.startswith(start) for start in WITHOUT_RULE_PREFIXES)


def routes(resolver: URLResolver | None = None, prefix: str = "", names: str = "") -> list[Route]:
    """Every address under a resolver."""
    found: list[Route] = []
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            found.append(Route(f"{names}{entry.name or pattern}", pattern, entry.callback))
        else:
            found += routes(entry, pattern, f"{names}{entry.namespace}:" if entry.namespace else names)
    return found


def guarded() -> list[Route]:
    """The routes that must have a page rule."""
    return [route for route in routes() if not route.excused]


@pytest.fixture(scope="module")
def stage(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world with the clock stopped; everything that this module adds is rolled back after it."""
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: AT))
        yield world
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def objects(stage: World) -> dict[tuple[str, str], Any]:
    """One object for each (face, kind of address): those of a person are all of the same person."""
    here = {"city_code": CITY}
    line = stage.played.line
    enrolment = Enrolment.objects.get(**here, pk=line.enrolment_id)
    autumn = Claim.objects.filter(kind="training").exclude(training_class=stage.played.training_class).get(**here)
    # In publicity, so that the public can object.
    Claim.objects.filter(**here, pk=autumn.pk).update(
        state="publicity", publicity_from=AT.date() - timedelta(days=1), publicity_until=AT.date() + timedelta(days=4)
    )
    autumn.refresh_from_db()
    # In class, so that its code can be shown.
    Voucher.objects.filter(**here, pk=line.voucher_id).update(state="verified")
    handed_in = Evidence.objects.create(
        **here,
        claim=autumn,
        kind="video",
        file_name="a.mp4",
        sha256="0" * 64,
        size=1,
        content="AA==",
        at=AT,
        actor_name="测试",
    )
    objection = Objection.objects.create(**here, claim=autumn, text="测试异议", raised_at=AT)
    winter = TrainingClass.objects.get(**here, state="filed", starts_on=date(2026, 12, 7))
    refused = RosterImport.objects.get(**here, imported=0)
    RefusedRoster.objects.get_or_create(
        **here, training_class=refused.training_class, defaults={"roster_import": refused, "content": ""}
    )
    session = ClassSession.objects.filter(**here, training_class=winter).earliest("id")
    project = winter.project
    batch = VoucherBatch.objects.get(**here, name="焊工·高级工 长期券")
    attendance = Attendance.objects.filter(**here, enrolment=enrolment).earliest("id")
    certificate = Certificate.objects.get(**here, pk=line.certificate_id)
    lesson = Attendance.objects.filter(**here, enrolment=enrolment).latest("id")
    ClassSession.objects.filter(**here, pk=lesson.session_id).update(online=True)
    rare = rare_rows(line, batch, attendance, AT)
    draft = PolicyDraft.objects.get(**here)
    # The school's and the person's own: the same difference, wanted back from either.
    late = RecoveryCase.objects.get(**here)
    terms = {
        **here,
        "claim_line": line,
        "difference": late.difference,
        "person": line.person,
        "region_code": DISTRICT,
        "amount_fen": 100,
        "opened_at": AT,
        "state": "noticed",
    }
    mine = RecoveryCase.objects.create(**terms, payee_name=line.person.name)
    school = stage.played.training_class.provider
    back = RecoveryCase.objects.create(**terms | {"person": None}, organisation=school, payee_name=school.name)
    answered = BankReturn.objects.filter(**here).earliest("id")
    upload = BankUpload.objects.create(
        **here, region_code=answered.region_code, file_name="测试.csv", sha256=b"test", content="", at=AT
    )
    due = PaymentDue.objects.create(
        **here,
        claim_line=line,
        purpose="settlement",
        number=1,
        amount_fen=100,
        payee="person",
        payable=Account.objects.filter(**here, kind="payable").earliest("id"),
        reason="测试",
        queued_at=AT,
    )
    appeal = Appeal.objects.create(
        **here,
        claim_line=line,
        side="provider",
        refused_change=1,
        reason="测试申诉",
        file_name="测试.pdf",
        content="",
        filed_at=AT,
    )
    return {
        ("bureau", "appeals"): appeal,
        # Nobody's: a file is for who asked for it, whatever his role.
        ("bureau", "exports"): KeptExport.objects.create(**here, region_code=DISTRICT, title="测试", asked_at=AT),
        ("bureau", "paying-accounts"): PayingAccount.objects.filter(**here).earliest("id"),
        ("bureau", "bank-uploads"): upload,
        ("bureau", "bank-lines"): BankReturnLine.objects.filter(**here).earliest("id"),
        ("bureau", "reconciliation"): rare["reconciliation"],
        ("bureau", "payment-dues"): due,
        ("bureau", "voucher-changes"): rare["batch_change"],
        ("bureau", "holdings"): line.voucher,
        ("bureau", "counter"): line.person,
        ("bureau", "counter-vouchers"): line.voucher,
        ("bureau", "voucher-issues"): rare["issue_list"],
        ("bureau", "sanctions"): rare["sanction"],
        ("desk", "sanctions"): rare["sanction"],
        ("desk", "share-receipts"): rare["share_receipt"],
        ("bureau", "share-voidings"): rare["share_voiding"],
        ("bureau", "work-training"): rare["past_import"],
        ("bureau", "classes"): winter,
        ("bureau", "doubts"): rare["attendance_doubt"],
        ("bureau", "corrections"): rare["attendance_correction"],
        ("bureau", "make-ups"): rare["make_up"],
        ("bureau", "claims"): autumn,
        ("bureau", "claim-lines"): ClaimLine.objects.filter(**here, claim=autumn).earliest("id"),
        ("bureau", "objections"): objection,
        ("bureau", "projects"): project,
        ("bureau", "catalogues"): Catalogue.objects.get(**here),
        ("bureau", "vouchers"): batch,
        ("bureau", "funds"): Account.objects.filter(**here, kind="budget").earliest("id"),
        ("bureau", "payments"): PaymentBatch.objects.filter(**here).earliest("id"),
        ("bureau", "bank-returns"): BankReturn.objects.filter(**here).earliest("id"),
        ("bureau", "trace"): line,
        ("bureau", "recoveries"): back,
        ("bureau", "amount-corrections"): rare["correction"],
        ("bureau", "findings"): rare["fact_finding"],
        ("bureau", "closings"): BookClosing.objects.create(
            **here,
            through=date(2026, 2, 28),
            step="proposed",
            transfers=0,
            total_fen=0,
            at=AT,
            by_user=1,
            by_name="测试",
        ),
        ("bureau", "people"): line.person,
        ("bureau", "policies"): draft,
        ("bureau", "organisations"): stage.played.training_class.provider,
        ("desk", "classes"): winter,
        ("desk", "imports"): refused,
        ("desk", "doubts"): rare["attendance_doubt"],
        ("desk", "make-ups"): rare["make_up"],
        ("desk", "sessions"): session,
        ("bureau", "sites"): winter.site,
        ("desk", "attendance"): attendance,
        ("desk", "textbooks"): Textbook.objects.filter(**here, training_class=winter).earliest("id"),
        ("desk", "enrolments"): Enrolment.objects.filter(**here, training_class=winter).earliest("id"),
        ("desk", "exams"): Exam.objects.get(**here, training_class=stage.played.training_class),
        ("desk", "certificates"): certificate,
        ("desk", "claims"): autumn,
        ("desk", "claim-lines"): ClaimLine.objects.filter(**here, claim=autumn).earliest("id"),
        ("desk", "evidence"): handed_in,
        ("bureau", "evidence"): handed_in,
        ("desk", "projects"): project,
        ("my", "find"): batch,
        ("my", "vouchers"): line.voucher,
        ("my", "classes"): enrolment,
        ("my", "sessions"): attendance,
        ("my", "lessons"): lesson,
        ("my", "doubts"): rare["attendance_doubt"],
        ("my", "certificates"): certificate,
        ("my", "subsidies"): line,
        ("my", "recoveries"): mine,
        ("desk", "recoveries"): back,
        ("", "activity"): batch,
        ("", "projects"): project,
        ("", "publicity"): autumn,
        ("", "jobs"): what_if.start(actor=DRAFTER, at=AT, subject=draft),
    }


@pytest.fixture(scope="module")
def clients(stage: World) -> dict[str, Client]:
    """A signed-in client for each column of the table, and `everybody`, who holds every role everywhere."""
    inventor = Inventor(20261123, region_code=TAIAN)
    training_class, person = stage.played.training_class, stage.played.line.person
    school, evaluator = training_class.provider, training_class.project.evaluator
    rival = Organisation.objects.exclude(pk__in=[school.pk, evaluator.pk]).get(city_code=CITY, state="listed")
    far = registry.register_organisation(
        actor=CLOCK,
        at=AT,
        place=Place(TAIAN, TAIAN),
        name="泰安测试职业培训学校",
        short_name="泰安测试",
        uscc=inventor.uscc(),
        kind="private_provider",
        region_code=TAIAN,
    )
    stranger = registry.register_person(
        actor=CLOCK,
        at=AT,
        place=Place(TAIAN, TAIAN),
        name="甲某测",
        document_type="resident_id",
        document_number=inventor.resident_id(birth=date(1990, 1, 1), sex=Sex.MALE),
        region_code=TAIAN,
    )
    another = Person.objects.filter(city_code=CITY, enrolments__isnull=False).exclude(pk=person.pk).earliest("id")
    made: dict[str, User] = {}
    for role in OFFICERS:
        for relation, region in (("own", CITY), ("same", SISTER), ("other", TAIAN)):
            made[f"{role} {relation}"] = _user(f"grid-{role}-{relation}", role, region)
    for role in STAFF:
        own = evaluator if role is Role.EVALUATOR else school
        for relation, organisation in (("own", own), ("rival", rival), ("other", far)):
            made[f"{role} {relation}"] = _user(
                f"grid-{role}-{relation}", role, organisation.city_code, organisation=organisation
            )
    for relation, who in (("own", person), ("same", another), ("other", stranger)):
        made[f"worker {relation}"] = _user(f"grid-worker-{relation}", Role.WORKER, who.city_code, person=who)
    everybody = _user("grid-everybody", Role.WORKER, CITY, person=person)
    for role in (*OFFICERS, *STAFF):
        organisation = {Role.EVALUATOR: evaluator}.get(role, school) if role in STAFF else None
        _assign(everybody, role, CITY if organisation else NATION, organisation)
    made["everybody"] = everybody
    return {column: sign_in(Client(), user) for column, user in made.items()} | {"anonymous": Client()}


def _user(
    username: str, role: Role, region: int, *, organisation: Organisation | None = None, person: Person | None = None
) -> User:
    city = organisation.city_code if organisation else region // 100 * 100 if region != SISTER else CITY
    user = registry.create_user(
        actor=CLOCK,
        at=AT,
        place=Place(city, region, person_id=person.pk if person else None),
        username=username.replace("_", "-"),
        name="测试人员",
        person_id=person.pk if person else None,
        city_code=city,
    )
    _assign(user, role, region, organisation)
    return user


def _assign(user: User, role: Role, region: int, organisation: Organisation | None) -> None:
    registry.assign_role(
        actor=CLOCK,
        at=AT,
        place=Place(user.city_code or CITY, region),
        user=user,
        role=role,
        region_code=region,
        organisation=organisation,
        valid_from=FOUNDED,
    )


@pytest.fixture(scope="module")
def address(stage: World, objects: dict[tuple[str, str], Any]) -> Callable[[Route], str]:
    """The address of a route in this world."""
    target = _user("grid-target", Role.REVIEWER, DISTRICT)
    role = target.assignments.get()
    document = texts.documents(AT.date())[0].document

    def build(route: Route) -> str:
        parts = route.pattern.split("/")
        kwargs: dict[str, Any] = {}
        if "<path:document>" in parts:
            kwargs["document"] = document.id
        if "<slug:rule>" in parts:
            kwargs["rule"] = "attendance"
        if "<str:clause>" in parts:
            kwargs["clause"] = next(iter(document.clauses))
        if "<str:code>" in parts:
            kwargs["code"] = classcode.shown(objects["desk", "sessions"], AT).text
        if "<int:city>" in parts:
            face = parts[0] if parts[0] in ("bureau", "desk", "my") else ""
            found = objects[face, parts[parts.index("<int:city>") - 1]]
            kwargs |= {"city": found.city_code, "pk": found.pk}
        elif "<int:pk>" in parts:
            assert "users" in parts, f"no object is known for {route.pattern}"
            kwargs["pk"] = target.pk
            if "<int:role>" in parts:
                kwargs["role"] = role.pk
        return reverse(route.name, kwargs=kwargs)

    return build


def ask(client: Client, method: str, url: str) -> HttpResponse:
    """The answer to a request whose effects are taken back."""
    with transaction.atomic():
        answer = client.get(url) if method == "GET" else client.post(url)
        transaction.set_rollback(True)
    return answer
