"""验券: answers, the log, guessing; and the signed QR, also offline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from factories import registry
from factories.actors import TIANJIN, actor
from factories.vouchers import AT, batch, listed_project, voucher, worker
from zhaoliang.kernel import crypto
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.identifiers.voucher_code import new_code, parse_code
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Place, Role, system_actor
from zhaoliang.registry.models import Organisation
from zhaoliang.vouchers import qr, refusals, selectors, services
from zhaoliang.vouchers.models import Voucher, VoucherCheck
from zhaoliang.vouchers.services import VerifyAnswer

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C6")]


def staff(of: Organisation) -> Actor:
    return actor(Role.PROVIDER, organisation_id=of.pk)


def ask(code: str, of: Organisation | None, **given: Any) -> VerifyAnswer:
    who = staff(of) if of else actor(Role.REVIEWER)
    place = Place(TIANJIN, TIANJIN, of.pk if of else None)
    terms = {"actor": who, "at": AT, "place": place, "organisation": of, "method": "typed"} | given
    return services.verify_voucher(code=code, **terms)


def test_a_good_voucher_says_what_it_is_good_for() -> None:
    held = voucher()
    answer = ask(parse_code(held.code).display, held.batch.project.provider)
    assert (answer.answer, answer.voucher) == ("good", held)
    assert held.batch.project.name in answer.good_for
    assert selectors.checks_of(held)[0].answer == "good"


def test_its_providers_question_verifies_a_used_voucher_once() -> None:
    held = voucher(used=True)
    provider = held.batch.project.provider
    assert ask(held.code, provider).answer == "verified"
    assert ask(held.code, provider).answer == "verified"
    held.refresh_from_db()
    assert (held.state, held.verified_at) == ("verified", AT)
    changes = StateChange.objects.filter(city_code=TIANJIN, machine="voucher", object_id=held.pk, event="verify")
    assert changes.count() == 1
    assert len(selectors.checks_of(held)) == 2


def test_another_provider_learns_that_it_is_used_but_not_whose_it_is() -> None:
    held = voucher(used=True)
    answer = ask(held.code, registry.organisation())
    assert (answer.answer, answer.voucher, answer.good_for) == ("used", None, "")
    assert "2026年3月2日" in answer.says
    assert held.person.name not in answer.says
    held.refresh_from_db()
    assert held.state == "used"


def test_another_provider_cannot_use_a_fresh_one() -> None:
    answer = ask(voucher().code, registry.organisation())
    assert (answer.answer, answer.voucher, answer.good_for) == ("not_here", None, "")


def test_the_public_learns_only_whether_it_is_genuine() -> None:
    held = voucher(used=True)
    answer = ask(held.code, None, actor=system_actor("公众查询"), method="public")
    assert (answer.answer, answer.voucher) == ("used", None)


@pytest.mark.parametrize(
    ("state", "answer"),
    [("returned", "returned"), ("expired", "expired"), ("late", "expired"), ("redeemed", "redeemed")],
)
def test_a_voucher_that_ended_says_so(state: str, answer: str) -> None:
    held, at = voucher(verified=state == "redeemed"), AT
    if state == "returned":
        services.return_voucher(actor=worker(held.person), at=AT, voucher=held)
    elif state == "late":
        at = held.batch.use_until + timedelta(seconds=1)
    elif state == "expired":
        at = held.batch.use_until + timedelta(seconds=1)
        services.expire_due(actor=system_actor(), at=at, place=Place(TIANJIN, TIANJIN))
    else:
        # Its road there is the payment's; here only the answer counts.
        Voucher.objects.filter(city_code=TIANJIN, pk=held.pk).update(state="redeemed", ended_at=AT)
    for asker, where in (
        (held.batch.project.provider, "在本机构使用过"),
        (registry.organisation(), "的一家机构使用过"),
    ):
        found = ask(held.code, asker, at=at)
        assert (found.answer, found.good_for) == (answer, "")
        # When it died and, of a used one, where; to others the district alone.
        assert ("2026年3月2日 09:00" in found.says) == (state in ("returned", "redeemed"))
        assert (where in found.says) == (state == "redeemed")
        assert held.batch.project.provider.short_name not in found.says


def test_unknown_malformed_and_foreign_codes_are_answers_and_logged() -> None:
    elsewhere = registry.organisation(city_code=370900, region_code=370902)
    foreign = batch(listed_project(elsewhere), region_code=370900)
    person = registry.person(city_code=370900, region_code=370902)
    held = voucher(foreign, person=person)
    provider = registry.organisation()
    answers = [ask(code, provider).answer for code in (str(new_code(TIANJIN)), "120000ABC", held.code)]
    assert answers == ["not_found", "malformed", "other_city"]
    logged = VoucherCheck.objects.filter(city_code=TIANJIN, organisation=provider).order_by("id")
    assert list(logged.values_list("answer", "voucher_id")) == [(word, None) for word in answers]


def test_the_holder_sees_the_questions_of_other_cities_and_a_screenshot_shown_too_late() -> None:
    held = voucher()
    stranger = registry.organisation(city_code=370900, region_code=370902)
    actor_there = actor(Role.PROVIDER, city_code=370900, region_code=370902, organisation_id=stranger.pk)
    there = {"actor": actor_there, "place": Place(370900, 370902, stranger.pk)}
    assert ask(held.code, stranger, **there).answer == "other_city"
    late = AT + timedelta(minutes=5)
    screenshot = selectors.qr_token(held, AT)
    answer = ask(screenshot, held.batch.project.provider, method="scanned", at=late)
    assert (answer.answer, answer.voucher, answer.good_for) == ("stale", None, "")
    assert ask(screenshot, stranger, method="scanned", at=late, **there).answer == "stale"
    seen = [(one.answer, one.organisation_id) for one in reversed(selectors.checks_of(held))]
    assert seen == [("other_city", None), ("stale", held.batch.project.provider_id), ("other_city", None)]
    # Whose it is stays with its own city.
    assert not VoucherCheck.objects.filter(city_code=370900, voucher_id=held.pk).exists()
    with pytest.raises(BadInput) as refused:
        services.use_by_code(
            actor=staff(held.batch.project.provider),
            at=late,
            place=Place(TIANJIN, TIANJIN, held.batch.project.provider_id),
            code=screenshot,
            provider=held.batch.project.provider,
            project=held.batch.project,
            class_id=1,
        )
    assert refused.value.fields == {"code": "stale"}


def test_nobody_asks_in_another_organisations_name() -> None:
    mine, other = registry.organisation(), registry.organisation()
    with pytest.raises(Forbidden):
        ask(voucher().code, other, actor=staff(mine), place=Place(TIANJIN, TIANJIN, mine.pk))
    with pytest.raises(Forbidden):
        ask(voucher().code, other, actor=staff(mine))
    with pytest.raises(Forbidden):
        ask(voucher().code, None, actor=actor(Role.WORKER))


@pytest.mark.mission("C9")
def test_guessing_is_slowed_for_the_account_and_its_organisation_but_not_for_others() -> None:
    held = voucher()
    provider, guesser = registry.organisation(), None
    guesser = staff(provider)
    for second in range(10):
        ask(str(new_code(TIANJIN)), provider, actor=guesser, at=AT + timedelta(seconds=second))
    soon = AT + timedelta(seconds=10)
    for again in (guesser, staff(provider)):
        with pytest.raises(refusals.TooManyTries) as refused:
            ask(held.code, provider, actor=again, at=soon)
        assert refused.value.status == 429
        assert refused.value.retry_after == 51
    assert ask(held.code, held.batch.project.provider, at=soon).answer == "good"
    assert selectors.read_qr(selectors.qr_token(held, soon), soon).code == held.code
    assert ask(held.code, provider, actor=guesser, at=soon + timedelta(seconds=51)).answer == "not_here"


@pytest.mark.mission("C9")
def test_honest_scanning_is_not_guessing() -> None:
    held = voucher(used=True)
    provider = held.batch.project.provider
    for _ in range(15):
        assert ask(held.code, provider).answer == "verified"
    for _ in range(15):
        assert ask(held.code[:-1], provider).answer == "malformed"
    assert ask(held.code, provider).answer == "verified"


@pytest.mark.mission("C9")
def test_codes_come_from_a_space_nobody_can_search() -> None:
    codes = {str(new_code(TIANJIN)) for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(selectors.voucher_by_code(code) is None for code in list(codes)[:5])


@pytest.mark.mission("C9")
def test_the_qr_is_good_for_sixty_seconds() -> None:
    held = voucher()
    token = selectors.qr_token(held, AT)
    provider = held.batch.project.provider
    for seconds, answer in [(0, "good"), (60, "good"), (61, "stale"), (-6, "stale")]:
        assert ask(token, provider, at=AT + timedelta(seconds=seconds), method="scanned").answer == answer


@pytest.mark.mission("C9")
def test_online_answers_name_a_bad_token_as_offline_ones_do_and_paper_is_good_like_a_screen() -> None:
    held = voucher()
    provider, stranger = held.batch.project.provider, crypto.KeyRing.from_json(crypto.new_keys())
    screen, paper = selectors.qr_token(held, AT), selectors.paper_token(held)
    given = {
        screen: "good",
        paper: "good",
        screen[:-1] + ("A" if screen[-1] != "A" else "B"): "altered",
        "ZLQ1.nothing": "malformed",
        qr.make(held.code, qr.SCREEN, AT, sign=stranger.sign): "foreign_key",
        qr.make(held.code, qr.SCREEN, AT, sign=lambda payload: b"x"): "forged",
    }
    assert {token: ask(token, provider, method="scanned").answer for token in given} == given
    late = held.batch.use_until + timedelta(seconds=1)
    assert ask(paper, provider, method="scanned", at=late).answer == "expired"


@pytest.mark.mission("C9")
def test_one_screen_shown_at_two_organisations_is_replayed_paper_is_not() -> None:
    held = voucher(used=True)
    provider, other = held.batch.project.provider, registry.organisation()
    screen, paper = selectors.qr_token(held, AT), selectors.paper_token(held)
    assert ask(screen, other, method="scanned").answer == "used"
    replayed = ask(screen, provider, method="scanned")
    assert (replayed.answer, replayed.voucher, replayed.good_for) == ("replayed", None, "")
    held.refresh_from_db()
    assert held.state == "used"
    # Twice at one counter, from paper, typed, or renewed a moment later: all honest.
    assert ask(screen, other, method="scanned").answer == "used"
    assert ask(paper, other, method="scanned").answer == "used"
    assert ask(paper, provider, method="scanned").answer == "verified"
    later = AT + timedelta(seconds=30)
    assert ask(selectors.qr_token(held, later), provider, method="scanned", at=later).answer == "verified"
