"""The roster check on the planted faults of real rosters: one finding each, correct rows none."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from factories import registry
from factories.catalogue import WELDER
from factories.catalogue import project as listed_project
from factories.classes import (
    AT,
    START,
    Candidate,
    accepted,
    candidate,
    draft,
    enrol,
    open_batch,
    staff,
    workbook,
)
from zhaoliang.classes import selectors, services
from zhaoliang.classes.models import Enrolment, RosterImport, TrainingClass
from zhaoliang.classes.roster.checks import Roster, check_roster
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.employment.models import JobRecord
from zhaoliang.kernel.identifiers.certificates import build_skill_certificate
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.registry.models import Organisation, PersonGrant
from zhaoliang.vouchers.services import expire_due

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D2")]


def check(training_class: TrainingClass, rows: list[dict[str, Any]]) -> Roster:
    held = selectors.training_class(training_class.city_code, training_class.pk)
    assert held is not None
    return check_roster(
        read_roster(workbook(rows)),
        city_code=held.city_code,
        project=held.project,
        start=held.starts_on,
        training_class=held,
        at=AT,
        importing=True,
    )


def test_every_planted_fault_is_found_once_with_its_clause_and_correct_rows_are_clean() -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    people = [candidate(source) for _ in range(3)]
    clash_with = accepted(enrolled(candidate(source)))
    twice = clash_with.enrolments.filter(city_code=clash_with.city_code).get().person
    holder = Candidate(twice, twice.vouchers.filter(city_code=twice.city_code).get())
    other_project = listed_project()
    short = open_batch(project, claim_until=AT + timedelta(days=3), use_until=AT + timedelta(days=4))
    child, retired, staff_member = (
        candidate(source, birth=date(2010, 3, 17)),
        candidate(source, pension=True),
        candidate(source, establishment=True),
    )
    paid, wrong_level, absent, expired, stranger, named = (
        candidate(source),
        candidate(source),
        candidate(source),
        candidate(short),
        candidate(open_batch(other_project)),
        candidate(source),
    )
    grant(paid, level=5)
    expire_due(actor=system_actor(), at=AT + timedelta(days=5), place=Place(project.city_code, project.region_id))
    number = people[1].person.document_number
    rows = [
        people[0].row(),
        people[1].row(证件号=number[:-1] + ("0" if number[-1] != "0" else "1")),
        people[0].row(),
        holder.row(),
        child.row(),
        retired.row(),
        wrong_level.row(
            证书编号=build_skill_certificate(
                project.evaluator.evaluator_prefix, year=2026, level=SkillLevel.INTERMEDIATE, sequence=1
            ).number
        ),
        staff_member.row(),
        stranger.row(),
        absent.row(出勤课时=63.92, 应到课时=80, 出勤率="79.9%"),
        paid.row(),
        expired.row(),
        named.row(姓名="另某某"),
        people[2].row(),
    ]
    roster = check(training_class, rows)
    found = [(one.row, one.code, one.column, one.clause) for one in roster.findings]
    assert found == [
        (3, "document_number", "证件号", "人社部函〔2021〕14号 六"),
        (4, "repeated", "证件号", "人社部发〔2025〕10号 五（十一）"),
        (5, "two_classes_at_once", "证件号", "人社部发〔2025〕10号 五（十一）"),
        (6, "min_age", "证件号", "津人社局发〔2022〕20号 第四条"),
        (7, "not_drawing_pension", "人员类别", "津人社局发〔2022〕20号 第四条"),
        (8, "certificate_level_matches", "证书编号", "津人社局发〔2022〕20号 第九条"),
        (9, "not_establishment_staff", "人员类别", "津人社局发〔2022〕20号 第四条"),
        (
            10,
            "voucher_fits",
            "电子培训券唯一码",
            "《人力资源社会保障部办公厅关于开展职业技能电子培训券试点工作的通知》 附件2 一（一）1（2）",
        ),
        (11, "attendance", "出勤课时", "津人社局发〔2022〕20号 第九条"),
        (12, "no_lower_after_higher", "等级", "津人社局发〔2022〕20号 第十五条"),
        (
            13,
            "voucher_in_time",
            "电子培训券唯一码",
            "《人力资源社会保障部办公厅关于开展职业技能电子培训券试点工作的通知》 附件2 一（一）2（4）",
        ),
        (14, "name_mismatch", "姓名", "人社部函〔2021〕14号 六"),
    ]
    assert "79.9%" in roster.findings[8].reason
    assert clash_with.name in roster.findings[2].reason
    assert all(finding.reason and finding.next_step for finding in roster.findings)


def enrolled(person: Candidate) -> TrainingClass:
    other = draft(listed_project(), start=START)
    enrol(other, person.person)
    return other


def grant(person: Candidate, **given: Any) -> PersonGrant:
    columns = {
        "scheme": "training",
        "occupation_code": WELDER,
        "level": 4,
        "city_code": 370900,
        "fund_source": "employment_subsidy",
        "granted_on": date(2025, 5, 1),
        "source": "测试",
    }
    return PersonGrant.objects.create(person_id=person.person.pk, **columns | given)


def test_attendance_of_exactly_eighty_percent_is_enough() -> None:
    project = listed_project()
    row = candidate(open_batch(project)).row(出勤课时=64, 应到课时=80, 出勤率="80%")
    assert check(draft(project), [row]).findings == []


def test_a_grant_of_another_city_for_the_same_level_is_found() -> None:
    project = listed_project()
    person = candidate(open_batch(project))
    grant(person)
    assert [one.code for one in check(draft(project), [person.row()]).findings] == ["same_level_twice"]


def test_what_is_not_known_of_a_person_asks_and_does_not_refuse() -> None:
    project = listed_project()
    training_class = draft(project)
    unknown = registry.resident_id()
    roster = check(training_class, [{"姓名": "测试某", "证件号": unknown, "人员类别": "城镇登记失业人员"}])
    assert roster.errors == []
    assert [(one.code, one.severity) for one in roster.findings] == [
        ("cannot_tell", "notice"),
        ("voucher_blank", "notice"),
    ]
    assert "已按月领取养老保险待遇" in roster.findings[0].reason
    assert unknown not in str([one.as_dict() for one in roster.findings])


def test_who_does_not_apply_for_a_subsidy_is_only_checked_for_identity() -> None:
    project = listed_project()
    source = open_batch(project)
    retired, child = candidate(source, pension=True), candidate(source, birth=date(2010, 3, 17))
    rows = [
        retired.row(是否申请补贴="否", 本人先垫付学费="是"),
        child.row(是否申请补贴="否", 姓名="另某某"),
    ]
    roster = check(draft(project), rows)
    assert [(one.row, one.code) for one in roster.findings] == [(3, "name_mismatch")]
    assert roster.trainees[0].prepaid


@pytest.mark.parametrize(
    ("fault", "code"),
    [("of somebody else", "voucher_holder"), ("used elsewhere", "voucher_used"), ("unknown", "voucher_unknown")],
)
def test_a_voucher_must_be_the_holders_own_and_unused(fault: str, code: str) -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    one, other = candidate(source), candidate(source)
    given = one.row()
    if fault == "of somebody else":
        given["电子培训券唯一码"] = other.voucher.code
    elif fault == "unknown":
        given["电子培训券唯一码"] = str(registry.inventor().voucher_code(project.city_code))
    else:
        services.import_roster(
            actor=staff(training_class),
            at=AT,
            training_class=draft(project),
            file_name="a.xlsx",
            content=workbook([one.row()]),
        )
    assert [finding.code for finding in check(training_class, [given]).findings] == [code]


def test_a_certificate_number_that_contradicts_itself_is_one_finding() -> None:
    project = listed_project()
    number = build_skill_certificate(
        project.evaluator.evaluator_prefix, year=2025, level=SkillLevel.SENIOR, sequence=7
    ).number
    row = candidate(open_batch(project)).row(证书编号=number, 发证日期="2026-02-01")
    assert [(one.code, one.column) for one in check(draft(project), [row]).findings] == [
        ("certificate_number", "证书编号")
    ]


def test_a_clash_of_days_without_a_timetable_asks_instead_of_refusing() -> None:
    project = listed_project()
    person = candidate(open_batch(project))
    accepted(enrolled(person))
    file = read_roster(workbook([person.row()]))
    roster = check_roster(
        file, city_code=project.city_code, project=project, start=START, training_class=None, at=AT, importing=False
    )
    assert roster.errors == []
    # Without a class the place of training is not known either, which concerns the file as a whole.
    assert [(one.row, one.code) for one in roster.findings] == [(None, "cannot_tell"), (2, "cannot_tell")]
    assert "与另一班期时间重叠" in roster.findings[1].reason


def test_the_number_of_queries_does_not_grow_with_the_rows(django_assert_num_queries: Any) -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    few = [candidate(source).row() for _ in range(2)]
    many = few + [candidate(source).row() for _ in range(8)]
    check(training_class, few)
    with django_assert_num_queries(11) as counted:
        check(training_class, few)
    with django_assert_num_queries(len(counted)):
        check(training_class, many)


def test_a_roster_audited_after_it_was_paid_does_not_find_its_own_grant() -> None:
    project = listed_project()
    training_class = draft(project)
    person = candidate(open_batch(project))
    content = [person.row()]
    services.import_roster(
        actor=staff(training_class), at=AT, training_class=training_class, file_name="a.xlsx", content=workbook(content)
    )
    person.voucher.refresh_from_db()
    type(person.voucher).objects.filter(city_code=project.city_code, pk=person.voucher.pk).update(state="redeemed")
    grant(person, city_code=project.city_code, granted_on=date(2026, 6, 1))
    roster = check_roster(
        read_roster(workbook(content)),
        city_code=project.city_code,
        project=project,
        start=START,
        training_class=training_class,
        at=AT,
        importing=False,
    )
    assert roster.findings == []
    assert RosterImport.objects.filter(city_code=project.city_code, imported=1).count() == 1
    assert Enrolment.objects.filter(city_code=project.city_code, training_class=training_class).count() == 1


def test_the_contract_that_counts_is_the_one_with_the_employer_on_the_roster() -> None:
    # 财社〔2023〕181号 第五条（二）: a contract of a year, training within one of it.
    project = listed_project()
    training_class = draft(project)
    worker = candidate(open_batch(project), group="12")
    employer, other = (registry.organisation(kind="enterprise", city_code=project.city_code) for _ in range(2))
    terms = {"city_code": project.city_code, "person": worker.person, "proof": "contract", "recorded_at": AT}
    for firm, begun, lasts in ((employer, 90, 366), (other, 30, 180)):
        from_on = START - timedelta(days=begun)
        JobRecord.objects.create(
            **terms,
            employer_name=firm.name,
            employer_uscc=firm.uscc,
            from_on=from_on,
            contract_until=from_on + timedelta(days=lasts),
        )

    def rules(firm: Organisation) -> set[str]:
        rows = [worker.row(企业名称=firm.name, 企业统一社会信用代码=firm.uscc)]
        return {one.code for one in check(training_class, rows).findings}

    assert "staff_newly_hired" in rules(other) - rules(employer)
