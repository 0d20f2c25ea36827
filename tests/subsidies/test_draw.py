"""Who looks at what: a drawn share and every flagged line one by one, and never one person at two desks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.subsidies import APPROVED, ASSESSED, CITY, FULL_FEN, PUBLISHED, Case, case, confirmed, published
from zhaoliang.kernel.errors import Refusal, SamePerson
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import GroupMembership
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import Claim, ClaimLine, ReviewSeed
from zhaoliang.subsidies.reviewing import ABOVE, SIZE, review_page
from zhaoliang.subsidies.sampling import drawn, is_over

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]


def lines(claim: Claim) -> list[ClaimLine]:
    return list(ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id"))


def judge_all(made: Case, claim: Claim) -> None:
    for line in lines(claim):
        if line.state == "to_person":
            services.judge_line(actor=made.reviewer, at=ASSESSED, line=line, passes=True, text="已逐条核对签到和证书")


def test_a_drawn_share_of_clean_lines_goes_to_a_person_and_anybody_can_draw_again(settings: Any) -> None:
    settings.REVIEW_SAMPLE_PERMILLE = 300
    made = case(7)
    GroupMembership.objects.filter(city_code=CITY, person=made.people[0]).update(evidence="declared")
    claim = confirmed(made)
    flagged, *clean = lines(claim)
    # Three tenths of six clean lines, rounded up; the flagged line is not among those to draw from.
    assert Counter((line.state, line.sampled) for line in clean) == {("to_person", True): 2, ("passed", False): 4}
    assert (flagged.state, flagged.sampled) == ("to_person", False)
    seed = ReviewSeed.objects.get(city_code=CITY)
    assert hashlib.sha256(seed.secret.encode()).hexdigest() == seed.commitment
    assert claim.sample_from == [line.pk for line in clean]
    assert set(drawn(seed.secret, claim.pk, claim.sample_from, 300)) == {line.pk for line in clean if line.sampled}
    assert (is_over(seed, ASSESSED), is_over(seed, ASSESSED + timedelta(days=31))) == (False, True)
    # Nobody passes the claim over the heads of those who look.
    with pytest.raises(Refusal, match="3 条明细"):
        services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
    judge_all(made, claim)
    assert services.pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim).state == "second_review"
    assert {line.amount_fen for line in lines(claim)} == {FULL_FEN}


def test_a_drawn_line_stays_drawn_when_it_is_checked_again(settings: Any) -> None:
    settings.REVIEW_SAMPLE_PERMILLE = 1000
    made = case(1)
    claim = confirmed(made)
    ClaimLine.objects.filter(city_code=CITY, claim=claim).update(credited_minutes=1)
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    (line,) = lines(claim)
    assert (line.state, line.sampled, line.amount_fen) == ("to_person", True, 0)


def test_every_line_is_as_likely_to_be_drawn_as_another() -> None:
    count = Counter(line for seed in range(4_000) for line in drawn(str(seed), 7, range(100, 120), 100))
    expected = 4_000 * 2 / 20
    chi_square = sum((count[line] - expected) ** 2 / expected for line in range(100, 120))
    # 19 degrees of freedom: one in a thousand fair draws lies above 43.8; these seeds are always the same.
    assert chi_square < 43.8


# Figure 21: each step on a claim and each later step on it by the same account, and by another account of the same person.
STEPS: dict[str, tuple[Role, Callable[[Case, Claim, Actor], Any]]] = {
    "judge": (
        Role.REVIEWER,
        lambda made, claim, actor: services.judge_line(
            actor=actor, at=ASSESSED, line=lines(claim)[0], passes=True, text="已核对登记证原件"
        ),
    ),
    "first": (Role.REVIEWER, lambda made, claim, actor: services.pass_first(actor=actor, at=PUBLISHED, claim=claim)),
    "second": (Role.APPROVER, lambda made, claim, actor: services.pass_second(actor=actor, at=PUBLISHED, claim=claim)),
    "approve": (
        Role.APPROVER,
        lambda made, claim, actor: services.approve_claim(actor=actor, at=APPROVED, claim=claim),
    ),
}
PAIRS = [("judge", "second"), ("judge", "approve"), ("first", "second"), ("first", "approve"), ("second", "approve")]


@pytest.mark.mission("I6")
@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_no_person_takes_two_steps_whatever_the_account(earlier: str, later: str) -> None:
    made = case(1)
    GroupMembership.objects.filter(city_code=CITY, person=made.people[0]).update(evidence="declared")
    claim = confirmed(made)
    usual = {"judge": made.reviewer, "first": made.reviewer, "second": made.second, "approve": made.approver}
    role = STEPS[later][0]
    own = registry.actor_with(STEPS[earlier][0], person=registry.person())
    for name, (_, step) in STEPS.items():
        if name == later:
            both = replace(own, assignments=registry.actor_with(role).assignments)
            for again in (both, replace(both, user_id=(own.user_id or 0) + 1_000_000)):
                with pytest.raises(SamePerson), transaction.atomic():
                    step(made, claim, again)
            return
        step(made, claim, own if name == earlier else usual[name])
        claim.refresh_from_db()


@pytest.mark.mission("I6")
@pytest.mark.parametrize("part", ["user", "person"])
def test_the_database_refuses_one_person_at_two_of_the_three_desks(part: str) -> None:
    claim = published(case(1))
    first, second = getattr(claim, f"first_{part}"), getattr(claim, f"second_{part}")
    rows = Claim.objects.filter(city_code=CITY, pk=claim.pk)
    for field, value in ((f"second_{part}", first), (f"approved_by_{part}", first), (f"approved_by_{part}", second)):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**{field: value})


def test_the_screen_shows_a_stretch_of_a_large_claim_around_the_line_in_hand(django_assert_num_queries: Any) -> None:
    made = case(2)
    claim = confirmed(made)
    first, *_ = lines(claim)
    rows = [
        ClaimLine(
            **{
                field.attname: getattr(first, field.attname)
                for field in ClaimLine._meta.concrete_fields
                if field.attname not in ("id", "kind")
            },
            # One line a person and kind: the number of the copy stands in for the kind.
            kind=f"test{number}",
        )
        for number in range(150)
    ]
    review_page(CITY, claim.pk, at=ASSESSED)
    with django_assert_num_queries(17) as small:
        review_page(CITY, claim.pk, at=ASSESSED)
    ClaimLine.objects.bulk_create(rows)
    with django_assert_num_queries(len(small)):
        page = review_page(CITY, claim.pk, at=ASSESSED)
    assert (page.size, len(page.rows), page.before) == (152, SIZE, None)
    ids = [line.pk for line in lines(claim)]
    middle = review_page(CITY, claim.pk, at=ASSESSED, line=ids[80])
    assert middle.current is not None
    assert middle.current.line.pk == ids[80]
    assert [row.line.pk for row in middle.rows] == ids[80 - ABOVE : 80 - ABOVE + SIZE]
    assert (middle.before, middle.after) == (ids[80 - ABOVE - SIZE], ids[80 - ABOVE + SIZE])
    onward = review_page(CITY, claim.pk, at=ASSESSED, start=middle.after)
    assert [row.line.pk for row in onward.rows] == ids[80 - ABOVE + SIZE :][:SIZE]
    assert onward.before == middle.rows[0].line.pk
