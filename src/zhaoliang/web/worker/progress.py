"""Where each voucher of a worker stands, from claiming to the money: one line of six steps."""

from __future__ import annotations

from dataclasses import dataclass

from zhaoliang.certificates import selectors as certificates
from zhaoliang.certificates.models import Certificate
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import Enrolment
from zhaoliang.registry.models import Person
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers.models import Voucher
from zhaoliang.web.components.parts import Step, steps

STEPS = ("领券", "报名", "上课", "考核", "取证", "到账")
LIVE = ("claimed", "used", "verified", "in_claim", "redeemed")


@dataclass(frozen=True)
class Journey:
    """A voucher with everything that came of it."""

    voucher: Voucher
    enrolment: Enrolment | None
    certificate: Certificate | None
    line: ClaimLine | None

    @property
    def live(self) -> bool:
        """Whether the voucher still counts (not returned, expired or void)."""
        return self.voucher.state in LIVE

    @property
    def step(self) -> int:
        """The index of the step in hand; len(STEPS) when all is done."""
        if self.voucher.state == "redeemed" or (self.line is not None and self.line.state == "paid"):
            return len(STEPS)
        if self.certificate is not None:
            return 5
        if self.enrolment is None:
            return 1
        if self.enrolment.state == "completed":
            return 4
        begun = self.enrolment.training_class.state in ("ended", "assessed", "in_claim", "closed")
        return 3 if begun else 2

    @property
    def problem(self) -> bool:
        """Whether it stopped here: dropped out, or the subsidy was refused."""
        dropped = self.enrolment is not None and self.enrolment.state == "dropped"
        return dropped or (self.line is not None and self.line.state in ("refused", "failed"))

    @property
    def steps(self) -> list[Step]:
        """The spine."""
        return steps(STEPS, self.step, problem=self.problem)

    @property
    def says(self) -> str:
        """What to do or to wait for now, in one sentence."""
        if not self.live:
            return self.voucher.ended_reason or "这张券已经不能用了。"
        if self.problem:
            return "这里没有走通，点开看原因和办法。"
        if self.step == 1 and self.voucher.state in ("used", "verified"):
            return "券已用，等机构把您列入名册；开班前可以撤销。"
        return {
            1: "下一步：在手机上用券报班，或到机构出示券码报名。",
            2: "下一步：按课表上课，到教室后签到。",
            3: "课已上完，等评价机构安排考核。",
            4: "考核合格，等评价机构发证。",
            5: "已取证，补贴在审核，进展在“我的—钱到哪了”。",
        }.get(self.step, "补贴已到账，这张券已核销。")


def journeys(person: Person) -> list[Journey]:
    """All vouchers of a person with what came of them, newest first; four queries."""
    enrolments = {one.voucher_id: one for one in classes.enrolments_of(person) if one.voucher_id is not None}
    held = {one.result.enrolment_id: one for one in certificates.certificates_of(person) if one.state != "replaced"}
    lines = {one.enrolment_id: one for one in subsidies.lines_of_person(person.city_code, person.pk)}
    found = []
    for voucher in vouchers.vouchers_of(person):
        enrolment = enrolments.get(voucher.pk)
        key = enrolment.pk if enrolment else None
        found.append(Journey(voucher, enrolment, held.get(key) if key else None, lines.get(key) if key else None))
    return found
