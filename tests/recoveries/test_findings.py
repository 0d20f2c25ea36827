"""What two people find to be untrue, and a text that was put right: every subsidy that rests on it is decided again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.funds import budget
from factories.identity import sign_in
from factories.lawbook import in_force
from factories.people import APPLIED, FUND, Bureau, bureau, grouped, holder, insured, paid, to_approval, worker
from factories.recoveries import LATER, attended, corrected, line_of, revoke
from factories.recoveries import paid as paid_case
from factories.subsidies import (
    APPROVED,
    CITY,
    FULL_FEN,
    HEPING,
    PLANNED,
    SENIOR,
    approved,
    assembled,
    case,
    certify,
    in_older_order,
    published,
)
from factories.uplift import UPLIFT
from zhaoliang import policy
from zhaoliang.careers.services import record_job
from zhaoliang.employment.models import FactFinding
from zhaoliang.employment.services import decide_finding, lift_finding, propose_finding
from zhaoliang.kernel.errors import BadInput, Refusal, SamePerson
from zhaoliang.kernel.roles import Actor, Role, system_actor
from zhaoliang.recoveries.finding import lines_with_changed_facts
from zhaoliang.recoveries.models import Difference, RecoveryCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.recoveries.tasks import look_again
from zhaoliang.registry.models import GroupMembership, Notice, Organisation, Person, PersonGrant
from zhaoliang.registry.services import record_status, report_grant
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services import apply_for, approve_claim, later, mass
from zhaoliang.subsidies.services.checks import decide
from zhaoliang.subsidies.tasks import uplifts

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5", "F5")]


def two() -> tuple[Actor, Actor]:
    return tuple(registry.actor_with(role, person=registry.person()) for role in (Role.REVIEWER, Role.APPROVER))


def found(person: Person, kind: str, job: Any = None) -> FactFinding:
    reviewer, approver = two()
    made = propose_finding(
        actor=reviewer, at=LATER, person=person, kind=kind, job=job, text="向单位和社保核实，情况不实"
    )
    return decide_finding(actor=approver, at=LATER, finding=made, confirms=True, text="证据充分，认定不实")


def test_a_job_found_untrue_takes_the_uplift_back_and_gives_it_again_when_the_finding_is_lifted() -> None:
    in_force("cn-12/jiuye-qingxie/2026-01-01.yaml", UPLIFT)
    made = case(1)
    claim = approved(made)
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    paid(claim, desk, datetime(2026, 7, 14, 2, 0, tzinfo=UTC))
    job = record_job(
        actor=system_actor(),
        at=datetime(2026, 7, 20, 2, 0, tzinfo=UTC),
        person=made.people[0],
        employer_name="测试公司",
        from_on=date(2026, 7, 1),
        proof="insurance",
        insured=True,
    )
    assert uplifts(CITY, datetime(2026, 10, 9, 2, 0, tzinfo=UTC)) == 1
    line = ClaimLine.objects.select_related("claim").get(city_code=CITY, kind="uplift")
    to_approval(line.claim, desk, datetime(2026, 10, 12, 2, 0, tzinfo=UTC))
    paid(line.claim, desk, datetime(2026, 11, 2, 2, 0, tzinfo=UTC))
    after = datetime(2026, 11, 10, 2, 0, tzinfo=UTC)
    assert look_again(CITY, HEPING, after) == 0

    reviewer, approver = two()
    proposed = propose_finding(
        actor=reviewer, at=after, person=made.people[0], kind="job", job=job, text="单位出具说明：没有录用过这个人"
    )
    assert look_again(CITY, HEPING, after) == 0
    decide_finding(actor=approver, at=after, finding=proposed, confirms=True, text="劳动合同系伪造")
    assert look_again(CITY, HEPING, after + timedelta(minutes=1)) == 1
    case_ = RecoveryCase.objects.get(city_code=CITY, claim_line=line)
    assert (case_.state, case_.amount_fen, case_.organisation) == ("noticed", FULL_FEN // 5, made.provider)
    assert "测人社〔2026〕2号" in case_.clause
    assert Notice.objects.filter(city_code=CITY, kind="recovery", organisation=made.provider).count() == 1
    # The training's own subsidy does not rest on the job.
    assert Difference.objects.filter(city_code=CITY).count() == 1
    assert look_again(CITY, HEPING, after + timedelta(minutes=2)) == 0

    again = registry.actor_with(Role.APPROVER, person=registry.person())
    lift_finding(actor=again, at=after + timedelta(days=1), finding=proposed, text="法院认定合同真实")
    assert look_again(CITY, HEPING, after + timedelta(days=1, minutes=1)) == 1
    case_.refresh_from_db()
    assert case_.state == "withdrawn"
    assert prove(CITY).findings == ()


def test_an_identity_found_wrong_reaches_every_line_of_the_person_and_the_classes_to_come() -> None:
    made = paid_case(2)
    wrong, right = line_of(made, 0), line_of(made, 1)
    found(wrong.person, "identity")
    assert look_again(CITY, HEPING, LATER + timedelta(minutes=1)) == 1
    difference = Difference.objects.get(city_code=CITY)
    assert (difference.claim_line_id, difference.action, difference.after_fen) == (wrong.pk, "recovery", 0)
    assert "姓名" in difference.summary
    assert not Difference.objects.filter(city_code=CITY, claim_line=right).exists()
    assert look_again(CITY, HEPING, LATER + timedelta(minutes=2)) == 0
    # A class that is claimed afterwards: the line is refused by the same fact.
    person = Person.objects.get(city_code=CITY, pk=wrong.person_id)
    later = case(1, people=[person], with_vouchers=False, later=timedelta(days=60))
    [line] = ClaimLine.objects.select_related("decision").filter(city_code=CITY, claim=assembled(later))
    assert line.decision is not None
    refusals = policy.Decision.from_json(line.decision.record).refusals
    assert (line.state, [one.facts_used for one in refusals if "name_matches_id" in one.facts_used]) == (
        "refused",
        [{"name_matches_id": False}],
    )


@pytest.mark.parametrize("large", [10**9, 0], ids=["singly", "at once"])
def test_an_identity_found_wrong_while_the_claim_is_published_leaves_it_at_approval(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case(2)
    claim = published(made)
    found(made.people[0], "identity")
    monkeypatch.setattr(mass, "LARGE", large)
    approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    wrong, right = ClaimLine.objects.select_related("decision").filter(city_code=CITY, claim=claim).order_by("id")
    assert (wrong.state, right.state) == ("refused", "approved")
    assert wrong.decision is not None
    assert wrong.decision.facts["name_matches_id"] is False


def test_a_finding_takes_two_people_evidence_and_its_own_job() -> None:
    person, other = registry.person(), registry.person()
    reviewer, approver = two()
    given: dict[str, Any] = {"actor": reviewer, "at": LATER, "person": person, "text": "冒用他人身份参训"}
    with pytest.raises(BadInput):
        propose_finding(**given | {"text": " "}, kind="identity")
    theirs = record_job(
        actor=system_actor(), at=LATER, person=other, employer_name="甲", from_on=date(2026, 7, 1), proof="contract"
    )
    with pytest.raises(BadInput):
        propose_finding(**given, kind="job", job=theirs)
    made = propose_finding(**given, kind="identity")
    with pytest.raises(Refusal, match="已经提请或认定"):
        propose_finding(**given, kind="identity")
    same = Actor((reviewer.user_id or 0) + 10**6, reviewer.person_id, "", approver.assignments)
    with pytest.raises(SamePerson):
        decide_finding(actor=same, at=LATER, finding=made, confirms=True, text="证据充分")
    with pytest.raises(IntegrityError), transaction.atomic():
        FactFinding.objects.filter(city_code=CITY, pk=made.pk).update(decided_by_person=reviewer.person_id)
    made = decide_finding(actor=approver, at=LATER, finding=made, confirms=False, text="人脸比对一致，不予认定")
    person.refresh_from_db()
    assert (made.state, person.identity_wrong_on) == ("dropped", None)


HALVED = ("very_scarce: 1.00", "very_scarce: 0.50")
# Who missed an hour of 120 has not attended.
STRICT = ("says: 个人出勤率下限, value: 0.80", "says: 个人出勤率下限, value: 1.00")


def reads_now(*changed: tuple[str, str]) -> None:
    """The city's text with other figures: what was read before was a slip, or this is one."""
    path = "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    text = (settings.POLICIES / path).read_text()
    for before, after in changed:
        assert text.count(before) == 1
        text = text.replace(before, after)
    in_force(path, text)


