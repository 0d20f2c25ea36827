"""The demo's late correction: after payment a certificate is revoked; the subsidy becomes a recovery case and comes back in parts."""

from __future__ import annotations

from zhaoliang.certificates import services as certificates
from zhaoliang.classes.models import TrainingClass
from zhaoliang.demo import calendar
from zhaoliang.demo.cast import Cast
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.kernel.roles import Role
from zhaoliang.recoveries import selectors as recovery_views
from zhaoliang.recoveries import services as recoveries
from zhaoliang.recoveries.tasks import look_again
from zhaoliang.subsidies.models import ClaimLine

INSTALMENTS = 3


def correct_late(stage: Stage, cast: Cast, training_class: TrainingClass, line: ClaimLine) -> None:
    """Revoke the certificate of a paid line by two people; the finder opens the case, the payee answers and pays a part."""
    city, region = line.city_code, training_class.project.region_id
    assert line.certificate is not None
    suspended = stage.do(
        certificates.suspend_certificate,
        "late-suspend",
        actor=cast.staff[Role.REVIEWER],
        at=moment(calendar.SUSPENDED),
        certificate=line.certificate,
        reason="演示：复查发现理论考试由他人代考。",
    )
    stage.do(
        certificates.revoke_certificate,
        "late-revoke",
        actor=cast.staff[Role.APPROVER],
        at=moment(calendar.REVOKED),
        certificate=suspended,
        reason="演示：代考属实，成绩无效。",
    )
    # What the clock does every night. A killed demo that goes on must not look with the records of later steps.
    if not recovery_views.cases_of(city, person_id=line.person_id).exists():
        look_again(city, region, moment(calendar.REVOKED, 18))
    case = recovery_views.cases_of(city, person_id=line.person_id).get()
    owner = next(trainee for trainee in cast.trainees if trainee.person.pk == line.person_id)
    stage.do(
        recoveries.reply,
        "late-reply",
        actor=owner.actor,
        at=moment(calendar.REPLIED, 20),
        case=case,
        text="情况属实，我愿意退还，希望能分三个月。",
    )
    stage.do(
        recoveries.agree,
        "late-agree",
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.AGREED),
        case=case,
        way="instalments",
        parts=INSTALMENTS,
        first_on=calendar.FIRST_PART,
        note="本人书面申请分三期退还，已同意。",
    )
    first = recovery_views.case_page(city, case.pk).plan[0]
    stage.do(
        recoveries.receive,
        "late-receive",
        actor=cast.staff[Role.FUND_OFFICER],
        at=moment(calendar.FIRST_PART, 15),
        case=case,
        amount_fen=first.amount_fen,
        received_on=calendar.FIRST_PART,
        bank_reference="HK202606100001",
    )
