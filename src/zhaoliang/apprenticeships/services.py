"""Signing on apprentices: agreement and labour contract, checked by the rules of filing."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.apprenticeships.models import Agreement, ClassScheme
from zhaoliang.classes.facts import FactSheet, put_job
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.selectors import sessions
from zhaoliang.employment.selectors import jobs_of_people
from zhaoliang.employment.services import note_job
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.policy import Decision
from zhaoliang.registry.lawbook import clause_of, policies_for


@act(
    "apprenticeships.set_scheme", label="登记培养方案", grants={Role.PROVIDER: Reach.ORGANISATION}, on="training_class"
)
def set_scheme(
    *,
    actor: Actor,
    at: datetime,
    training_class: TrainingClass,
    enterprise_base: str,
    goals: str,
    content: str,
    assessment: str,
    school_base: str = "",
    own_centre: bool = False,
) -> ClassScheme:
    """Enter the scheme of an apprenticeship class (人社部发〔2021〕39号 四（一）（二）（四）): two bases, goals, content, standards.

    A later one counts instead. Raises Refusal for another class or one that is over, BadInput for what is missing: the second
    base may be left out only by an enterprise that trains at its own centre.
    """
    what = "没有登记培养方案。"
    if training_class.project.kind != "apprenticeship":
        raise Refusal(what=what, why="这不是新型学徒制的班级。", next_step="请从学徒班登记。")
    if training_class.state not in ("draft", "filed", "accepted", "running"):
        raise Refusal(what=what, why="这个班已经结束，方案不能再改。", next_step="以结束前登记的方案为准。")
    texts = {
        "enterprise_base": enterprise_base.strip(),
        "school_base": school_base.strip(),
        "goals": goals.strip(),
        "content": content.strip(),
        "assessment": assessment.strip(),
    }
    wrong = {name: "请填写。" for name, text in texts.items() if len(text) < 2 and name != "school_base"}
    if not own_centre and len(texts["school_base"]) < 2:
        wrong["school_base"] = "请填写院校培训基地；依托本企业培训中心的，请勾选。"
    if wrong:
        raise BadInput(what, "培养方案没有写全。", "请补齐后再提交。", fields=wrong)
    return ClassScheme.objects.create(
        city_code=training_class.city_code,
        training_class=training_class,
        own_centre=own_centre,
        at=at,
        by_name=actor.name,
        **texts,
    )


@act("apprenticeships.sign", label="登记学徒培养协议", grants={Role.PROVIDER: Reach.ORGANISATION}, on="enrolment")
def sign_agreement(
    *,
    actor: Actor,
    at: datetime,
    enrolment: Enrolment,
    signed_on: date,
    months: int,
    enterprise_mentor: str,
    school_mentor: str = "",
    entrusted: bool = False,
    provider_agreement: bool = False,
    special_case: bool = False,
    collective: bool = False,
    contract_from: date | None = None,
    contract_until: date | None = None,
) -> Agreement:
    """Record the agreement of an apprentice on the roster, with the labour contract where its days are given.

    The rules of filing (人社部发〔2021〕39号 四、五) decide: what they refuse is refused with the clause, what they leave to
    a person (a contract below a year) is noted. Raises Refusal outside an apprenticeship class or when there is one already.
    """
    training_class = enrolment.training_class
    if training_class.project.kind != "apprenticeship" or enrolment.state == "removed":
        raise Refusal(what="没有登记培养协议。", why="这不是新型学徒制的班级。", next_step="请从学徒班的名册里登记。")
    if Agreement.objects.filter(city_code=enrolment.city_code, enrolment=enrolment).exists():
        raise Refusal(what="没有重复登记。", why="这名学徒已经有培养协议。", next_step="请在名册里查看。")
    if contract_from is not None:
        note_job(
            person=enrolment.person,
            employer_name=enrolment.employer_name or training_class.provider.name,
            employer_uscc=enrolment.employer_uscc,
            from_on=contract_from,
            contract_until=contract_until,
            open_ended=contract_until is None,
            proof="contract",
            at=at,
        )
    agreement = Agreement(
        city_code=enrolment.city_code,
        enrolment=enrolment,
        signed_on=signed_on,
        months=months,
        special_case=special_case,
        collective=collective,
        enterprise_mentor=enterprise_mentor.strip(),
        school_mentor=school_mentor.strip(),
        entrusted=entrusted,
        provider_agreement=provider_agreement,
        recorded_at=at,
    )
    made = filing_decision(agreement, signed_on)
    if made.refusals:
        first = made.refusals[0]
        raise Refusal(
            what="没有登记培养协议。", why=f"{first.says}。", next_step=first.remedy, clause=clause_of(first.citation)
        )
    agreement.notes = [one.says for one in made.questions]
    agreement.save()
    return agreement


def filing_decision(agreement: Agreement, on: date) -> Decision:
    """What the rules of apprenticeship filing say of an agreement. Stores nothing."""
    enrolment = agreement.enrolment
    training_class = enrolment.training_class
    sheet = FactSheet({}, {})
    jobs = jobs_of_people(enrolment.city_code, [enrolment.person_id])[enrolment.person_id]
    put_job(sheet, jobs, enrolment.employer_uscc, on)
    contract = sheet.facts.get("contract_months")
    facts: dict[str, object] = {
        "training_plan_given": bool(sessions(training_class)),
        "apprentice_roster_given": True,
        "contracts_given": True if contract is not None else None,
        "apprentice_agreement": True,
        "training_entrusted": agreement.entrusted,
        "provider_agreement": agreement.provider_agreement,
        "contract_months": contract,
        "level": training_class.project.level or 0,
        "apprentice_months_planned": agreement.months,
        "apprentice_special_case": agreement.special_case,
    }
    policies = policies_for(training_class.project.region_id, on=on, scheme="apprenticeship_filing")
    return policies.decide(facts, phase="filing")