def quiet(at: datetime = LATER) -> bool:
    """Whether a night finds nothing, and would do nothing."""
    return lines_with_changed_facts(CITY, HEPING) == [] and look_again(CITY, HEPING, at) == 0


def differences() -> list[tuple[str, int]]:
    rows = Difference.objects.filter(city_code=CITY).order_by("id")
    return list(rows.values_list("action", "change_fen"))


def test_a_text_put_right_moves_nobodys_money_by_itself_and_two_people_see_what_it_comes_to() -> None:
    line = line_of(paid_case(1))
    reads_now(HALVED)
    # In the same night a fact is another that alone changes nothing, and another one the night after.
    attended(line, PLANNED - 60)
    assert look_again(CITY, HEPING, LATER) == 1
    difference = Difference.objects.get(city_code=CITY)
    assert (difference.action, difference.after_fen, difference.change_fen) == ("ask", None, 0)
    assert all(
        word in difference.summary for word in ("实际出勤课时", "政策文本与作出决定时不同", "¥3,780.00", "¥1,890.00")
    )
    assert quiet()
    attended(line, PLANNED - 120)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("ask", 0)] * 2
    assert not RecoveryCase.objects.filter(city_code=CITY).exists()
    desk = sign_in(Client(), registry.user(Role.REVIEWER, region_code=HEPING))
    listed = desk.get(reverse("bureau:recoveries")).content.decode()
    assert listed.count("政策文本与作出决定时不同") == 1
    page = desk.get(reverse("bureau:line_correct", args=[CITY, line.pk])).content.decode()
    assert 'value="1890.00"' in page
    assert "重算为 ¥1,890.00" in page
    # Two people say so; then nothing is asked any more, and facts count as ever.
    corrected(line, 1890_00)
    assert quiet()
    assert differences()[2:] == [("recovery", -1890_00)]
    assert "政策文本与作出决定时不同" not in desk.get(reverse("bureau:recoveries")).content.decode()
    revoke(line)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences()[3:] == [("recovery", -1890_00)]
    assert quiet()
    assert prove(CITY).findings == ()


