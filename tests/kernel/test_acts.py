"""The act registry: permission, transaction, idempotency stored with the effect, audit event."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from factories.actors import HEPING, TIANJIN, actor
from zhaoliang.kernel import acts, errors
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, Forbidden, KeyReused, Refusal, SamePerson, WrongState
from zhaoliang.kernel.models import AuditEvent, IdempotencyKey, StateChange
from zhaoliang.kernel.roles import Place, Reach, Role
from zhaoliang.registry.models import Organisation

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PLACE = Place(TIANJIN, HEPING)


class TooMany(Refusal):
    code = "too_many"


def _new_organisation(name: str) -> Organisation:
    return Organisation.objects.create(
        city_code=TIANJIN,
        name=name,
        short_name=name,
        pinyin_key=name,
        uscc=f"{name:0>18}"[:18],
        kind="private_provider",
        region_id=HEPING,
        created_at=AT,
    )


@pytest.fixture(autouse=True)
def declared() -> Iterator[dict[str, Any]]:
    """Acts of this module only; taken out of the registry afterwards."""
    known = set(acts.ACTS)

    @act("test.make", label="新建机构", grants={Role.ADMINISTRATOR: Reach.REGION}, on="place")
    def make(*, actor: Any, at: datetime, place: Place, name: str, fail: str = "") -> Organisation:
        made = _new_organisation(name)
        if fail == "refuse":
            raise TooMany("没有建立。", "机构太多。", "请先清理。")
        if fail == "crash":
            raise ZeroDivisionError
        return made

    @act("test.list", label="列入目录", grants={Role.ADMINISTRATOR: Reach.REGION}, on="organisation")
    def enlist(*, actor: Any, at: datetime, organisation: Organisation) -> Organisation:
        from zhaoliang.registry.states import ORGANISATION

        ORGANISATION.fire(organisation, "list")
        return organisation

    yield {"make": make, "list": enlist}
    for name in set(acts.ACTS) - known:
        del acts.ACTS[name]


def test_an_act_leaves_its_effect_and_one_event(db: None, declared: dict[str, Any]) -> None:
    made = declared["make"](actor=actor(Role.ADMINISTRATOR), at=AT, place=PLACE, name="甲校")
    event = AuditEvent.objects.get(city_code=TIANJIN)
    assert (event.act, event.object_id, event.region_code, event.at) == ("test.make", made.pk, HEPING, AT)


@pytest.mark.parametrize(
    ("role", "region", "may"),
    [
        (Role.ADMINISTRATOR, TIANJIN, True),
        (Role.ADMINISTRATOR, HEPING, True),
        (Role.ADMINISTRATOR, 120102, False),
        (Role.ADMINISTRATOR, 370900, False),
        (Role.REVIEWER, TIANJIN, False),
        (Role.WORKER, TIANJIN, False),
    ],
)
def test_only_a_granted_role_whose_region_includes_the_place_may_act(
    db: None, declared: dict[str, Any], role: Role, region: int, may: bool
) -> None:
    someone = actor(role, region_code=region)
    if may:
        declared["make"](actor=someone, at=AT, place=PLACE, name="甲校")
    else:
        with pytest.raises(Forbidden):
            declared["make"](actor=someone, at=AT, place=PLACE, name="甲校")
    assert Organisation.objects.filter(city_code=TIANJIN).exists() is may


def test_a_refused_or_crashed_act_leaves_nothing(db: None, declared: dict[str, Any]) -> None:
    someone = actor(Role.ADMINISTRATOR)
    with pytest.raises(TooMany):
        declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", fail="refuse")
    with pytest.raises(ZeroDivisionError):
        declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", fail="crash", key="k")
    assert not Organisation.objects.filter(city_code=TIANJIN).exists()
    assert not AuditEvent.objects.filter(city_code=TIANJIN).exists()
    assert not IdempotencyKey.objects.filter(city_code=TIANJIN).exists()


def test_the_same_key_and_input_replays_the_answer_and_another_input_is_refused(
    db: None, declared: dict[str, Any]
) -> None:
    someone = actor(Role.ADMINISTRATOR)
    first = declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", key="k")
    again = declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", key="k")
    assert again == first
    assert Organisation.objects.filter(city_code=TIANJIN).count() == 1
    assert AuditEvent.objects.filter(city_code=TIANJIN).count() == 1
    with pytest.raises(KeyReused):
        declared["make"](actor=someone, at=AT, place=PLACE, name="乙校", key="k")


@pytest.mark.mission("K3")
def test_a_posted_key_cannot_stand_for_what_a_job_did(db: None, declared: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="后台任务"):
        declared["make"](actor=actor(Role.ADMINISTRATOR), at=AT, place=PLACE, name="甲校", key="job:7")
    assert not Organisation.objects.filter(city_code=TIANJIN).exists()
    assert not IdempotencyKey.objects.filter(city_code=TIANJIN).exists()


def test_keys_of_two_people_do_not_meet(db: None, declared: dict[str, Any]) -> None:
    for name in ("甲校", "乙校"):
        declared["make"](actor=actor(Role.ADMINISTRATOR), at=AT, place=PLACE, name=name, key="k")
    assert Organisation.objects.filter(city_code=TIANJIN).count() == 2


def test_a_decided_refusal_stays_decided_under_its_key(db: None, declared: dict[str, Any]) -> None:
    someone = actor(Role.ADMINISTRATOR)
    # Of another folder, declared later: the stored refusal must not come back as this one.
    namesake = type("TooMany", (Refusal,), {"__module__": "tests.elsewhere", "code": "elsewhere"})
    assert errors.kind_named("TooMany") is namesake, "as older rows are stored"
    for _ in range(2):
        with pytest.raises(TooMany) as refusal:
            declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", fail="refuse", key="k")
        assert refusal.value.as_dict()["next"] == "请先清理。"
    assert not Organisation.objects.filter(city_code=TIANJIN).exists()
    assert IdempotencyKey.objects.filter(city_code=TIANJIN).count() == 1


def test_an_answer_of_any_shape_is_replayed_as_it_was(db: None, declared: dict[str, Any]) -> None:
    @act("test.answer", label="查验", grants={Role.ADMINISTRATOR: Reach.REGION}, on="place")
    def ask(*, actor: Any, at: datetime, place: Place) -> tuple[Place, date, datetime, list[Organisation], None]:
        return (place, date(2026, 3, 2), at, [_new_organisation("甲校")], None)

    someone = actor(Role.ADMINISTRATOR)
    first = ask(actor=someone, at=AT, place=PLACE, key="k")
    assert ask(actor=someone, at=AT, place=PLACE, key="k") == first
    assert Organisation.objects.filter(city_code=TIANJIN).count() == 1


@pytest.mark.commits
def test_fifty_callers_with_one_key_have_one_effect(declared: dict[str, Any]) -> None:
    someone = actor(Role.ADMINISTRATOR)
    answers: list[int] = []
    start = threading.Barrier(50)

    def call() -> None:
        try:
            start.wait()
            answers.append(declared["make"](actor=someone, at=AT, place=PLACE, name="甲校", key="k").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert len(set(answers)) == 1
    assert Organisation.objects.filter(city_code=TIANJIN).count() == 1


def test_a_transition_is_recorded_and_a_second_one_is_refused(db: None, declared: dict[str, Any]) -> None:
    organisation = _new_organisation("甲校")
    stale = Organisation.objects.get(city_code=TIANJIN, pk=organisation.pk)
    someone = actor(Role.ADMINISTRATOR, name="王管理")
    declared["list"](actor=someone, at=AT, organisation=organisation)
    change = StateChange.objects.get(city_code=TIANJIN)
    assert (change.source, change.event, change.target, change.actor_name) == ("registered", "list", "listed", "王管理")
    with pytest.raises(WrongState) as refusal:
        declared["list"](actor=someone, at=AT, organisation=stale)
    assert "目录内" in refusal.value.what


def test_no_state_changes_outside_an_act(db: None) -> None:
    from zhaoliang.registry.states import ORGANISATION

    with pytest.raises(RuntimeError):
        ORGANISATION.fire(_new_organisation("甲校"), "list")


def test_two_accounts_of_one_person_count_as_one() -> None:
    first, second = actor(Role.REVIEWER, person_id=7), actor(Role.APPROVER, person_id=7)
    with pytest.raises(SamePerson):
        require_other_person(second, person_id=first.person_id, user_id=first.user_id, step="初审")
    require_other_person(actor(Role.APPROVER), person_id=first.person_id, user_id=first.user_id, step="初审")


def test_a_naive_clock_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="aware"):
        declared["make"](
            actor=actor(Role.ADMINISTRATOR),
            at=datetime(2026, 3, 2),  # noqa: DTZ001 - the naive clock is what is refused
            place=PLACE,
            name="甲校",
        )
