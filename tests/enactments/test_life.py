"""The whole life of a policy text: two people, from a draft to the day it binds and the day it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from factories import enactments as make
from factories.actors import HEPING, TIANJIN, actor
from zhaoliang.enactments import selectors, services, tasks
from zhaoliang.enactments.models import PolicyDraft, PolicyRevision
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal, SamePerson, WrongState
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Actor, Place, Role
from zhaoliang.policy import Outcome
from zhaoliang.registry import lawbook
from zhaoliang.registry.models import PolicyText

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1")]
DAY = datetime(2027, 1, 1, 2, 0, tzinfo=UTC)


def factor(on: date) -> int | Fraction:
    """紧缺 as the library has it on a day."""
    held = lawbook.policies_for(TIANJIN, on=on)
    document = next(one for one in held.documents if one.id == make.DOCUMENT)
    version = document.tables["scarcity_factor"].on(on)
    assert version is not None
    return version.rows["scarce",]


def again(draft: PolicyDraft) -> PolicyDraft:
    return PolicyDraft.objects.get(city_code=draft.city_code, pk=draft.pk)


def advance(at: datetime) -> None:
    tasks.advance_texts(int(at.timestamp()))


def test_a_text_binds_classes_from_its_day_and_earlier_ones_keep_theirs() -> None:
    before = lawbook.policies_for(TIANJIN, on=date(2026, 12, 31)).version
    made = make.scheduled(make.bureau())
    moves = StateChange.objects.filter(city_code=TIANJIN, machine="policy_draft", object_id=made.pk).order_by("id")
    assert [one.event for one in moves] == ["check", "simulate", "submit", "approve", "schedule"]
    assert factor(date(2026, 12, 31)) == Fraction(9, 10)
    assert factor(date(2027, 1, 1)) == Fraction(95, 100)
    assert lawbook.policies_for(TIANJIN, on=date(2026, 12, 31)).version == before
    acts = AuditEvent.objects.filter(city_code=TIANJIN, object_type__icontains="policydraft", object_id=made.pk)
    assert {"enactments.start_revision", "enactments.approve"} <= set(acts.values_list("act", flat=True))


def test_the_clock_moves_it_into_force_and_the_next_version_takes_its_place() -> None:
    office = make.bureau()
    first = make.scheduled(office)
    advance(datetime(2026, 12, 31, 15, 0, tzinfo=UTC))
    assert again(first).state == "scheduled"
    advance(datetime(2026, 12, 31, 16, 30, tzinfo=UTC))
    assert again(first).state == "in_force", "half past midnight in China"
    second = make.scheduled(office, at=DAY, version=make.START, valid_from=date(2027, 3, 1), scarce="0.97")
    advance(datetime(2027, 3, 1, 1, 0, tzinfo=UTC))
    assert (again(first).state, again(second).state) == ("superseded", "in_force")
    assert factor(date(2027, 2, 28)) == Fraction(95, 100)


def test_a_repealing_text_ends_another_from_its_day() -> None:
    office = make.bureau()
    revised = make.scheduled(office)
    advance(DAY)
    draft = services.start_repeal(
        actor=office.drafter,
        at=DAY,
        place=office.place,
        document_id=make.DOCUMENT,
        version=make.START,
        folder="feizhi-2027-1",
        title="关于废止测试办法的通知",
        number="测试〔2027〕1号",
        issuers="测试市人力资源和社会保障局",
        clause="测试办法自施行之日起废止。",
        valid_from=date(2027, 2, 1),
        purpose="测试废止",
    )
    for step in (services.check_draft, services.simulate_draft, services.submit):
        draft = step(actor=office.drafter, at=DAY, draft=draft)
    services.approve(actor=office.approver, at=DAY, draft=draft)
    lawbook.forget()
    in_force = {one.id for one in lawbook.policies_for(TIANJIN, on=date(2027, 1, 31)).documents}
    later = {one.id for one in lawbook.policies_for(TIANJIN, on=date(2027, 2, 1)).documents}
    assert make.DOCUMENT in in_force
    assert make.DOCUMENT not in later
    advance(datetime(2027, 2, 1, 1, 0, tzinfo=UTC))
    assert again(revised).state == "repealed"
    assert selectors.standing(
        next(one for one in lawbook.lawbook().documents if one.id == make.DOCUMENT), date(2027, 2, 1)
    ) == ("已废止", "no")


@pytest.mark.parametrize(
    "who", ["the same account", "a second account of the same person", "an author of one revision"]
)
def test_whoever_wrote_any_of_it_does_not_approve_it(who: str) -> None:
    office = make.bureau()
    made = make.submitted(office)
    drafter = office.drafter
    if who == "an author of one revision":
        services.withdraw(actor=drafter, at=make.AT, draft=made)
        helper = actor(Role.ADMINISTRATOR, Role.APPROVER, name="测试协助")
        made = services.set_figures(
            actor=helper,
            at=make.AT,
            draft=again(made),
            revision=made.revision,
            typed={"clocks/class_review/value": "6"},
        )
        for step in (services.check_draft, services.simulate_draft, services.submit):
            made = step(actor=drafter, at=make.AT, draft=made)
        approver = helper
    else:
        roles = actor(Role.APPROVER).assignments
        user = drafter.user_id if who == "the same account" else 77
        approver = Actor(user, drafter.person_id, "测试同人", roles)
    with pytest.raises(SamePerson):
        services.approve(actor=approver, at=make.AT, draft=made)
    assert again(made).state == "submitted"
    assert not PolicyText.objects.exists()


def test_only_the_two_roles_of_the_region_take_part() -> None:
    office = make.bureau()
    made = make.submitted(office)
    for stranger in (
        actor(Role.REVIEWER),
        actor(Role.ADMINISTRATOR),
        actor(Role.APPROVER, region_code=HEPING),
        actor(Role.APPROVER, region_code=370900, city_code=370900),
    ):
        with pytest.raises(Forbidden):
            services.approve(actor=stranger, at=make.AT, draft=made)
    with pytest.raises(Forbidden):
        services.submit(actor=office.approver, at=make.AT, draft=made)
    with pytest.raises(Refusal, match="不是本地区的"):
        services.start_revision(
            actor=office.drafter,
            at=make.AT,
            place=office.place,
            document_id="cn/renshebuhan-2021-14",
            version=date(2021, 2, 1),
            valid_from=make.START,
            purpose="测试",
        )


def test_a_text_cannot_bind_before_every_process_knows_it() -> None:
    office = make.bureau()
    made = make.submitted(office, valid_from=date(2026, 11, 24))
    with pytest.raises(Refusal, match="2026年11月25日"):
        # Two minutes before midnight in China.
        services.approve(actor=office.approver, at=datetime(2026, 11, 23, 15, 58, tzinfo=UTC), draft=made)
    assert again(made).state == "submitted"
    done = services.approve(actor=office.approver, at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC), draft=made)
    assert done.state == "scheduled"


def test_a_process_sees_what_another_enacted_when_it_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(lawbook, "monotonic", lambda: now[0])
    monkeypatch.setattr(lawbook, "LOOK_EVERY", 30.0)
    lawbook.forget()
    assert factor(make.START) == Fraction(9, 10)
    office = make.bureau()
    # Approved elsewhere: this process is told nothing.
    services.approve(actor=office.approver, at=make.AT, draft=make.submitted(office))
    now[0] += 29
    assert factor(make.START) == Fraction(9, 10)
    now[0] += 2
    assert factor(make.START) == Fraction(95, 100)


def test_a_returned_draft_says_why_and_comes_again() -> None:
    office = make.bureau()
    made = make.submitted(office)
    with pytest.raises(BadInput):
        services.return_draft(actor=office.approver, at=make.AT, draft=made, reason=" ")
    made = services.return_draft(actor=office.approver, at=make.AT, draft=made, reason="请附测算")
    assert (made.state, made.return_reason) == ("returned", "请附测算")
    for step in (services.check_draft, services.simulate_draft, services.submit):
        made = step(actor=office.drafter, at=make.AT, draft=made)
    assert services.approve(actor=office.approver, at=make.AT, draft=made).state == "scheduled"


def test_a_change_takes_back_the_check_and_the_what_if() -> None:
    office = make.bureau()
    made = make.scarcer(office)
    for step in (services.check_draft, services.simulate_draft):
        made = step(actor=office.drafter, at=make.AT, draft=made)
    made = services.set_figures(
        actor=office.drafter, at=make.AT, draft=made, revision=made.revision, typed={"clocks/class_review/value": "7"}
    )
    assert (made.state, made.checked, made.simulated) == ("draft", {}, {})
    with pytest.raises(WrongState):
        services.submit(actor=office.drafter, at=make.AT, draft=made)


def test_who_saved_first_is_not_overwritten() -> None:
    office = make.bureau()
    made = make.draft(office)
    typed = {"clocks/class_review/value": "7"}
    services.set_figures(actor=office.drafter, at=make.AT, draft=made, revision=1, typed=typed)
    with pytest.raises(services.Outdated, match="第 2 稿"):
        services.replace_text(actor=office.drafter, at=make.AT, draft=made, revision=1, content="别的")
    assert again(made).content.count("value: 7, unit: working_days") == 1


def test_a_later_text_for_the_same_day_stands_for_the_one_that_waits() -> None:
    office = make.bureau()
    first = make.scheduled(office)
    cells: dict[str, Any] = {"table": "scarcity_factor", "index": 0, "typed": {"scarce": "0.97"}}
    made = make.draft(office, version=make.VERSION)
    made = services.set_cells(actor=office.drafter, at=make.AT, draft=made, revision=1, **cells)
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    wrong = [one["index"] for one in made.checked["scenarios"] if not one["ok"]]
    made = services.adopt_results(actor=office.drafter, at=make.AT, draft=made, revision=2, indexes=wrong)
    for step in (services.check_draft, services.simulate_draft, services.submit):
        made = step(actor=office.drafter, at=make.AT, draft=made)
    services.approve(actor=office.approver, at=make.AT, draft=made)
    lawbook.forget()
    assert again(first).state == "superseded"
    assert factor(make.START) == Fraction(97, 100)
    assert PolicyText.objects.count() == 2, "nothing that was approved is taken away"


def test_a_broken_text_is_kept_named_by_line_and_goes_no_further() -> None:
    office = make.bureau()
    made = make.draft(office)
    broken = made.content.replace("clauses:", "clauses: [", 1)
    made = services.replace_text(actor=office.drafter, at=make.AT, draft=made, revision=1, content=broken)
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    assert made.state == "draft"
    assert made.content == broken
    assert made.checked["findings"][0]["line"] > 0
    assert selectors.changes(made) is None
    with pytest.raises(Refusal, match="读不懂"):
        services.set_figures(actor=office.drafter, at=make.AT, draft=made, revision=2, typed={"x": "1"})
    with pytest.raises(WrongState):
        services.simulate_draft(actor=office.drafter, at=make.AT, draft=made)
    kept = PolicyRevision.objects.filter(city_code=TIANJIN, draft=made).order_by("number")
    assert [one.content == broken for one in kept] == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cite: "11"}', 'cite: "99"}', "99"),
        (
            "must: person_age_at_start >= min_age",
            "must: person_age_at_start >= living_allowance",
            "years",
        ),
        ("standard-2021-2022.csv, cite: cn-12/mulu", "../../../etc/passwd, cite: cn-12/mulu", "文件名"),
        ("region: 120000", "region: 370000", "120000"),
    ],
)
def test_a_text_with_an_error_is_refused_by_the_check(old: str, new: str, said: str) -> None:
    office = make.bureau()
    made = make.draft(office)
    assert old in made.content
    content = made.content.replace(old, new, 1)
    made = services.replace_text(actor=office.drafter, at=make.AT, draft=made, revision=1, content=content)
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    assert made.state == "draft"
    assert said in str(made.checked["findings"])


def test_every_fault_of_a_text_is_told_at_once_with_line_and_clause() -> None:
    office = make.bureau()
    made = make.draft(office)
    content = made.content.replace("must: person_age_at_start >= min_age", "must: person_age >= min_age", 1)
    content = content.replace("must: not pension_drawn", "must: pension_drawn + 1 > 0", 1)
    made = services.replace_text(actor=office.drafter, at=make.AT, draft=made, revision=1, content=content)
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    told = made.checked["findings"]
    assert ["person_age" in told[0]["text"], "不能用来计算" in told[1]["text"]] == [True, True]
    assert all(one["line"] and one["clause"] == "第四条" for one in told)


def test_an_enacted_text_that_a_release_cannot_read_any_more_stops_nothing() -> None:
    """Its lines go to a person, the text before it does not come to life again, other places and days go on."""
    path = f"{make.DOCUMENT}/2027-01-01.yaml"
    text = (lawbook.lawbook().root / f"{make.DOCUMENT}/2022-08-01.yaml").read_text(encoding="utf-8")
    text = text.replace("from: 2022-08-01, to", "from: 2027-01-01, to", 1)
    gone = text.replace("must: not pension_drawn", "must: fact_of_an_old_release > 0", 1)
    assert gone != text
    before = {place: lawbook.policies_for(place, on=date(2027, 3, 1)).version for place in (TIANJIN, 370900)}
    folder = lawbook.lawbook().root / make.DOCUMENT
    PolicyText.objects.create(
        path=path,
        number=1,
        document_id=make.DOCUMENT,
        region_id=TIANJIN,
        valid_from=date(2027, 1, 1),
        content=gone,
        tables={one.name: one.read_text(encoding="utf-8") for one in folder.glob("*.csv")},
        sha256="0" * 64,
        drafted_by_user=1,
        drafted_by_name="甲",
        approved_by_user=2,
        approved_by_name="乙",
        decided_at=make.AT,
    )
    lawbook.forget()
    assert [one.file for one in lawbook.lawbook().unread] == [f"policies/{path}"]
    policies = lawbook.policies_for(TIANJIN, on=date(2027, 3, 1))
    made = policies.decide({"person_age_at_start": 15}, phase="preflight")
    assert "min_age" in [one.rule_id for one in made.refusals], "what can be read still holds"
    doubt = [one for one in made.questions if one.rule_id.startswith("unread_")]
    assert [one.outcome for one in doubt] == [Outcome.CANNOT_TELL]
    assert policies.version != before[TIANJIN]
    assert lawbook.policies_for(370900, on=date(2027, 3, 1)).version == before[370900]
    # A draft over it is checked strictly, and mends it.
    mended = services.start_revision(
        actor=(office := make.bureau()).drafter,
        at=make.AT,
        place=office.place,
        document_id=make.DOCUMENT,
        version=date(2022, 8, 1),
        valid_from=date(2027, 1, 1),
        valid_to=make.END,
        purpose="改正读不出来的文本",
    )
    mended = services.check_draft(actor=office.drafter, at=make.AT, draft=mended)
    assert {one["kind"] for one in mended.checked["findings"] if one["severity"] == "error"} <= {"情形"}


def test_an_approved_text_cannot_be_changed_or_removed_by_the_running_system() -> None:
    made = make.scheduled(make.bureau())
    for statement in ("UPDATE policy_text SET content = ''", "DELETE FROM policy_text", "DELETE FROM policy_draft"):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert made.text is not None
    assert made.text.content == made.content


def test_the_database_itself_asks_for_two_people() -> None:
    made = make.submitted(make.bureau())
    for fields in (
        {"approved_by_user": made.submitted_by_user},
        {"approved_by_person": made.submitted_by_person, "approved_by_user": 5},
    ):
        with pytest.raises(IntegrityError, match="policy_draft_two"), transaction.atomic():
            PolicyDraft.objects.filter(city_code=TIANJIN, pk=made.pk).update(**fields)


@pytest.mark.mission("B3")
def test_a_rule_by_hukou_refuses_only_with_a_recorded_decision() -> None:
    office = make.bureau()
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=make.draft(office))
    waiting = [one for one in made.checked["departures"] if one["rule_id"] and not one["binding"]]
    assert waiting, "津人社局发〔2022〕20号 restricts by hukou"
    assert all("14号" in one["higher"] for one in waiting)
    said = {"by": "测试市人民政府", "number": "测试〔2026〕9号", "on": date(2026, 11, 1), "text": "按本地第二十条执行"}
    with pytest.raises(BadInput):
        services.record_decision(
            actor=office.drafter,
            at=make.AT,
            draft=made,
            revision=1,
            rule_id=waiting[0]["rule_id"],
            **(said | {"by": ""}),
        )
    made = services.record_decision(
        actor=office.drafter, at=make.AT, draft=made, revision=1, rule_id=waiting[0]["rule_id"], **said
    )
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    after = {one["rule_id"]: one["binding"] for one in made.checked["departures"] if one["rule_id"]}
    assert after[waiting[0]["rule_id"]] is True


def test_a_new_document_is_written_from_its_first_clause() -> None:
    office = make.bureau(HEPING)
    arguments: dict[str, Any] = {
        "title": "测试区补充规定",
        "number": "",
        "issuers": "测试区人力资源和社会保障局",
        "clause": "本区另作规定。",
        "valid_from": make.START,
        "purpose": "测试",
    }
    place = Place(TIANJIN, HEPING)
    with pytest.raises(BadInput) as refused:
        services.start_document(actor=office.drafter, at=make.AT, place=place, folder="Not Good", **arguments)
    assert list(refused.value.fields) == ["folder"]
    made = services.start_document(actor=office.drafter, at=make.AT, place=place, folder="buchong", **arguments)
    assert made.document_id == "cn-12-01-01/buchong"
    made = services.check_draft(actor=office.drafter, at=make.AT, draft=made)
    assert made.state == "checked", made.checked