def test_a_fact_that_refuses_by_itself_does_not_wait_for_a_text() -> None:
    line = line_of(paid_case(1))
    reads_now(HALVED)
    revoke(line)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("recovery", -FULL_FEN)]


@pytest.mark.parametrize("slips", [(STRICT,), (STRICT, HALVED)], ids=["of a threshold", "of a threshold and a figure"])
def test_a_slip_that_refuses_only_together_with_an_irrelevant_hour_takes_nothing(
    slips: tuple[tuple[str, str], ...],
) -> None:
    line = line_of(paid_case(1))
    attended(line, PLANNED - 60)
    # An hour less is worth as much by the text as it was read.
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("none", 0)]
    reads_now(*slips)
    attended(line, PLANNED - 120)
    assert look_again(CITY, HEPING, LATER) == 1
    [_, asked] = Difference.objects.filter(city_code=CITY).order_by("id")
    assert (asked.action, asked.after_fen) == ("ask", None)
    assert "按作出决定时的文本为¥3,780.00，按现在的文本为不予补贴" in asked.summary
    assert not RecoveryCase.objects.filter(city_code=CITY).exists()
    assert quiet()


def test_a_slip_is_asked_about_also_when_a_night_passed_in_which_it_changed_nothing() -> None:
    line = line_of(paid_case(1))
    # Between the hours of the first night and those of the second.
    reads_now((STRICT[0], STRICT[0].replace("0.80", "0.99")))
    attended(line, PLANNED - 45)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("none", 0)]
    attended(line, PLANNED - 120)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("none", 0), ("ask", 0)]
    assert not RecoveryCase.objects.filter(city_code=CITY).exists()


def test_a_release_that_keeps_the_same_facts_in_another_order_finds_only_what_changed() -> None:
    made = paid_case(3)
    whole, unsure, missed = (line_of(made, index) for index in range(3))
    for line in (whole, missed):
        assert line.decision is not None
        in_older_order(line.decision)
    # A person judged that the group holds.
    GroupMembership.objects.filter(city_code=CITY, person=unsure.person).update(evidence="declared")
    doubted = decide(unsure.claim, [unsure])[unsure.pk]
    doubted.at = APPROVED
    assert doubted.outcome == "cannot_tell"
    in_older_order(doubted)
    assert quiet()
    attended(missed, 0)
    attended(unsure, PLANNED - 45)
    # As the class's minutes were taken over into the lines, which alone would have them found.
    ClaimLine.objects.filter(city_code=CITY, pk=missed.pk).update(credited_minutes=0)
    ClaimLine.objects.filter(city_code=CITY, pk=unsure.pk).update(credited_minutes=PLANNED - 45)
    assert lines_with_changed_facts(CITY, HEPING) == [unsure.pk, missed.pk]
    assert look_again(CITY, HEPING, LATER) == 2
    assert sorted(differences()) == [("ask", 0), ("recovery", -FULL_FEN)]
    assert quiet()


