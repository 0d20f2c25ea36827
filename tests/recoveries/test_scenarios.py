"""A later change of facts × where the line stands → difference, line, transfers, case: read as a table, in the DAS manner.

Amounts are yuan. Each scenario ends with books that prove: paid so far equals due now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from factories.payments import built
from factories.recoveries import LATER, attended, case_of, corrected, draws_pension, line_of, paid, revoke
from factories.registry import actor_with
from factories.subsidies import APPROVED, CITY, FULL_FEN, HEPING, PLANNED, PUBLISHED, approved, case, confirmed
from zhaoliang.funds.models import Transfer
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.roles import Role
from zhaoliang.recoveries.models import Difference, RecoveryCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.recoveries.services import receive
from zhaoliang.recoveries.tasks import look_again
from zhaoliang.registry.models import PersonGrant
from zhaoliang.registry.selectors import grants_of_people
from zhaoliang.subsidies.models import ClaimLine, PaymentDue
from zhaoliang.subsidies.services import approve_claim, judge_line, pass_first, pass_second

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5")]
FULL = FULL_FEN // 100
FLOOR = PLANNED * 8 // 10

# Where the line stands when the change comes.
STANDS = [
    "approved",
    "approved, part over the voucher",
    "approved, no voucher",
    "failed",
    "in batch",
    "paid",
    "paid to the person",
]
CHANGES: dict[str, Callable[[ClaimLine], Any]] = {
    "certificate revoked": revoke,
    "certificate suspended": lambda line: revoke(line, "suspended"),
    "sign-ins struck": lambda line: attended(line, FLOOR - 1),
    "sign-ins struck, still enough": lambda line: attended(line, FLOOR),
    "draws a pension": draws_pension,
    "certificate revoked, sign-ins struck": lambda line: (revoke(line), attended(line, 0)),
    "nothing": lambda line: None,
}
BY_PEOPLE = {
    "identity wrong": ("identity", 0),
    "text misread, too much": ("policy_misread", 3000),
    "text misread, too little": ("policy_misread", 4000),
    "job not proved in time": ("not_in_time", 0),
    "dropped out": ("dropped_out", 1890),
}
WORTH = {
    "certificate revoked": 0,
    "certificate suspended": None,
    "sign-ins struck": 0,
    "sign-ins struck, still enough": FULL,
    "draws a pension": 0,
    "certificate revoked, sign-ins struck": 0,
    "nothing": FULL,
} | {name: worth for name, (_, worth) in BY_PEOPLE.items()}
# By what it is worth now: what is done before payment, and after it.
BEFORE = {0: "overturned", None: "ask", FULL: "none", 3000: "revised", 4000: "revised", 1890: "revised"}
AFTER = {0: "recovery", None: "ask", FULL: "none", 3000: "recovery", 4000: "top_up", 1890: "recovery"}
TABLE = [(change, stand) for change in WORTH for stand in STANDS]
assert len(TABLE) >= 60


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, ClaimLine]]:
    """One line of each standing, made once; every scenario is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        arrived = paid(2, failures={2: "账号已销户"})
        own = paid(1, prepaid_by_person=True)
        waiting = case(1)
        approved(waiting)
        built(waiting)
        lines = {
            "paid": line_of(arrived),
            "failed": line_of(arrived, 1),
            "paid to the person": line_of(own),
            "in batch": line_of(waiting),
        }
        for name, given in (
            ("approved", {}),
            ("approved, part over the voucher", {"voucher_fen": 300_000}),
            ("approved, no voucher", {"with_vouchers": False}),
        ):
            made = case(1, **given)
            claim = confirmed(made)
            for line in claim.lines.filter(city_code=CITY, state="to_person"):
                judge_line(actor=made.reviewer, at=PUBLISHED, line=line, passes=True, text="已核对，属实")
            claim = pass_first(actor=made.reviewer, at=PUBLISHED, claim=claim)
            claim = pass_second(actor=made.second, at=PUBLISHED, claim=claim)
            approve_claim(actor=made.approver, at=APPROVED, claim=claim)
            lines[name] = line_of(made)
        yield lines
        transaction.set_rollback(True)


