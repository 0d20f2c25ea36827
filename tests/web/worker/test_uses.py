"""Using my voucher on the phone: what it is good for and pays, one use under one key on both ways, taken back in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from factories import registry
from factories.classes import AT, accepted, candidate, draft, enrol, open_batch, staff, workbook
from factories.identity import sign_in
from factories.vouchers import voucher as make_voucher
from factories.vouchers import worker
from zhaoliang.attendance.services import start_class
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.services import import_roster, undo_own_use, use_own, warn_holders, withdraw_class
from zhaoliang.gate.desks import UseIn, read_use
from zhaoliang.kernel import tokens
from zhaoliang.kernel.errors import Refusal, WrongState
from zhaoliang.kernel.models import IdempotencyKey
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Notice, Organisation
from zhaoliang.vouchers import passes
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.services import use_voucher

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C5", "B6")]

Clock = Callable[[datetime], None]


@pytest.fixture
def coming() -> TrainingClass:
    return accepted(draft())


@pytest.fixture
def voucher(coming: TrainingClass) -> Voucher:
    return candidate(open_batch(coming.project)).voucher


@pytest.fixture
def phone(voucher: Voucher) -> Client:
    return sign_in(Client(), registry.user(Role.WORKER, person=voucher.person))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity service has just seen the person (tests/web/identity walks the way there)."""
    for place in ("zhaoliang.web.worker.views.uses", "zhaoliang.web.identity.stepup"):
        monkeypatch.setattr(f"{place}.recently_verified", lambda *_: True)


def _url(of: Voucher, *more: str) -> str:
    return "/".join(["/my/vouchers", str(of.city_code), str(of.pk), *more, ""])


def test_the_classes_it_is_good_for_with_what_they_pay_then_used_once_and_taken_back(
    phone: Client, voucher: Voucher, coming: TrainingClass, at_time: Clock, seen: None
) -> None:
    at_time(AT)
    other = accepted(draft())
    page = phone.get(_url(voucher, "use")).content.decode()
    assert coming.provider.name in page
    assert "¥2,520.00" in page
    assert other.provider.name not in page
    assert phone.post(_url(voucher, "use"), {"key": "no-choice"}).status_code == 422
    wrong = phone.post(_url(voucher, "use"), {"key": "elsewhere", "class_id": other.pk})
    assert wrong.status_code == 409
    assert "不能用" in wrong.content.decode()
    for _ in range(2):
        assert phone.post(_url(voucher, "use"), {"key": "use-it-1", "class_id": coming.pk}).status_code == 302
    shown = phone.get(_url(voucher)).content.decode()
    assert coming.name in shown
    assert "撤销，换个班或先不学" in shown
    assert phone.post(_url(voucher, "use", "undo"), {"key": "undo-it-1"}).status_code == 302
    voucher.refresh_from_db()
    assert (voucher.state, voucher.class_id, voucher.provider) == ("claimed", None, None)


def test_the_page_and_the_gate_keep_one_key(
    phone: Client, voucher: Voucher, coming: TrainingClass, at_time: Clock, seen: None
) -> None:
    at_time(AT)
    given = phone.post(_url(voucher, "pass"))
    bearer = given.json()["pass"]
    assert tokens.read(bearer, passes.HOLDER, AT)["p"] == voucher.person.pk
    body = UseIn(city_code=voucher.city_code, voucher_id=str(voucher.pk), class_id=str(coming.pk))
    asked = read_use(bearer, body, "use-it-1", AT)
    phone.post(_url(voucher, "use"), {"key": "use-it-1", "class_id": coming.pk})
    kept = IdempotencyKey.objects.get(city_code=voucher.city_code, act="vouchers.use", key="use-it-1")
    assert bytes(kept.input_hash) == asked.given[-1]


def test_who_was_not_seen_just_now_gets_neither_the_use_nor_a_pass(
    phone: Client, voucher: Voucher, coming: TrainingClass, at_time: Clock
) -> None:
    at_time(AT)
    refused = phone.post(_url(voucher, "pass"))
    assert (refused.status_code, refused.json()["code"]) == (409, "identity_needed")
    asked = phone.post(_url(voucher, "use"), {"key": "use-it-1", "class_id": coming.pk})
    assert "confirm" in asked["Location"]
    voucher.refresh_from_db()
    assert voucher.state == "claimed"


