"""What the demo's people claim themselves: two living allowances, a skill upgrade for who got no training subsidy."""

from __future__ import annotations

from zhaoliang.classes.models import TrainingClass
from zhaoliang.demo import calendar
from zhaoliang.demo.cast import Cast, Trainee
from zhaoliang.demo.money import lines_of
from zhaoliang.demo.stage import Stage, moment
from zhaoliang.employment.services import record_insurance
from zhaoliang.registry import services as registry
from zhaoliang.subsidies import selectors
from zhaoliang.subsidies import services as subsidies
from zhaoliang.subsidies.models import ClaimLine

# So many are found to be hard to employ; all but the last claim at once, and the last one's phone offers it.
HARD_TO_EMPLOY = 3
INSURED_MONTHS = 30


def claim_for_themselves(stage: Stage, cast: Cast, training_class: TrainingClass) -> None:
    """Living allowances after the training subsidy was paid; the certificate of a refused line claims a skill upgrade."""
    claim = selectors.claim_of_class(training_class.city_code, training_class.pk)
    assert claim is not None
    lines = lines_of(claim)
    owners = {trainee.person.pk: trainee for trainee in cast.trainees}
    paid = [line for line in lines if line.state == "paid" and line.person_id in owners]
    for index, line in enumerate(paid[1 : 1 + HARD_TO_EMPLOY]):
        _living(stage, owners[line.person_id], line, f"{index}", claims=index + 1 < HARD_TO_EMPLOY)
    left = next((line for line in lines if line.state == "refused" and line.certificate_id is not None), None)
    if left is not None:
        _upgrade(stage, owners[left.person_id], left)


def _living(stage: Stage, owner: Trainee, line: ClaimLine, label: str, *, claims: bool) -> None:
    stage.do(
        registry.add_group,
        f"hard-to-employ-{label}",
        actor=stage.clock,
        at=moment(calendar.PAID),
        person=owner.person,
        group="07",
        evidence="register",
        source="演示：就业困难人员认定",
        valid_from=calendar.CLAIM,
    )
    if claims:
        stage.do(
            subsidies.apply_for,
            f"living-{label}",
            actor=owner.actor,
            at=moment(calendar.JOB, 20),
            person=owner.person,
            kind="living",
            training=line,
        )


def _upgrade(stage: Stage, owner: Trainee, line: ClaimLine) -> None:
    stage.do(
        record_insurance,
        "insured",
        actor=stage.clock,
        at=moment(calendar.JOB),
        person=owner.person,
        months=INSURED_MONTHS,
        as_of=calendar.PAID,
        source="演示：失业保险参保比对",
    )
    stage.do(
        subsidies.apply_for,
        "upgrade",
        actor=owner.actor,
        at=moment(calendar.JOB, 21),
        person=owner.person,
        kind="skill_upgrade",
        certificate=line.certificate,
    )