def moved(since: int) -> list[tuple[str, str, str, int]]:
    """What was posted after a transfer, in yuan."""
    rows = Transfer.objects.filter(city_code=CITY, pk__gt=since).select_related("debit", "credit").order_by("pk")
    return [(row.kind, row.debit.kind, row.credit.kind, row.amount_fen // 100) for row in rows]


def expected_moves(stand: str, worth: int | None) -> list[tuple[str, str, str, int]]:
    """The transfers of a scenario, written down by hand for each standing."""
    if worth in (None, FULL):
        return []
    if stand.startswith("paid"):
        if worth > FULL:
            return [("accrue", "budget", "payable", worth - FULL)]
        return [("recover", "disbursed", "receivable", FULL - worth)]
    if worth > FULL:
        return [("accrue", "budget", "payable", worth - FULL)]
    back = FULL - worth
    if stand == "approved, no voucher":
        return [("amend", "payable", "budget", back)]
    if stand == "approved, part over the voucher":
        over = FULL - 3000
        rest = [("amend", "payable", "reserved", back - over)] if back > over else []
        return [("amend", "payable", "budget", min(back, over)), *rest]
    return [("amend", "payable", "reserved", back)]


@pytest.mark.parametrize(("change", "stand"), TABLE, ids=[f"{change} | {stand}" for change, stand in TABLE])
def test_the_difference_is_posted(world: dict[str, ClaimLine], change: str, stand: str) -> None:
    line = ClaimLine.objects.select_related("claim").get(city_code=CITY, pk=world[stand].pk)
    worth, last = WORTH[change], Transfer.objects.filter(city_code=CITY).latest("pk").pk
    before = (line.state, line.amount_fen)
    if change in BY_PEOPLE and stand != "in batch":
        corrected(line, worth * 100, BY_PEOPLE[change][0])
    elif change in CHANGES:
        CHANGES[change](line)
        look_again(CITY, HEPING, LATER)
    line.refresh_from_db()
    found = list(Difference.objects.filter(city_code=CITY, claim_line=line))
    untouched = change == "nothing" or stand == "in batch"
    if untouched:
        assert (found, moved(last), (line.state, line.amount_fen)) == ([], [], before)
    else:
        [difference] = found
        action = (AFTER if stand.startswith("paid") else BEFORE)[worth]
        assert (difference.action, difference.change_fen) == (action, 0 if worth is None else worth * 100 - FULL_FEN)
        assert moved(last) == expected_moves(stand, worth)
        changes_line = action in ("overturned", "revised")
        assert bool(grants_of_people([line.person_id])) is (action != "overturned")
        assert (line.state, line.amount_fen) == (
            ("refused" if action == "overturned" else before[0], worth * 100) if changes_line else before
        )
        if action == "recovery":
            case = case_of(line)
            assert (case.state, case.amount_fen, case.collected_fen) == ("noticed", FULL_FEN - worth * 100, 0)
            assert case.due_on is not None
            assert case.due_on > chinese_day(LATER)
            assert bool(case.organisation_id) == (stand == "paid")
        else:
            assert not RecoveryCase.objects.filter(city_code=CITY, claim_line=line).exists()
        dues = list(PaymentDue.objects.filter(city_code=CITY, claim_line=line).values_list("purpose", "amount_fen"))
        assert dues == ([("top_up", worth * 100 - FULL_FEN)] if action == "top_up" else [])
        # Looking again finds nothing more to do.
        look_again(CITY, HEPING, LATER)
        assert Difference.objects.filter(city_code=CITY, claim_line=line).count() == 1
    assert prove(CITY).findings == ()


# Changes that follow one another, on a paid line: what it is worth after each, and what is open in the end.
# (worth …, cash received after the first) → transfers after the last change, case (state, amount, collected), dues by state.
FOLLOWING = {
    "wrongly taken back": ([0, FULL], 0, [("amend", "receivable", "disbursed", FULL)], ("withdrawn", FULL, 0), []),
    "taken back in part only": (
        [0, 3000],
        0,
        [("amend", "receivable", "disbursed", 3000)],
        ("noticed", FULL - 3000, 0),
        [],
    ),
    "more taken back": (
        [3000, 0],
        0,
        [("recover", "disbursed", "receivable", 3000)],
        ("noticed", 3000, 0),
        [],
    ),
    "given back, then due after all": (
        [0, FULL],
        FULL,
        [("accrue", "budget", "payable", FULL)],
        ("recovered", FULL, FULL),
        [("waiting", FULL)],
    ),
    "part given back, then due after all": (
        [0, FULL],
        1000,
        [("amend", "receivable", "disbursed", FULL - 1000), ("accrue", "budget", "payable", 1000)],
        ("recovered", 1000, 1000),
        [("waiting", 1000)],
    ),
    "topped up, then not": ([4000, FULL], 0, [("reverse", "payable", "budget", 4000 - FULL)], None, [("dropped", 220)]),
    "topped up, then less": (
        [4000, 3900],
        0,
        [("reverse", "payable", "budget", 220), ("accrue", "budget", "payable", 120)],
        None,
        [("dropped", 220), ("waiting", 120)],
    ),
    "topped up, then taken back": (
        [4000, 3000],
        0,
        [("reverse", "payable", "budget", 220), ("recover", "disbursed", "receivable", FULL - 3000)],
        ("noticed", FULL - 3000, 0),
        [("dropped", 220)],
    ),
}


def test_a_grant_is_withdrawn_when_the_last_case_of_its_line_is_settled(world: dict[str, ClaimLine]) -> None:
    line = world["paid"]
    corrected(line, 3000 * 100)
    corrected(line, 0)
    first, second = RecoveryCase.objects.filter(city_code=CITY, claim_line=line).order_by("pk")
    for one, reference, held in ((second, "HK1", True), (first, "HK2", False)):
        receive(
            actor=actor_with(Role.FUND_OFFICER),
            at=LATER,
            case=one,
            amount_fen=one.owed_fen,
            received_on=chinese_day(LATER),
            bank_reference=reference,
        )
        assert bool(grants_of_people([line.person_id])) is held


@pytest.mark.parametrize("name", FOLLOWING)
def test_changes_that_follow_one_another_end_where_the_last_one_says(world: dict[str, ClaimLine], name: str) -> None:
    worths, cash, moves, case, dues = FOLLOWING[name]
    line = world["paid"]
    corrected(line, worths[0] * 100)
    if cash:
        receive(
            actor=actor_with(Role.FUND_OFFICER),
            at=LATER,
            case=case_of(line),
            amount_fen=cash * 100,
            received_on=chinese_day(LATER),
            bank_reference="HK1",
        )
    # What is wholly back counts nowhere any more; what is due after all counts again.
    grant = PersonGrant.objects.get(city_code=CITY, claim_line_id=line.pk)
    whole = (worths[0], cash) == (0, FULL)
    assert grant.withdrawn_on == (chinese_day(LATER) if whole else None)
    assert (grant in grants_of_people([line.person_id])) is not whole
    last = Transfer.objects.filter(city_code=CITY).latest("pk").pk
    for worth in worths[1:]:
        corrected(line, worth * 100)
    assert moved(last) == moves
    found = RecoveryCase.objects.filter(city_code=CITY, claim_line=line).order_by("-pk").first()
    assert (found and (found.state, found.amount_fen // 100, found.collected_fen // 100)) == case
    queued = PaymentDue.objects.filter(city_code=CITY, claim_line=line).order_by("pk")
    assert [(due.state, due.amount_fen // 100) for due in queued] == dues
    grant.refresh_from_db()
    assert grant.withdrawn_on is None
    assert prove(CITY).findings == ()
