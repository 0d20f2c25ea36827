"""The life of a voucher through its acts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import TIANJIN, actor
from factories.vouchers import AT, batch, crowd, listed_project, voucher, worker
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Forbidden, WrongState
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.registry.services import add_group
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = pytest.mark.django_db


def claim(source: VoucherBatch, person: Any = None, **given: Any) -> Voucher:
    person = person or crowd(1)[0]
    terms = {"actor": worker(person), "at": AT, "person": person, "batch": source, "declared": True} | given
    return services.claim_voucher(**terms)


@act("tests.claim_steps", label="申领步骤", grants={Role.SYSTEM: Reach.ANY}, on="held")
def _step(*, actor: Actor, at: Any, held: Voucher, step: str) -> Voucher:
    if step == "redeem":
        return services.redeem(held, at=at, reason="补贴已拨付")
    return {"enter": services.enter_claim, "leave": services.leave_claim}[step](held)


def step(held: Voucher, name: str) -> Voucher:
    return _step(actor=system_actor(), at=AT, held=held, step=name)


@pytest.mark.mission("C2", "C3")
def test_a_claim_gives_a_code_of_the_city_and_keeps_the_declaration() -> None:
    source = batch()
    made = claim(source, channel="card")
    assert made.code.startswith(str(TIANJIN))
    assert (made.state, made.amount_fen, made.channel) == ("claimed", 1800_00, "card")
    assert made.declaration.startswith(source.declaration)
    # What no register says is declared, never held against the person.
    assert "平台还不能查到" in made.declaration
    assert "持有本地有效居住证" in made.declaration
    assert selectors.voucher_by_code(made.code.lower()) == made
    assert AuditEvent.objects.filter(city_code=TIANJIN, act="vouchers.claim", object_id=made.pk).count() == 1


@pytest.mark.mission("C3")
def test_without_the_declaration_nothing_is_claimed() -> None:
    source = batch()
    with pytest.raises(refusals.NotDeclared) as refused:
        claim(source, declared=False)
    assert "declared" in refused.value.fields
    assert selectors.funnel(source)["left"] == 10


@pytest.mark.mission("C3")
def test_a_worker_claims_only_for_himself() -> None:
    with pytest.raises(Forbidden):
        claim(batch(), actor=worker(registry.person()))


@pytest.mark.mission("C2")
def test_one_person_one_voucher_of_a_batch() -> None:
    source, person = batch(), registry.person()
    claim(source, person)
    with pytest.raises(refusals.HasOne) as refused:
        claim(source, person, channel="api")
    assert refused.value.clause == refusals.ONE_EACH
    assert selectors.funnel(source)["left"] == 9
    assert claim(batch(), person).state == "claimed"


@pytest.mark.mission("C2")
@pytest.mark.parametrize("quota", [1, 3, 33])
def test_the_quota_is_exact(quota: int) -> None:
    source = batch(quota=quota)
    for _ in range(quota):
        claim(source)
    with pytest.raises(refusals.NoneLeft):
        claim(source)
    assert selectors.funnel(source)["claimed"] == quota


@pytest.mark.mission("C2")
def test_a_double_click_claims_once() -> None:
    source, person = batch(), registry.person()
    given = {"actor": worker(person), "at": AT, "person": person, "batch": source, "declared": True, "key": "k-1"}
    assert services.claim_voucher(**given) == services.claim_voucher(**given)


@pytest.mark.mission("C1")
@pytest.mark.parametrize(
    ("state", "later", "says"),
    [
        ("draft", 0, "草稿"),
        ("submitted", 0, "待发布"),
        ("suspended", 0, "已暂停"),
        ("closed", 0, "已停发"),
        ("open", -1, "开始"),
        ("open", 31, "截止"),
    ],
)
def test_claims_only_while_open_and_in_the_window(state: str, later: int, says: str) -> None:
    source = batch(state=state)
    with pytest.raises(refusals.NotOpen, match=says):
        claim(source, at=AT + timedelta(days=later))


@pytest.mark.mission("C1")
def test_a_group_nobody_can_check_is_declared_and_a_known_one_is_not() -> None:
    source = batch(groups=("05", "07"))
    assert "农村转移就业劳动者" in claim(source).declaration
    known = registry.person()
    add_group(
        actor=system_actor(),
        at=AT,
        person=known,
        group="07",
        evidence="register",
        source="就业困难人员认定",
        valid_from=AT.date(),
    )
    assert "人员类别之一" not in claim(source, known).declaration


@pytest.mark.mission("C1")
def test_a_directed_voucher_is_only_for_those_a_register_names() -> None:
    with pytest.raises(refusals.NotForYou, match="就业困难人员"):
        claim(batch(kind="directed", groups=("07",)))


def test_a_voucher_of_another_city_is_refused() -> None:
    elsewhere = registry.organisation(city_code=370900, region_code=370902)
    source = batch(listed_project(elsewhere), region_code=370900)
    with pytest.raises(refusals.NotForYou):
        claim(source)


@pytest.mark.mission("C4")
def test_a_returned_voucher_frees_its_place_and_its_person() -> None:
    source, person = batch(quota=1), registry.person()
    first = claim(source, person)
    services.return_voucher(actor=worker(person), at=AT, voucher=first)
    second = claim(source, person)
    assert second.code != first.code
    with pytest.raises(WrongState):
        services.return_voucher(actor=worker(person), at=AT, voucher=first)
    assert selectors.funnel(source) | {"returned": 1, "claimed": 1, "left": 0} == selectors.funnel(source)


@pytest.mark.mission("C4")
def test_a_used_voucher_is_not_returned() -> None:
    held = voucher(used=True)
    with pytest.raises(WrongState):
        services.return_voucher(actor=worker(held.person), at=AT, voucher=held)
    assert selectors.funnel(held.batch)["left"] == 9


@pytest.mark.mission("C4")
def test_the_clock_expires_what_was_not_used() -> None:
    source = batch(quota=40)
    unused, used = voucher(source), voucher(source, used=True)
    last_moment = source.use_until
    place = Place(TIANJIN, TIANJIN)
    assert services.expire_due(actor=system_actor(), at=last_moment, place=place) == 0
    late = last_moment + timedelta(seconds=1)
    assert services.expire_due(actor=system_actor(), at=late, place=place) == 1
    assert services.expire_due(actor=system_actor(), at=late, place=place) == 0
    unused.refresh_from_db()
    used.refresh_from_db()
    assert (unused.state, used.state, unused.ended_at) == ("expired", "used", late)
    assert selectors.funnel(source)["left"] == 39
    with pytest.raises(Forbidden):
        services.expire_due(actor=actor(Role.REVIEWER), at=late, place=place)


@pytest.mark.mission("C4")
def test_past_its_time_a_voucher_is_not_used_even_before_the_clock_struck() -> None:
    held = voucher()
    with pytest.raises(refusals.Expired) as refused:
        use(held, at=held.batch.use_until + timedelta(seconds=1))
    assert refused.value.clause == refusals.IN_TIME
    assert use(held, at=held.batch.use_until).state == "used"


def use(held: Voucher, **given: Any) -> Voucher:
    project = held.batch.project
    terms = {"actor": system_actor(), "at": AT, "provider": project.provider, "project": project, "class_id": 7}
    return services.use_voucher(voucher=held, **terms | given)


@pytest.mark.mission("C5")
def test_a_voucher_is_used_once_at_its_projects_provider() -> None:
    held = voucher()
    with pytest.raises(refusals.NotHere, match=held.batch.project.name):
        use(held, project=listed_project())
    with pytest.raises(refusals.NotHere):
        use(held, provider=registry.organisation())
    assert use(held).class_id == 7
    with pytest.raises(refusals.UsedAlready, match="2026年3月2日 09:00") as refused:
        use(held, class_id=8)
    assert refused.value.clause == refusals.ONE_EACH


@pytest.mark.mission("C5")
def test_online_the_holder_uses_it_and_nobody_else() -> None:
    held = voucher()
    with pytest.raises(Forbidden):
        use(held, actor=worker(registry.person()))
    with pytest.raises(Forbidden):
        use(held, actor=actor(Role.PROVIDER, organisation_id=held.batch.project.provider_id))
    assert use(held, actor=worker(held.person)).state == "used"


@pytest.mark.mission("C5")
def test_a_use_undone_leaves_a_voucher_that_can_be_used() -> None:
    held = voucher(verified=True)
    undone = services.undo_use(actor=system_actor(), at=AT, voucher=held)
    assert (undone.state, undone.provider_id, undone.class_id, undone.used_at) == ("claimed", None, None, None)
    assert use(held, class_id=9).class_id == 9


@pytest.mark.mission("C7")
def test_redeemed_only_from_a_claim_and_dead_afterwards() -> None:
    held = voucher(verified=True)
    with pytest.raises(WrongState):
        step(held, "redeem")
    step(held, "enter")
    step(held, "leave")
    step(held, "enter")
    assert step(held, "redeem").state == "redeemed"
    for name in ("enter", "leave", "redeem"):
        with pytest.raises(WrongState):
            step(held, name)
    with pytest.raises(refusals.UsedAlready):
        use(held)
    changes = StateChange.objects.filter(city_code=TIANJIN, machine="voucher", object_id=held.pk).order_by("id")
    assert list(changes.values_list("event", flat=True)) == [
        "use",
        "verify",
        "enter_claim",
        "leave_claim",
        "enter_claim",
        "redeem",
    ]


def test_claim_steps_run_only_inside_an_act() -> None:
    with pytest.raises(RuntimeError):
        services.enter_claim(voucher(verified=True))


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "used"},
        {"state": "burnt"},
    ],
)
def test_the_database_refuses_states_without_their_facts(damage: dict[str, str]) -> None:
    held = voucher()
    with pytest.raises(IntegrityError), transaction.atomic():
        Voucher.objects.filter(city_code=TIANJIN, pk=held.pk).update(**damage)


@pytest.mark.mission("C2")
def test_the_database_refuses_a_slot_over_its_quota_and_a_second_voucher() -> None:
    source = batch(quota=1)
    held = voucher(source)
    with pytest.raises(IntegrityError, match="batch_slot_never_over_quota"), transaction.atomic():
        source.slots.filter(city_code=TIANJIN).update(claimed=2)
    with pytest.raises(IntegrityError, match="voucher_one_per_person"), transaction.atomic():
        Voucher.objects.create(
            city_code=TIANJIN,
            batch=source,
            person=held.person,
            slot=0,
            code="x",
            amount_fen=1,
            claimed_at=AT,
        )


@pytest.mark.mission("C8")
def test_a_person_sees_his_vouchers_in_one_question(django_assert_num_queries: Any) -> None:
    person = registry.person()
    for _ in range(3):
        voucher(batch(), person=person)
    with django_assert_num_queries(1):
        names = [(row.batch.name, row.batch.project.provider.name) for row in selectors.vouchers_of(person)]
    assert len(names) == 3


@pytest.mark.mission("C2")
def test_what_is_on_offer_to_a_district(django_assert_num_queries: Any) -> None:
    city, district = batch(), batch(region_code=120102, quota=3)
    voucher(district)
    batch(state="closed")
    with django_assert_num_queries(2):
        mine = {row.pk: row.left for row in selectors.open_batches(TIANJIN, 120102, AT)}
    assert mine == {city.pk: 10, district.pk: 2}
    assert [row.pk for row in selectors.open_batches(TIANJIN, 120101, AT)] == [city.pk]
    assert selectors.open_batches(TIANJIN, 120101, AT + timedelta(days=31)) == []