def struck_off(line: ClaimLine) -> None:
    project = line.claim.training_class.project if line.claim.training_class else None
    assert project is not None
    Organisation.objects.filter(city_code=CITY, pk=project.provider_id).update(state="removed")


# What the night makes of a paid line, by what happened to it.
ONCE: dict[str, tuple[Callable[[ClaimLine], Any], list[str]]] = {
    "a certificate replaced by none": (lambda line: revoke(line, "replaced"), ["ask"]),
    "a certificate suspended": (lambda line: revoke(line, "suspended"), ["ask"]),
    "a certificate revoked": (revoke, ["recovery"]),
    "a provider struck off": (struck_off, []),
    "an identity found wrong": (lambda line: found(line.person, "identity"), ["recovery"]),
}


@pytest.mark.parametrize("what", ONCE)
def test_what_was_looked_at_once_is_not_found_again_the_night_after(what: str) -> None:
    happens, actions = ONCE[what]
    line = line_of(paid_case(1))
    assert quiet()
    happens(line)
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]
    assert look_again(CITY, HEPING, LATER + timedelta(minutes=1)) == len(actions)
    # A finding of two people is looked at for a day more; nothing comes of it.
    assert look_again(CITY, HEPING, LATER + timedelta(days=2)) == 0
    assert quiet()
    assert [action for action, _ in differences()] == actions
    # What comes after it is seen.
    attended(line, 0)
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]


def test_a_certificate_given_out_anew_takes_no_skill_upgrade_back() -> None:
    person, certificate = holder()
    budget(10_000_000, region_code=HEPING, fund_source=FUND, year=2025)
    line = apply_for(actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate)
    desk = bureau()
    paid(to_approval(line.claim, desk, APPLIED), desk, APPLIED + timedelta(days=20))
    assert look_again(CITY, HEPING, LATER) == 0
    revoke(line, "replaced")
    anew = certify(certificate.result, certificate.issuer, "S000012000901263000999", SENIOR, date(2026, 3, 2))
    assert quiet()
    # What holds now is the new one: without it the qualification is gone.
    anew.state = "revoked"
    anew.save(update_fields=["state"])
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("recovery", -200_000)]
    assert quiet()


def upgraded(person: Person, certificate: Any) -> ClaimLine:
    budget(10_000_000, region_code=HEPING, fund_source=FUND, year=2025)
    line = apply_for(actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=certificate)
    desk = bureau()
    paid(to_approval(line.claim, desk, APPLIED), desk, APPLIED + timedelta(days=20))
    return line


def test_a_later_answer_on_insurance_takes_a_skill_upgrade_back_and_gives_it_again() -> None:
    person, certificate = holder()
    line = upgraded(person, certificate)
    assert quiet(LATER - timedelta(days=3))
    insured(person, months=11, at=LATER)
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("recovery", -200_000)]
    insured(person, at=LATER + timedelta(days=3))
    assert look_again(CITY, HEPING, LATER + timedelta(days=3)) == 1
    assert RecoveryCase.objects.get(city_code=CITY).state == "withdrawn"
    assert look_again(CITY, HEPING, LATER + timedelta(days=5)) == 0
    assert quiet(LATER + timedelta(days=5))


def test_a_grant_given_back_has_the_skill_upgrade_paid_beside_it_decided_again() -> None:
    person, certificate = holder()
    told = {
        "person": person,
        "scheme": "skill_upgrade",
        "occupation_code": certificate.occupation_id,
        "level": SENIOR - 1,
    }
    told |= {"city_code": 310000, "certificate_number": "", "fund_source": FUND, "granted_on": date(2025, 2, 3)}
    grant = report_grant(actor=system_actor(), at=APPLIED, **told, source="外省")
    line = upgraded(person, certificate)
    assert quiet(LATER - timedelta(days=3))
    PersonGrant.objects.filter(pk=grant.pk).update(withdrawn_on=LATER.date())
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]
    assert look_again(CITY, HEPING, LATER) == 1
    [noted] = Difference.objects.filter(city_code=CITY)
    assert (noted.claim_line_id, noted.change_fen) == (line.pk, 0)
    assert "已享受技能提升补贴的最高等级" in noted.summary
    assert quiet(LATER + timedelta(days=2))


