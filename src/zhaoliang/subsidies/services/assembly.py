"""A claim comes to be by itself from the class, and the provider confirms it (人社部发〔2025〕10号 五（十一）: 凡补必进)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from zhaoliang.apprenticeships.selectors import agreements_of, scheme_of
from zhaoliang.certificates.selectors import certificates_of_class
from zhaoliang.classes.models import TrainingClass
from zhaoliang.classes.selectors import enrolments_in, held_to_the_end, locked_class
from zhaoliang.classes.states import CLASS
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.lawbook import clause_of, lawbook, policies_for
from zhaoliang.registry.standing import Gate
from zhaoliang.subsidies.clocks import review_due
from zhaoliang.subsidies.kinds import KINDS, MAIN, main_kind
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.services.checks import check_claim, draw_many, put_question
from zhaoliang.subsidies.services.evidence import require_materials
from zhaoliang.subsidies.services.locking import locked_claim, locked_lines, reason_given
from zhaoliang.subsidies.services.mass import add_lines
from zhaoliang.subsidies.services.review import require_standing
from zhaoliang.subsidies.states import CLAIM
from zhaoliang.vouchers.services import enter_claim_all

NOT_CONFIRMED = "没有提交申领。"


@act(
    "subsidies.assemble",
    label="生成补贴申领",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.SYSTEM: Reach.ANY},
    on="training_class",
)
def assemble_claim(*, actor: Actor, at: datetime, training_class: TrainingClass) -> Claim:
    """Make the claim of an assessed class: a line per trainee who took part, each decided by the rules at once.

    Nothing is typed: trainees, minutes, vouchers, certificates come from the class. Vouchers enter the claim.
    Raises WrongState before the results are out; Refusal without trainees, with a voucher nobody verified, or with
    vouchers of another fund.
    """
    training_class = locked_class(training_class)
    if not CLASS.allows(training_class.state, "claim"):
        raise CLASS.refusal(training_class.state, "claim")
    # Who learns on a voucher that only opens the door learns without a subsidy.
    enrolments = list(held_to_the_end(training_class).order_by("id").values_list("id", flat=True))
    _require_claimable(training_class, enrolments)
    claim = _made(training_class, main_kind(training_class), at)
    report(0, len(enrolments), "正在列出学员")
    add_lines(claim, enrolments)
    vouchers = held_to_the_end(training_class).filter(voucher__state="verified").order_by("voucher_id")
    enter_claim_all(claim.city_code, list(vouchers.values_list("voucher_id", flat=True)))
    CLASS.fire(training_class, "claim")
    check_claim(claim, at)
    return claim


@act(
    "subsidies.assemble_advance",
    label="生成学徒制预支申领",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.SYSTEM: Reach.ANY},
    on="training_class",
)
def assemble_advance(*, actor: Actor, at: datetime, training_class: TrainingClass) -> Claim:
    """Make the claim for the advance of an apprenticeship class that was accepted: a line per apprentice with an agreement.

    Raises Refusal for another class, when there is one already, without scheme or agreements, or where no text sets an advance.
    """
    training_class = locked_class(training_class)
    if main_kind(training_class) != "apprenticeship" or training_class.state not in ("accepted", "running"):
        raise Refusal(
            what="没有生成预支申领。",
            why="只有经审核列入培训计划、还没有结束的学徒班可以预支。",
            next_step="请在备案通过以后、结课以前生成。",
            clause=clause_of(lawbook().citation("cn/renshebufa-2021-39#5.1-2")),
        )
    if scheme_of(training_class) is None:
        raise Refusal(
            what="没有生成预支申领。",
            why="这个班还没有登记培养方案和双基地。",
            next_step="请先在“学徒培养协议”页登记培养方案。",
            clause=clause_of(lawbook().citation("cn/renshebufa-2021-39#4.2-2")),
        )
    here = {"city_code": training_class.city_code, "training_class": training_class}
    if Claim.objects.filter(**here, kind="apprentice_advance").exists():
        raise Refusal(what="没有重复生成。", why="这个班已经申领预支。", next_step="请在申领列表里打开。")
    held = enrolments_in(training_class.city_code, training_class.pk, "listed", "attending")
    signed = agreements_of(training_class.city_code, [one.pk for one in held])
    region, on = training_class.project.region_id, training_class.starts_on
    amounts = policies_for(region, on=on, scheme="apprenticeship").bound_amounts
    if not signed or not any(amount.instalments for _, amount in amounts):
        raise Refusal(
            what="没有生成预支申领。",
            why="还没有登记培养协议。" if not signed else "本地现行文件没有规定预支。",
            next_step="请先登记学徒的培养协议；没有预支的地区在结算时一次申领。",
        )
    claim = _made(training_class, "apprentice_advance", at)
    add_lines(claim, [one.pk for one in held if one.pk in signed])
    check_claim(claim, at)
    return claim


@act(
    "subsidies.assemble_evaluation",
    label="生成评价补贴申领",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.SYSTEM: Reach.ANY},
    on="training_class",
)
def assemble_evaluation(*, actor: Actor, at: datetime, training_class: TrainingClass) -> Claim:
    """Make the evaluation subsidy's claim of a class: a line per certificate, beside the claim for the training.

    Raises Refusal before the training is claimed, when there is one already, where the region sets no evaluation subsidy, or
    without certificates.
    """
    training_class = locked_class(training_class)
    project = training_class.project
    if training_class.state not in ("in_claim", "closed"):
        raise Refusal(what="没有生成评价补贴申领。", why="培训补贴还没有申领。", next_step="请先生成培训补贴申领。")
    if Claim.objects.filter(
        city_code=training_class.city_code, training_class=training_class, kind="evaluation"
    ).exists():
        raise Refusal(what="没有重复生成。", why="这个班的评价补贴已经在申领。", next_step="请在申领列表里打开。")
    policies = policies_for(project.region_id, on=training_class.starts_on, scheme="evaluation")
    held = enrolments_in(training_class.city_code, training_class.pk, "attending", "completed")
    certified = certificates_of_class(training_class)
    enrolments = [one for one in held if one.pk in certified]
    if not policies.bound_amounts or not enrolments:
        raise Refusal(
            what="没有生成评价补贴申领。",
            why="这个班没有人取得证书。" if policies.bound_amounts else "本地现行文件没有评价补贴的标准。",
            next_step="取得证书以后可以再生成；标准请咨询当地人社部门。",
        )
    claim = _made(training_class, "evaluation", at)
    add_lines(claim, [one.pk for one in enrolments])
    check_claim(claim, at)
    return claim


def _made(training_class: TrainingClass, kind: str, at: datetime) -> Claim:
    """The empty claim of a class."""
    beside = "" if kind in MAIN else f" · {KINDS[kind].label}"
    return Claim.objects.create(
        city_code=training_class.city_code,
        training_class=training_class,
        provider=training_class.provider,
        kind=kind,
        region_id=training_class.project.region_id,
        title=f"{training_class.name}{beside}",
        rules_on=training_class.starts_on,
        fund_source=training_class.project.fund_source,
        created_at=at,
    )


def _require_claimable(training_class: TrainingClass, enrolments: list[int]) -> None:
    if not enrolments:
        raise Refusal(
            what="没有生成补贴申领。",
            why="这个班没有参加到底的学员。",
            next_step="如果名册或考勤有误，请先更正；确无学员的班级可以直接办结。",
        )
    vouchers = held_to_the_end(training_class).filter(voucher__isnull=False)
    unverified = vouchers.filter(voucher__state="used").count()
    if unverified:
        raise Refusal(
            what="没有生成补贴申领。",
            why=f"有 {unverified} 张培训券还没有验证；机构须在申请补贴前记录唯一码。",
            next_step="请在“验券”里验证这些培训券，再生成申领。",
        )
    if vouchers.exclude(voucher__batch__fund_source=training_class.project.fund_source).exists():
        raise Refusal(
            what="没有生成补贴申领。",
            why="名册里有培训券的资金渠道与本项目不同，一份申领只能由一个资金渠道支付。",
            next_step="请联系发券的人社部门核对批次的资金渠道。",
        )


def require_reasons(claim: Claim, disputes: Mapping[int, str], reply: str) -> None:
    """Raise BadInput for a dispute or a reply that says nothing, where it is to be told before a job takes it along."""
    if claim.state == "returned":
        reason_given(reply, "reply", NOT_CONFIRMED)
    for line_id, text in disputes.items():
        reason_given(text, f"dispute-{line_id}", NOT_CONFIRMED)


@act("subsidies.confirm", label="确认并提交补贴申领", grants={Role.PROVIDER: Reach.ORGANISATION}, on="claim")
def confirm_claim(
    *, actor: Actor, at: datetime, claim: Claim, disputes: Mapping[int, str] | None = None, reply: str = ""
) -> Claim:
    """Submit a claim for review; `disputes` maps line ids the provider disagrees with to the reason: a person decides.

    A returned claim comes back with a `reply` to the reason, which the reviewers see beside it. The rules run once more on the
    facts of today. Raises WrongState unless waiting for the provider, Barred, BadInput without that reply, for a dispute
    without a reason or of a line that is not in the claim.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "confirm"):
        raise CLAIM.refusal(claim.state, "confirm")
    require_materials(claim)
    require_standing(claim, Gate.CLAIM, at)
    answered = reason_given(reply, "reply", NOT_CONFIRMED) if claim.state == "returned" else ""
    check_claim(claim, at)
    known = locked_lines(claim, sorted(disputes)) if disputes else []
    for line_id, text in (disputes or {}).items():
        line = next((one for one in known if one.pk == line_id), None)
        if line is None:
            raise BadInput(what="没有提交。", why="异议指向了不在本申领中的明细。", next_step="请刷新页面后重新填写。")
        put_question(line, reason_given(text, f"dispute-{line_id}", NOT_CONFIRMED))
    draw_many(claim, at)
    CLAIM.fire(claim, "confirm", confirmed_at=at, review_due_on=review_due(claim, at), reply=answered)
    return claim