def _use(holder: Voucher, training_class: TrainingClass) -> Voucher:
    return use_own(
        actor=worker(holder.person), at=AT, voucher=holder, class_id=training_class.pk, key=f"use-{holder.pk}"
    )


def test_nobody_is_in_two_classes_at_once_by_two_vouchers(
    phone: Client, voucher: Voucher, coming: TrainingClass, at_time: Clock, seen: None
) -> None:
    at_time(AT)
    other = accepted(draft())
    _use(make_voucher(open_batch(other.project), person=voucher.person), other)
    refused = phone.post(_url(voucher, "use"), {"key": "two-places", "class_id": coming.pk})
    assert refused.status_code == 409
    assert f"在“{other.name}”有课" in refused.content.decode()
    later = accepted(draft(coming.project, start=coming.ends_on + timedelta(days=3)))
    assert phone.post(_url(voucher, "use"), {"key": "another-time", "class_id": later.pk}).status_code == 302


def test_who_is_not_on_the_roster_gets_his_voucher_back_when_the_class_is_withdrawn_or_begins(
    coming: TrainingClass,
) -> None:
    source, later = open_batch(coming.project), accepted(draft())
    held, other = candidate(source).voucher, candidate(open_batch(later.project)).voucher
    _use(held, coming)
    _use(other, later)
    withdraw_class(actor=staff(coming), at=AT, training_class=coming, reason="招生不足")
    start_class(actor=system_actor(), at=AT + timedelta(days=(later.starts_on - AT.date()).days), training_class=later)
    for one, why in ((held, "机构撤回了这个班"), (other, "开班时您不在这个班的名册上")):
        one.refresh_from_db()
        assert (one.state, one.class_id) == ("claimed", None)
        assert why in Notice.objects.get(city_code=one.city_code, person=one.person, kind="voucher_freed").text


@pytest.mark.mission("A6", "N2")
def test_whose_provider_may_train_no_more_is_told_once_and_may_go_elsewhere_even_from_its_roster(
    coming: TrainingClass, voucher: Voucher
) -> None:
    place = Place(coming.city_code, coming.city_code)
    _use(voucher, coming)
    enrol(coming, voucher.person, voucher=voucher)
    assert warn_holders(actor=system_actor(), at=AT, place=place) == 0
    held = Voucher.objects.get(city_code=voucher.city_code, pk=voucher.pk)
    with pytest.raises(Refusal, match="名册"):
        undo_own_use(actor=worker(voucher.person), at=AT, voucher=held)
    Organisation.objects.filter(city_code=coming.city_code, pk=coming.provider_id).update(state="removed")
    for _ in range(2):
        warn_holders(actor=system_actor(), at=AT, place=place)
    told = Notice.objects.get(city_code=coming.city_code, person=voucher.person, kind="voucher_provider_barred")
    assert coming.name in told.text
    assert undo_own_use(actor=worker(voucher.person), at=AT, voucher=held).state == "claimed"
    assert Enrolment.objects.get(city_code=coming.city_code, voucher=voucher).state == "removed"


def test_no_undo_once_the_class_has_begun_or_the_roster_has_the_holder(at_time: Clock, seen: None) -> None:
    made = draft()
    source = open_batch(made.project)
    held, listed = candidate(source), candidate(source)
    for one in (held, listed):
        use_voucher(
            actor=worker(one.person),
            at=AT,
            voucher=one.voucher,
            provider=made.provider,
            project=made.project,
            class_id=made.pk,
        )
    import_roster(
        actor=staff(made), at=AT, training_class=made, file_name="名册.xlsx", content=workbook([listed.row()])
    )
    at_time(AT)
    phone = sign_in(Client(), registry.user(Role.WORKER, person=listed.person))
    assert "请让机构移出名册" in phone.get(_url(listed.voucher)).content.decode()
    assert phone.post(_url(listed.voucher, "use", "undo"), {"key": "undo-it-1"}).status_code == 409
    begun = AT + timedelta(days=(made.starts_on - AT.date()).days)
    with pytest.raises(WrongState, match="开班后用券不能撤销"):
        undo_own_use(
            actor=worker(held.person),
            at=begun,
            voucher=Voucher.objects.get(city_code=made.city_code, pk=held.voucher.pk),
        )
