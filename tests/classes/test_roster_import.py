"""Importing a roster: all or nothing, once, and nothing left of an import that was interrupted."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from factories import registry
from factories.actors import actor
from factories.catalogue import project as listed_project
from factories.classes import AT, candidate, draft, enrol, filed, open_batch, staff, workbook
from zhaoliang.classes import services
from zhaoliang.classes.models import Enrolment, RosterImport, TrainingClass
from zhaoliang.classes.roster.annotate import annotate
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.kernel.errors import Forbidden, WrongState
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry.models import Person, PersonRegistry
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.services import use_voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D2")]

NEW = {"姓名": "测试新", "人员类别": "城镇登记失业人员", "是否申请补贴": "否"}


def take_in(training_class: TrainingClass, rows: list[dict[str, Any]], **given: Any) -> RosterImport:
    return services.import_roster(
        actor=staff(training_class),
        at=AT,
        training_class=training_class,
        file_name="名册.xlsx",
        content=workbook(rows),
        **given,
    )


def test_a_correct_roster_enrols_everybody_and_uses_their_vouchers() -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    people = [candidate(source) for _ in range(3)]
    new = NEW | {"证件号": registry.resident_id()}
    done = take_in(training_class, [*(one.row(本人先垫付学费="是") for one in people), new])
    assert (done.rows, done.imported, done.wrong_rows, done.findings) == (4, 4, 0, [])
    enrolments = Enrolment.objects.filter(city_code=project.city_code, training_class=training_class)
    assert {enrolment.person.name for enrolment in enrolments} == {one.person.name for one in people} | {"测试新"}
    used = Voucher.objects.filter(city_code=project.city_code, class_id=training_class.pk)
    assert {(one.state, one.provider_id) for one in used} == {("used", project.provider_id)}
    assert used.count() == 3
    assert enrolments.filter(prepaid_by_person=True).count() == 3
    filed_person = Person.objects.get(city_code=project.city_code, name="测试新")
    assert filed_person.birth_date.year == 1990
    assert AuditEvent.objects.filter(city_code=project.city_code, act="classes.import_roster").count() == 1


@pytest.mark.mission("C5")
def test_a_voucher_its_holder_used_for_this_class_is_taken_up_and_one_used_elsewhere_is_not() -> None:
    project = listed_project()
    training_class, other = draft(project), draft(project)
    source = open_batch(project)
    here, there = candidate(source), candidate(source)
    for one, of in ((here, training_class), (there, other)):
        use_voucher(
            actor=system_actor(),
            at=AT,
            voucher=one.voucher,
            provider=project.provider,
            project=project,
            class_id=of.pk,
        )
    refused = take_in(training_class, [here.row(), there.row()])
    assert [(one["row"], one["code"]) for one in refused.findings] == [(3, "voucher_used")]
    assert take_in(training_class, [here.row()]).imported == 1
    enrolment = Enrolment.objects.get(city_code=project.city_code, training_class=training_class)
    assert (enrolment.voucher, enrolment.voucher.state) == (here.voucher, "used")


@pytest.mark.mission("C1")
def test_a_sign_in_voucher_enrols_without_a_subsidy_and_says_so() -> None:
    project = listed_project()
    training_class = draft(project)
    one = candidate(open_batch(project, kind="sign_in_only", amount_fen=0), pension=True)
    done = take_in(training_class, [one.row()])
    assert done.imported == 1
    assert [(found["code"], found["severity"]) for found in done.findings] == [("voucher_sign_in_only", "notice")]


def test_one_wrong_row_keeps_everybody_out_and_the_findings_are_kept_without_numbers() -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    good, wrong = candidate(source), candidate(source, pension=True)
    new = NEW | {"证件号": registry.resident_id()}
    done = take_in(training_class, [good.row(), wrong.row(), new])
    assert (done.imported, done.wrong_rows) == (0, 1)
    assert [(one["row"], one["code"]) for one in done.findings] == [(3, "not_drawing_pension")]
    assert Enrolment.objects.filter(city_code=project.city_code).count() == 0
    assert not Person.objects.filter(city_code=project.city_code, name="测试新").exists()
    assert set(Voucher.objects.filter(city_code=project.city_code).values_list("state", flat=True)) == {"claimed"}
    stored = str(RosterImport.objects.get(city_code=project.city_code, pk=done.pk).findings)
    for person in (good.person, wrong.person):
        assert person.document_number not in stored
        assert person.phone not in stored
    assert Finding.from_dict(done.findings[0]).place == "第 3 行“人员类别”（C 列）"


def test_the_same_file_twice_counts_once() -> None:
    project = listed_project()
    training_class = draft(project)
    rows = [candidate(open_batch(project)).row()]
    first = take_in(training_class, rows)
    assert take_in(training_class, rows) == first
    assert Enrolment.objects.filter(city_code=project.city_code).count() == 1


def test_a_corrected_file_is_taken_after_a_wrong_one_and_a_second_list_only_adds() -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    one, two = candidate(source), candidate(source)
    assert take_in(training_class, [one.row(性别="女")]).imported == 0
    assert take_in(training_class, [one.row(性别="男")]).imported == 1
    again = take_in(training_class, [one.row(), two.row()])
    assert [(found["row"], found["code"]) for found in again.findings] == [(2, "enrolled")]
    assert take_in(training_class, [two.row()]).imported == 1


def test_more_trainees_than_planned_are_refused_for_the_whole_file() -> None:
    project = listed_project()
    training_class = draft(project, capacity=2)
    enrol(training_class)
    source = open_batch(project)
    done = take_in(training_class, [candidate(source).row(), candidate(source).row()])
    assert [(found["row"], found["code"]) for found in done.findings] == [(None, "capacity")]
    assert done.imported == 0


@pytest.mark.commits
@pytest.mark.parametrize("point", ["register_person", "use_voucher", "Enrolment.objects.create"])
def test_an_import_that_breaks_off_in_the_middle_leaves_nothing(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project = listed_project()
    training_class = draft(project)
    source = open_batch(project)
    rows = [candidate(source).row(), candidate(source).row(), NEW | {"证件号": registry.resident_id()}]
    registered = PersonRegistry.objects.count()
    calls = 0
    module = "zhaoliang.classes.services.roster"
    target = Enrolment.objects if "." in point else __import__(module, fromlist=["x"])
    name = point.rsplit(".", 1)[-1]
    whole = getattr(target, name)

    def breaks(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        whole(*args, **kwargs)
        # The last call of its kind has already written when the server dies.
        if calls == (1 if point == "register_person" else 2):
            raise ConnectionError("killed")

    monkeypatch.setattr(target, name, breaks)
    with pytest.raises(ConnectionError):
        take_in(training_class, rows, key="once")
    monkeypatch.undo()
    assert Enrolment.objects.filter(city_code=project.city_code).count() == 0
    assert RosterImport.objects.filter(city_code=project.city_code).count() == 0
    assert PersonRegistry.objects.count() == registered
    assert set(Voucher.objects.filter(city_code=project.city_code).values_list("state", flat=True)) == {"claimed"}
    assert take_in(training_class, rows, key="once").imported == 3


def test_a_double_click_is_one_import() -> None:
    project = listed_project()
    training_class = draft(project)
    content = workbook([candidate(open_batch(project)).row()])
    who = staff(training_class)
    done = [
        services.import_roster(
            actor=who, at=AT, training_class=training_class, file_name="a.xlsx", content=content, key="click"
        )
        for _ in range(2)
    ]
    assert done[0] == done[1]
    assert RosterImport.objects.filter(city_code=project.city_code).count() == 1


def test_only_a_draft_of_ones_own_organisation_takes_a_roster() -> None:
    training_class = filed()
    with pytest.raises(WrongState):
        take_in(training_class, [NEW | {"证件号": registry.resident_id()}])
    other = actor(Role.PROVIDER, organisation_id=registry.organisation().pk)
    with pytest.raises(Forbidden):
        services.import_roster(actor=other, at=AT, training_class=training_class, file_name="a", content=b"")


def test_taking_somebody_off_gives_the_voucher_back() -> None:
    project = listed_project()
    training_class = draft(project)
    person = candidate(open_batch(project))
    take_in(training_class, [person.row()])
    enrolment = Enrolment.objects.get(city_code=project.city_code, training_class=training_class)
    services.remove_enrolment(actor=staff(training_class), at=AT, enrolment=enrolment, reason="本人放弃")
    person.voucher.refresh_from_db()
    assert (person.voucher.state, person.voucher.class_id) == ("claimed", None)
    assert take_in(training_class, [person.row(备注="再次报名")]).imported == 1


def test_the_annotated_workbook_marks_the_cells_and_writes_text_as_text() -> None:
    rows = [{"姓名": "测试某", "证件号": "120100199005010015", "人员类别": "+cmd|' /C calc'!A0", "备注": "@SUM(A1)"}]
    file = read_roster(workbook(rows))
    finding = file.finding(file.rows[0], "group", "没有这个人员类别。", clause="测试依据", next_step="请选择。")
    book = openpyxl.load_workbook(io.BytesIO(annotate(file, [finding])))
    page = book["花名册"]
    assert page["C2"].value == "+cmd|' /C calc'!A0"
    assert {cell.data_type for cell in page[2] if cell.value is not None} == {"s"}
    assert "测试依据" in page["C2"].comment.text
    assert page["C2"].fill.start_color.rgb == "FFF8B4B4"
    assert page["A2"].comment is None
    summary = [[cell.value for cell in row] for row in book["核对结果"].iter_rows(min_row=2)]
    assert summary[0] == [2, "人员类别（C）", "没有这个人员类别。", "测试依据", "请选择。", "须更正"]