@pytest.mark.parametrize("large", [10**9, 0], ids=["singly", "at once"])
def test_what_becomes_unknown_during_publicity_is_approved_and_asked_about_the_night_after(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = case(1)
    claim = published(made)
    told = {"person": made.people[0], "kind": "pension", "holds": True, "source": "数据比对"}
    record_status(actor=system_actor(), at=APPROVED, **told, checked_on=date(2026, 7, 8))
    monkeypatch.setattr(mass, "LARGE", large)
    approve_claim(actor=made.approver, at=APPROVED, claim=claim)
    assert line_of(made).state == "approved"
    assert look_again(CITY, HEPING, APPROVED + timedelta(hours=12)) == 1
    assert (differences(), line_of(made).state) == ([("ask", 0)], "approved")


def test_a_line_that_no_rules_can_decide_now_is_asked_about_once_and_the_night_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = paid_case(2)
    first, second = line_of(made), line_of(made, 1)
    attended(first, 0)
    attended(second, 0)

    def gone(claim: Any, lines: list[ClaimLine]) -> Any:
        if lines[0].pk == first.pk:
            raise policy.PolicyVersionGone("stored a, kept b")
        return decide(claim, lines)

    with monkeypatch.context() as patched:
        patched.setattr(later, "decide", gone)
        assert look_again(CITY, HEPING, LATER) == 2
        assert look_again(CITY, HEPING, LATER) == 0
    assert differences() == [("ask", 0), ("recovery", -FULL_FEN)]
    asked = Difference.objects.get(city_code=CITY, claim_line=first)
    assert (asked.decision, "不能用规则重新核定" in asked.summary) == (None, True)
    # Where they can be asked again, what is due follows.
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences()[2:] == [("recovery", -FULL_FEN)]


def test_where_the_text_of_then_is_not_kept_two_people_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    line = line_of(paid_case(1))
    reads_now(HALVED)

    def gone(*_: object) -> Any:
        raise policy.PolicyVersionGone("the texts of this decision were not kept")

    monkeypatch.setattr(later, "kept_policies", gone)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences() == [("ask", 0)]
    assert "作出决定时的文本已不能用来重算，按现在的文本为¥1,890.00" in Difference.objects.get(city_code=CITY).summary
    # What refuses today cannot be compared either.
    revoke(line)
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences()[1:] == [("ask", 0)]
    assert quiet()


def test_a_status_without_a_first_day_only_asks_about_a_class_before_it_was_looked_up() -> None:
    line = line_of(paid_case(1))
    told = {"person": line.person, "kind": "pension", "holds": True, "source": "数据比对"}
    record_status(actor=system_actor(), at=LATER, **told, checked_on=date(2026, 8, 1))
    assert look_again(CITY, HEPING, LATER) == 1
    [asked] = Difference.objects.filter(city_code=CITY)
    assert (asked.action, "→ 未知" in asked.summary) == ("ask", True)
    assert quiet()
    desk = sign_in(Client(), registry.user(Role.REVIEWER, region_code=HEPING))
    assert 'value="0.00"' not in desk.get(reverse("bureau:line_correct", args=[CITY, line.pk])).content.decode()
    # Since when is known: it was drawn when the class began.
    record_status(actor=system_actor(), at=LATER, **told, checked_on=date(2026, 8, 2), valid_from=date(2026, 1, 1))
    assert look_again(CITY, HEPING, LATER) == 1
    assert differences()[1:] == [("recovery", -FULL_FEN)]


def test_what_came_later_is_looked_at_once_found_by_when_it_was_entered_and_takes_nothing_for_days_it_does_not_speak_of() -> (
    None
):
    made = case(1, group="07")
    person = made.people[0]
    grouped(person, "07", date(2026, 1, 1))
    claim = approved(made)
    desk = Bureau(made.reviewer, made.approver, made.officer, made.finance)
    paid(claim, desk, APPROVED)
    training = ClaimLine.objects.get(city_code=CITY, claim=claim)
    line = apply_for(actor=worker(person), at=APPROVED, person=person, kind="living", training=training)
    to_approval(line.claim, desk, APPROVED)
    paid(line.claim, desk, APPROVED + timedelta(days=20))
    after = APPROVED + timedelta(days=60)
    job = {"employer_name": "甲", "from_on": date(2026, 8, 1), "proof": "contract"}
    record_job(actor=system_actor(), at=after, person=person, **job)
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]
    assert look_again(CITY, HEPING, after + timedelta(minutes=1)) == 0
    assert quiet(after + timedelta(days=1, minutes=1))
    record_job(actor=system_actor(), at=after + timedelta(days=1), person=person, **job | {"employer_name": "乙"})
    assert lines_with_changed_facts(CITY, HEPING) == [line.pk]
    assert look_again(CITY, HEPING, after + timedelta(days=3)) == 0
    assert quiet(after + timedelta(days=3))
    # Taken on by an office, nobody said since when: whether it was so in June, of which the register had said no, nobody knows.
    told = {"person": person, "kind": "establishment", "holds": True, "source": "编制比对"}
    late = after + timedelta(days=30)
    record_status(actor=system_actor(), at=late, **told, checked_on=date(2026, 9, 30))
    look_again(CITY, HEPING, late + timedelta(minutes=1))
    of_line = Difference.objects.filter(city_code=CITY, claim_line=line)
    assert [(one.action, one.change_fen) for one in of_line] == [("ask", 0)]
    # Entered late, of days before the class: that it was so is known.
    later = late + timedelta(days=1)
    record_status(actor=system_actor(), at=later, **told, checked_on=date(2026, 5, 25), valid_from=date(2026, 5, 1))
    look_again(CITY, HEPING, later + timedelta(minutes=1))
    assert of_line.latest("pk").action == "recovery"


