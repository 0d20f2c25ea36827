"""A refused roster mended in place: corrections lie beside the workbook, and the whole of it is checked again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import classes
from factories.classes import AT, candidate, draft, open_batch, staff, workbook
from zhaoliang.classes import selectors, services, tasks
from zhaoliang.classes.models import Enrolment, RefusedRoster, RosterImport, TrainingClass
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.mend import Mends
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import BadInput, WrongState

pytestmark = pytest.mark.django_db


def _refused(made: TrainingClass, rows: list[dict]) -> RosterImport:
    return services.import_roster(
        actor=staff(made), at=AT, training_class=made, file_name="名册.xlsx", content=workbook(rows)
    )


def _mend(found: RosterImport, cells: dict[int, dict[str, str]], dropped: tuple[int, ...] = ()) -> RosterImport:
    who = staff(found.training_class)
    return services.mend_roster(actor=who, at=AT, roster_import=found, mends=Mends(cells, frozenset(dropped)))


def _listed(made: TrainingClass) -> int:
    return Enrolment.objects.filter(city_code=made.city_code, training_class=made, state="listed").count()


@pytest.mark.mission("D2")
def test_one_corrected_cell_brings_the_whole_roster_in() -> None:
    made = draft()
    batch = open_batch(made.project)
    good, bad = candidate(batch), candidate(batch)
    found = _refused(made, [good.row(), bad.row(人员类别="失业人")])
    assert _listed(made) == 0
    mended = _mend(found, {3: {"group": bad.group}})
    assert (mended.imported, mended.wrong_rows, _listed(made)) == (2, 0, 2)
    assert not RefusedRoster.objects.filter(city_code=made.city_code).exists()


@pytest.mark.mission("D2")
def test_a_correction_is_checked_with_all_other_rows_and_nothing_goes_in_halfway() -> None:
    made = draft()
    batch = open_batch(made.project)
    one, two, three = (candidate(batch) for _ in range(3))
    found = _refused(made, [one.row(), two.row(手机号="123"), three.row(手机号="456")])
    again = _mend(found, {3: {"phone": two.person.phone, "document_number": one.person.document_number}})
    said = {(finding.row, finding.key): finding for finding in map(Finding.from_dict, again.findings)}
    # What was mended is gone, what the mend made wrong is named, what was not touched still stands.
    assert "与第 2 行重复" in said[3, "document_number"].reason
    assert (4, "phone") in said
    assert again.imported == 0
    assert _listed(made) == 0
    # Rows keep the numbers they have in Excel, and earlier corrections stay.
    last = _mend(again, {3: {"document_number": two.person.document_number}, 4: {"phone": ""}})
    assert last.imported == 3


def test_a_row_is_left_out_and_may_come_back() -> None:
    made = draft()
    batch = open_batch(made.project)
    one, two = candidate(batch), candidate(batch)
    found = _refused(made, [one.row(), two.row(手机号="123")])
    kept = services.keep_mends(actor=staff(made), at=AT, roster_import=found, mends=Mends({}, frozenset({3})))
    assert selectors.mends_of(kept).dropped == {3}
    back = Mends(restored=frozenset({3}))
    again = services.mend_roster(actor=staff(made), at=AT, roster_import=found, mends=back)
    assert (again.wrong_rows, selectors.mends_of(again).dropped) == (1, frozenset())
    assert _mend(again, {}, (3,)).imported == 1
    with pytest.raises(BadInput, match="所有的行都删去了"):
        _mend(_refused(draft(), [one.row(手机号="123")]), {}, (2,))


@pytest.mark.mission("D2", "E6")
def test_what_is_typed_is_kept_encrypted_for_a_week_and_then_gone() -> None:
    made = draft()
    one = candidate(open_batch(made.project))
    found = _refused(made, [one.row(证件号="12345")])
    number = one.person.document_number
    services.keep_mends(actor=staff(made), at=AT, roster_import=found, mends=Mends({2: {"document_number": number}}))
    raw = RefusedRoster.objects.raw(
        "SELECT city_code, id, mends AS stored FROM refused_roster WHERE city_code = %s", [made.city_code]
    )[0]
    assert number.encode() not in bytes(raw.stored)
    tasks.forget_old_rosters.func(timestamp=int((AT + timedelta(days=6, hours=23)).timestamp()))
    file = selectors.refused_roster(found)
    assert file is not None
    assert file.rows[0].text("document_number") == number
    tasks.forget_old_rosters.func(timestamp=int((AT + timedelta(days=7, minutes=1)).timestamp()))
    with national():
        assert not RefusedRoster.objects.exists()
    with pytest.raises(WrongState, match="超过 7 天已清除"):
        _mend(found, {2: {"document_number": number}})


def test_a_correction_cannot_smuggle_in_a_formula_or_a_column() -> None:
    made = draft()
    one = candidate(open_batch(made.project))
    found = _refused(made, [one.row(手机号="123")])
    again = _mend(found, {2: {"phone": "", "remark": "=HYPERLINK(1)"}})
    assert [Finding.from_dict(finding).code for finding in again.findings if finding["severity"] == "error"] == [
        "formula"
    ]
    with pytest.raises(BadInput, match="没有这一列"):
        _mend(again, {2: {"amount_fen": "1"}})
    with pytest.raises(BadInput, match="最多 200 个字"):
        _mend(again, {2: {"remark": "长" * 201}})


def test_a_column_the_file_did_not_have_can_be_filled_in() -> None:
    made = draft()
    one = candidate(open_batch(made.project))
    row = {title: text for title, text in one.row().items() if title != "电子培训券唯一码"}
    found = _refused(made, [row | {"手机号": "123"}])
    done = _mend(found, {2: {"phone": "", "voucher_code": one.voucher.code}})
    assert done.imported == 1
    assert Enrolment.objects.get(city_code=made.city_code, training_class=made).voucher == one.voucher


def test_nothing_is_mended_once_the_class_is_filed_or_another_file_came() -> None:
    made = draft()
    batch = open_batch(made.project)
    one, two = candidate(batch), candidate(batch)
    first = _refused(made, [one.row(手机号="123")])
    second = _refused(made, [two.row(手机号="456")])
    with pytest.raises(WrongState, match="又传了一次"):
        _mend(first, {2: {"phone": ""}})
    _mend(second, {2: {"phone": ""}})
    classes.filed(made)
    with pytest.raises(WrongState, match="已经提交备案"):
        _mend(second, {2: {"phone": ""}})


def test_a_cell_left_as_it_was_keeps_what_made_it_unusable() -> None:
    made = draft()
    one = candidate(open_batch(made.project))
    found = _refused(made, [one.row(证件号=120_101_199_005_010_000, 手机号="=1+1")])
    again = _mend(found, {2: {"document_number": "", "phone": "", "name": one.person.name}})
    codes = [finding["code"] for finding in again.findings if finding["severity"] == "error"]
    assert codes == ["number_lost_digits", "formula"]
