"""The demo's last acts: the claim assembles itself, is reviewed, published, approved, paid, answered by the bank."""

from __future__ import annotations

from datetime import date

from zhaoliang.classes.models import TrainingClass
from zhaoliang.demo import calendar
from zhaoliang.demo.bank import answer_file
from zhaoliang.demo.cast import CITY, Cast, School, Trainee
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.payments import selectors as payment_views
from zhaoliang.payments import services as payments
from zhaoliang.payments.models import PaymentBatch
from zhaoliang.registry import services as registry
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import Claim, ClaimLine

NEW_CARD_SEED = 20260415
PAYING_ACCOUNT_SEED = 20260105
WRONG_ACCOUNT = "账号与户名不符"


def make_claim(stage: Stage, school: School, training_class: TrainingClass, label: str, day: date) -> Claim:
    """The claim of an assessed class: assembled by itself, confirmed by the provider."""
    claim = stage.do(
        subsidies.assemble_claim,
        f"assemble-{label}",
        actor=stage.clock,
        at=moment(day),
        training_class=training_class,
    )
    return stage.do(subsidies.confirm_claim, f"confirm-{label}", actor=school.actor, at=moment(day, 15), claim=claim)


def lines_of(claim: Claim) -> list[ClaimLine]:
    """The claim's lines as they stand."""
    return list(
        ClaimLine.objects.filter(city_code=claim.city_code, claim=claim)
        .select_related("person", "certificate")
        .order_by("id")
    )


def review(stage: Stage, cast: Cast, claim: Claim, label: str) -> Claim:
    """First review (judging what the rules could not tell), second review by another person, publicity, approval by a third."""
    reviewer, approver = cast.staff[Role.REVIEWER], cast.staff[Role.APPROVER]
    for line in lines_of(claim):
        if line.state == "to_person":
            stage.do(
                subsidies.judge_line,
                f"judge-{label}-{line.pk}",
                actor=reviewer,
                at=moment(calendar.FIRST_REVIEW),
                line=line,
                passes=True,
                text="已电话核对并比对登记信息，情况属实。",
            )
    claim = stage.do(
        subsidies.pass_first, f"first-{label}", actor=reviewer, at=moment(calendar.FIRST_REVIEW, 11), claim=claim
    )
    claim = stage.do(
        subsidies.pass_second, f"second-{label}", actor=approver, at=moment(calendar.SECOND_REVIEW), claim=claim
    )
    return stage.do(
        subsidies.approve_claim,
        f"approve-{label}",
        actor=cast.second_approver,
        at=moment(calendar.APPROVED),
        claim=claim,
    )


def pay(stage: Stage, cast: Cast, claim: Claim, trainees: list[Trainee]) -> list[PaymentBatch]:
    """Two payment batches: the bank sends one line of the first back, its card is corrected and it is paid again."""
    first = _send(stage, cast, "pay-1", calendar.PAID)
    sent = payment_views.batch_page(first.city_code, first.pk).lines
    refused = next(line for line in sent if line.claim_line.payee == "person")
    _answer(stage, cast, first, "answer-1", calendar.ANSWERED, failures={refused.sequence: WRONG_ACCOUNT})
    owner = next(trainee for trainee in trainees if trainee.person.pk == refused.claim_line.person_id)
    stage.do(
        registry.set_card,
        "new-card",
        actor=owner.actor,
        at=moment(calendar.ANSWERED, 14),
        person=owner.person,
        card_number=Inventor(NEW_CARD_SEED).bank_card(),
    )
    stage.do(
        payments.retry_line,
        "retry",
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.ANSWERED, 16),
        line=refused.claim_line,
    )
    second = _send(stage, cast, "pay-2", calendar.PAID_AGAIN)
    _answer(stage, cast, second, "answer-2", calendar.ANSWERED_AGAIN, failures={})
    return [first, second]


def open_paying_account(stage: Stage, cast: Cast) -> None:
    """The account the city pays the employment subsidy fund from: entered by one officer, confirmed by finance."""
    number = Inventor(PAYING_ACCOUNT_SEED).bank_card()
    account = stage.do(
        payments.set_paying_account,
        "paying-account",
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.BUDGET, 14),
        place=Place(CITY, CITY),
        fund_source=FundSource.EMPLOYMENT_SUBSIDY,
        bank_name="演示银行天津分行营业部",
        bank_code="102110000001",
        account_name="演示：天津市就业补助资金专户",
        account_number=number,
    )
    stage.do(
        payments.confirm_paying_account,
        "paying-account-confirmed",
        actor=cast.staff[Role.FINANCE],
        at=moment(calendar.BUDGET, 15),
        account=account,
        account_number=number,
    )


def _send(stage: Stage, cast: Cast, label: str, day: date) -> PaymentBatch:
    officer, finance = cast.staff[Role.FUND_OFFICER], cast.staff[Role.FINANCE]
    batch = stage.do(
        payments.build_batch,
        f"{label}-build",
        actor=officer,
        at=moment(day, 9),
        place=Place(CITY, CITY),
        fund_source=FundSource.EMPLOYMENT_SUBSIDY,
    )
    stage.do(payments.seal_batch, f"{label}-seal", actor=officer, at=moment(day, 10), batch=batch)
    stage.do(payments.authorise_batch, f"{label}-authorise", actor=finance, at=moment(day, 11), batch=batch)
    return stage.do(payments.send_batch, f"{label}-send", actor=officer, at=moment(day, 14), batch=batch)


def _answer(stage: Stage, cast: Cast, batch: PaymentBatch, label: str, day: date, *, failures: dict[int, str]) -> None:
    sent = payment_views.file_as_sent(payment_views.batch(batch.city_code, batch.pk))
    stage.do(
        payments.import_return,
        label,
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(day, 10),
        batch=batch,
        file_name=f"{batch.number}-回单.xlsx",
        content=answer_file(sent, failures),
    )