def test_the_page_of_a_person_takes_a_finding_from_one_officer_to_the_other() -> None:
    person = registry.person()
    record_job(
        actor=system_actor(),
        at=LATER,
        person=person,
        employer_name="测试公司",
        from_on=date(2026, 7, 1),
        proof="contract",
    )
    reviewer = sign_in(Client(), registry.user(Role.REVIEWER, region_code=HEPING))
    approver = sign_in(Client(), registry.user(Role.APPROVER, region_code=HEPING))
    file = reverse("bureau:person", args=[CITY, person.pk])
    assert "测试公司" in reviewer.get(file).content.decode()
    job = person.jobs.get(city_code=CITY)
    typed = {"finding-about": str(job.pk), "finding-text": "单位查无此人", "key": "f1"}
    assert reviewer.post(reverse("bureau:person_finding", args=[CITY, person.pk]), typed).status_code == 302
    finding = FactFinding.objects.get(city_code=CITY)
    assert "事实认定" in approver.get(reverse("bureau:home")).content.decode()
    assert "认定不实以后" in approver.get(file).content.decode()
    url = reverse("bureau:finding_decide", args=[CITY, finding.pk])
    assert reviewer.post(url, {"decision": "confirm", "text": "查实", "key": "f2"}).status_code == 403
    assert approver.post(url, {"decision": "confirm", "text": "单位书面证明", "key": "f3"}).status_code == 302
    job.refresh_from_db()
    assert job.voided_on is not None
    assert "认定不实" in reviewer.get(file).content.decode()
    # It was wrong: another than who confirmed it lifts it, with reasons.
    lift, other = (
        reverse("bureau:finding_lift", args=[CITY, finding.pk]),
        registry.user(Role.APPROVER, region_code=HEPING),
    )
    another = sign_in(Client(), other)
    said = {"text": "单位补交了劳动合同和工资流水", "key": "f4"}
    assert approver.post(lift, said).status_code == 403
    assert reviewer.post(lift, said).status_code == 403
    assert "撤销认定" in another.get(file).content.decode()
    assert another.post(lift, said | {"text": "错了", "key": "f5"}).status_code == 422
    assert another.post(lift, said | {"key": "f6"}).status_code == 302
    job.refresh_from_db()
    shown = reviewer.get(file).content.decode()
    assert (job.voided_on, "单位补交了劳动合同和工资流水" in shown) == (None, True)
