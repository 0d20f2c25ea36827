"""The checks of a roster: every row against the registers, the vouchers and the rules, one finding a root cause.

A fault is named once: facts that rest on a cell with an error are taken out, so that no rule repeats the fault in other
words, and what cannot be told of a row that is wrong anyway is left for the next upload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.facts import CERTIFICATE_FACT, FactSheet, base_facts, put_certificate_grants, put_counts
from zhaoliang.classes.known import enrolled_people, known_people
from zhaoliang.classes.models import TrainingClass
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.read import RosterFile
from zhaoliang.classes.roster.trainee import Reader, Trainee, percent
from zhaoliang.kernel.days import chinese_day, format_cn_date, format_cn_time
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Citation, Decision, PolicySet, RuleResult
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.selectors import national_numbers, people_by_hash
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.selectors import vouchers_by_code

REAL_NAME, HOLDER, ONCE = "cn/renshebuhan-2021-14#6", "cn/peixunquan-2020#a2.2.2", "cn/peixunquan-2020#a2.2.3"
TWO_CLASSES = "cn/renshebufa-2025-10#5.11"
# 重复享受的核验; 同一券一人限领 1 次、使用 1 次.
IDENTITY = {"name", "document_type", "document_number"}
NO_REPEAT = {"document_number": TWO_CLASSES, "certificate_number": TWO_CLASSES, "voucher_code": ONCE}
UNIQUE_CODE = "cn/peixunquan-2020#a2.4"

# The column a rule's refusal belongs to: by the first of these facts that the rule read.
_COLUMN_OF_FACT = {
    "person_age_at_start": "document_number",
    "name_matches_id": "name",
    "time_clash": "document_number",
    "attended_hours": "attended_hours",
    "certificate_level": "certificate_number",
    "certificate_occupation": "certificate_number",
    "certificate_registered": "certificate_number",
    "certificate_kind": "certificate_kind",
    "local_hukou": "document_number",
    "local_residence_permit": "document_number",
    "local_insured_months_this_year": "document_number",
    "skill_upgrade_paid_for_certificate": "certificate_number",
    "voucher_fits_project": "voucher_code",
    "voucher_valid_on_start": "voucher_code",
    "voucher_state": "voucher_code",
    "pension_drawn": "group",
    "establishment_staff": "group",
    "trainings_paid_lifetime": "document_number",
    "trainings_paid_this_year": "document_number",
    "skill_upgrades_paid_this_year": "document_number",
    "highest_level_paid": "level",
    "same_occupation_level_paid": "level",
    "fund_double_paid": "level",
    "student_status": "group",
    "group_proved": "group",
    "group": "group",
}
# Facts of the person and the voucher: what is missing of them is said once in the row.
_OF_ROW = frozenset(_COLUMN_OF_FACT)
# Known only when the class has been taught and examined: an empty cell here is no question yet.
_LATER = frozenset(
    {
        "attended_hours",
        "exam_passed",
        "certificate_kind",
        "certificate_level",
        "certificate_occupation",
        "certificate_registered",
        "training_paid_for_certificate",
        "skill_upgrade_paid_for_certificate",
        "employed_within_6_months",
    }
)
_FACTS_OF_COLUMN = {
    "document_number": {"person_age_at_start", "time_clash"},
    "birth": {"person_age_at_start"},
    "name": {"name_matches_id"},
    "group": {"group", "group_proved"},
    "voucher_code": {"voucher_state", "voucher_fits_project", "voucher_valid_on_start"},
    "attended_hours": {"attended_hours"},
    "attendance_rate": {"attended_hours"},
    "planned_hours": {"attended_hours"},
    "certificate_kind": {"certificate_kind", "certificate_level", "certificate_occupation"},
    "certificate_number": {"certificate_kind", "certificate_level", "certificate_occupation"},
    "occupation_code": {"certificate_occupation"},
}


@dataclass
class Roster:
    """The outcome: trainees with their findings, and findings about the file as a whole."""

    trainees: list[Trainee]
    general: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """All findings, the file's first, then row by row from left to right."""
        rows = [
            finding
            for trainee in self.trainees
            for finding in sorted(trainee.findings, key=lambda one: (not one.letter, len(one.letter), one.letter))
        ]
        return [*self.general, *rows]

    @property
    def errors(self) -> list[Finding]:
        """The findings for which nothing is imported."""
        return [finding for finding in self.findings if finding.severity == "error"]


def check_roster(
    file: RosterFile,
    *,
    city_code: int,
    project: Project,
    start: date,
    training_class: TrainingClass | None,
    at: datetime,
    importing: bool,
) -> Roster:
    """Check every row; reads only, with a number of queries that does not grow with the rows.

    `importing` also refuses people who are on the class's roster already. Project and class come with their entry,
    provider, evaluator, occupation and site loaded.
    """
    return _Check(file, city_code, project, start, training_class, at, importing).run()


def cited(citation: Citation) -> str:
    """A clause as findings name it: the document's number (its title where it has none) and the clause."""
    return f"{citation.number or f'《{citation.title}》'} {citation.clause}".strip()


class _Check:
    def __init__(
        self,
        file: RosterFile,
        city_code: int,
        project: Project,
        start: date,
        training_class: TrainingClass | None,
        at: datetime,
        importing: bool,
    ) -> None:
        self.file, self.city_code, self.project, self.start = file, city_code, project, start
        self.training_class, self.at, self.importing = training_class, at, importing
        self.hours = training_class.hours if training_class is not None else project.hours
        self.policies: PolicySet = policies_for(project.region_id, on=start)
        self.general: dict[str, Finding] = {}

    def run(self) -> Roster:
        today = chinese_day(self.at)
        trainees = [Reader(self.file, row, self.project, self.hours, today).read() for row in self.file.rows]
        self._cite_real_name(trainees)
        self._repeated(trainees)
        self._look_up(trainees)
        for trainee in trainees:
            if not trainee.repeated:
                self._registers(trainee)
                self._voucher(trainee)
                self._certificate(trainee)
                self._rules(trainee)
                self._issued_on(trainee, today)
        self._capacity(trainees)
        return Roster(trainees, list(self.general.values()))

    def _cite_real_name(self, trainees: list[Trainee]) -> None:
        """What is wrong with a name or an identity number stands against the real-name rule."""
        clause = cited(self.policies.citation(REAL_NAME))
        for trainee in trainees:
            trainee.findings = [
                replace(finding, clause=clause) if finding.key in IDENTITY and not finding.clause else finding
                for finding in trainee.findings
            ]

    def _wrong(self, trainee: Trainee, key: str, reason: str, *, clause: str = "", **more: str) -> None:
        citation = cited(self.policies.citation(clause)) if clause else ""
        trainee.findings.append(self.file.finding(trainee.row, key, reason, clause=citation, **more))

    def _repeated(self, trainees: list[Trainee]) -> None:
        first: dict[tuple[str, bytes | str], int] = {}
        for trainee in trainees:
            own = (("证件号", trainee.id_hash), ("电子培训券唯一码", trainee.voucher_code))
            own += (("证书编号", trainee.certificate_number),)
            keys = ("document_number", "voucher_code", "certificate_number")
            for key, named in zip(keys, own, strict=True):
                if not named[1]:
                    continue
                earlier = first.setdefault(named, trainee.row.number)
                if earlier != trainee.row.number:
                    # The whole row repeats another one: nothing else of it is looked at.
                    trainee.repeated = True
                    trainee.findings = [
                        self.file.finding(
                            trainee.row,
                            key,
                            f"{named[0]}与第 {earlier} 行重复。",
                            next_step="请删除重复的一行，或更正填错的号码。",
                            clause=cited(self.policies.citation(NO_REPEAT[key])),
                            code="repeated",
                        )
                    ]
                    break

    def _look_up(self, trainees: list[Trainee]) -> None:
        hashes = sorted({trainee.id_hash for trainee in trainees if trainee.id_hash})
        people = people_by_hash(city_code=self.city_code, hashes=hashes)
        numbers = national_numbers(hashes)
        vouchers = vouchers_by_code(self.city_code, sorted({one.voucher_code for one in trainees if one.voucher_code}))
        end = self.training_class.ends_on if self.training_class is not None else self._likely_end()
        known = known_people(
            city_code=self.city_code,
            person_ids=sorted(set(numbers.values())),
            start=self.start,
            end=end,
            training_class=self.training_class,
        )
        self.enrolled = enrolled_people(self.training_class)
        for trainee in trainees:
            trainee.person = people.get(trainee.id_hash)
            trainee.person_id = numbers.get(trainee.id_hash)
            trainee.voucher = vouchers.get(trainee.voucher_code)
            if trainee.person_id is not None:
                trainee.known = known[trainee.person_id]
                self._forget_own_grant(trainee)

    def _likely_end(self) -> date:
        """Without a class its length is not known: eight hours on every working day, seven days for five of them."""
        return self.start + timedelta(days=-(-self.project.hours * 7 // 40))

    def _forget_own_grant(self, trainee: Trainee) -> None:
        """A roster looked at again after it was paid: its own grant is not an earlier one."""
        voucher, training_class = trainee.voucher, self.training_class
        if training_class is None or voucher is None or voucher.state != "redeemed":
            return
        if voucher.class_id == training_class.pk:
            trainee.known.grants = [
                grant
                for grant in trainee.known.grants
                if (grant.scheme, grant.occupation_code, grant.level)
                != ("training", self.project.occupation_id, self.project.level or 0)
                or grant.granted_on < self.start
            ]

    def _registers(self, trainee: Trainee) -> None:
        if self.importing and trainee.person_id in self.enrolled:
            self._wrong(
                trainee, "document_number", "这名学员已在本班名册。", next_step="请删除这一行。", code="enrolled"
            )
        if trainee.person is not None and trainee.name and trainee.name != trainee.person.name:
            self._wrong(
                trainee,
                "name",
                "姓名与这个证件号的实名档案不一致。",
                next_step="请对照身份证件更正姓名或证件号；确已改名的，请本人持证件到人社窗口更正。",
                clause=REAL_NAME,
                code="name_mismatch",
            )
        clash = next((one for one in trainee.known.clashes if one.certain), None)
        if clash is not None and not trainee.spoilt("document_number"):
            self._wrong(
                trainee,
                "document_number",
                f"同一时间在另一个班有课：“{clash.class_name}”{format_cn_time(clash.starts_at)}。",
                next_step="请学员退出其中一个班，或调整上课时间。",
                clause=TWO_CLASSES,
                code="two_classes_at_once",
            )
        if trainee.applies and trainee.group == "12" and not (trainee.employer_name and trainee.employer_uscc):
            self._wrong(
                trainee,
                "employer",
                "企业职工没有填写企业名称和统一社会信用代码。",
                next_step="补贴可能拨付职工所在企业，请补填。",
                severity="notice",
                code="employer",
            )

    def _voucher(self, trainee: Trainee) -> None:
        if trainee.spoilt("voucher_code"):
            return
        if not trainee.voucher_code:
            if trainee.applies:
                self._wrong(
                    trainee,
                    "voucher_code",
                    "没有填写电子培训券唯一码，不能按券核算补贴。",
                    next_step="请补填；本人没有领券的，请先领取。",
                    clause=UNIQUE_CODE,
                    severity="notice",
                    code="voucher_blank",
                )
            return
        voucher = trainee.voucher
        fault = self._voucher_fault(trainee, voucher)
        if fault is not None:
            reason, next_step, clause, code = fault
            self._wrong(trainee, "voucher_code", reason, next_step=next_step, clause=clause, code=code)
        elif trainee.applies and voucher is not None and voucher.batch.kind == "sign_in_only":
            trainee.applies = False
            self._wrong(
                trainee,
                "voucher_code",
                "这是打卡签到专用券，只签到、不补贴，这名学员不进入补贴申领。",
                next_step="符合补贴条件的，请本人换领带补贴的培训券。",
                severity="notice",
                code="voucher_sign_in_only",
            )

    def _voucher_fault(self, trainee: Trainee, voucher: Voucher | None) -> tuple[str, str, str, str] | None:
        if parse_code(trainee.voucher_code).city_code != self.city_code:
            return "这张券由其他城市发放，本市不能使用。", "请领取本市的培训券。", "", "voucher_city"
        if voucher is None:
            return "查不到这张券。", "请对照券面重新输入。", "", "voucher_unknown"
        if trainee.document is not None and voucher.person_id != trainee.person_id:
            return (
                "这张券不是本人领取的，须本人领取、本人使用。",
                "请核对唯一码，或由本人重新领取。",
                HOLDER,
                "voucher_holder",
            )
        mine = self.training_class.pk if self.training_class is not None else None
        used = voucher.state in ("used", "verified", "in_claim", "redeemed")
        if used and mine is not None and voucher.class_id != mine:
            return "这张券已经用在另一个班，一张券只能使用一次。", "请本人重新领取培训券。", ONCE, "voucher_used"
        return None

    def _certificate(self, trainee: Trainee) -> None:
        """A level in the sheet that is not the project's; where the certificate says the same, the rule says it."""
        wanted = self.project.level
        if trainee.level is None or trainee.level == wanted or trainee.spoilt("level"):
            return
        if trainee.certificate_level == trainee.level and trainee.applies:
            return
        label = SkillLevel(wanted).short_label if wanted else "不分等级"
        self._wrong(
            trainee,
            "level",
            f"填的是{trainee.level.short_label}，项目是{label}。",
            next_step="请核对等级，或确认学员是否报错了班。",
            code="level",
        )

    def _issued_on(self, trainee: Trainee, today: date) -> None:
        if trainee.issued_on is not None and trainee.issued_on > today and not trainee.errors:
            self._wrong(trainee, "issued_on", "发证日期晚于今天。", next_step="请核对发证日期。", code="issued_on")

    def _rules(self, trainee: Trainee) -> None:
        if not trainee.applies:
            return
        sheet = self._facts(trainee)
        put_counts(sheet, trainee.known.grants, self.policies)
        blocked = {fact for finding in trainee.errors for fact in _FACTS_OF_COLUMN.get(finding.key, ())}
        if trainee.document is None:
            blocked |= _OF_ROW - {"voucher_state", "voucher_fits_project", "voucher_valid_on_start"} - _LATER
        if not trainee.voucher_code:
            blocked |= _FACTS_OF_COLUMN["voucher_code"]
        for fact in blocked:
            sheet.facts.pop(fact, None)
        taught = trainee.attended_hours is not None or bool(trainee.certificate_number)
        decision = self.policies.decide(sheet.facts, phase="claim" if taught else "preflight")
        for result in decision.refusals:
            self._refuse(trainee, result)
        self._questions(trainee, decision, blocked)
        self._amount(trainee, decision)

    def _facts(self, trainee: Trainee) -> FactSheet:
        sheet = base_facts(
            city_code=self.city_code,
            project=self.project,
            start=self.start,
            person=trainee.person,
            birth_date=trainee.birth,
            voucher=trainee.voucher,
            group=trainee.group or None,
            training_class=self.training_class,
            known=trainee.known,
            employer_uscc=trainee.employer_uscc,
        )
        if trainee.voucher is not None and trainee.voucher.state == "redeemed":
            # Redeemed for another class was refused above; for this class it was in the claim when it was judged.
            sheet.facts["voucher_state"] = "in_claim"
        source = "名册"
        sheet.put(None, source, attended_hours=trainee.attended_hours)
        if trainee.certificate_number and trainee.certificate_kind is not None:
            sheet.put(
                None,
                source,
                certificate_kind=CERTIFICATE_FACT[trainee.certificate_kind],
                certificate_level=trainee.certificate_level,
                # The number does not tell the occupation; the row's own column was compared with the project.
                certificate_occupation=self.project.occupation_id if trainee.row.text("occupation_code") else None,
            )
            put_certificate_grants(sheet, trainee.known.grants, {trainee.certificate_number})
        return sheet

    def _refuse(self, trainee: Trainee, result: RuleResult) -> None:
        key = _column(result)
        detail = "；".join(self._details(trainee, result))
        trainee.findings.append(
            self.file.finding(
                trainee.row,
                key,
                f"{result.says}{f'（{detail}）' if detail else ''}。",
                next_step=result.remedy,
                clause=cited(result.citation),
                code=result.rule_id,
            )
        )

    def _details(self, trainee: Trainee, result: RuleResult) -> Iterator[str]:
        """What the row itself says to the rule, without anything that identifies the person."""
        schema = self.policies.store.facts
        for fact, value in result.facts_used.items():
            if fact == "person_age_at_start":
                yield f"开班时 {value} 周岁"
            elif fact == "attended_hours" and trainee.attended_hours is not None:
                yield f"出勤率 {percent(trainee.attended_hours / self.hours)}"
            elif fact in ("certificate_level", "highest_level_paid", "student_status", "group"):
                yield f"{schema.label(fact)}：{schema.show(fact, value)}"
            elif fact == "voucher_fits_project" and trainee.voucher is not None:
                yield f"这张券适用于“{trainee.voucher.batch.scope_text}”"
            elif fact == "voucher_valid_on_start" and trainee.voucher is not None:
                yield f"有效期至{format_cn_date(chinese_day(trainee.voucher.batch.use_until))}"

    def _questions(self, trainee: Trainee, decision: Decision, blocked: set[str]) -> None:
        """What cannot be told yet: about the class once for the file, about the person once in the row."""
        schema = self.policies.store.facts
        missing: list[str] = []
        for result in decision.questions:
            if set(result.missing) & blocked:
                # The row's own fault keeps the rule from an answer; what else it would ask is no question yet.
                continue
            known_gaps = [name for name in result.missing if name not in _LATER]
            for name in known_gaps:
                if name in _OF_ROW:
                    missing.append(name)
                else:
                    self._about_class(schema.label(name), result)
            if not result.missing and not set(result.facts_used) & blocked:
                self._ask(trainee, _column(result), f"{result.says}（{result.note}）。", cited(result.citation))
        if missing and not trainee.errors:
            labels = "、".join(schema.label(name) for name in dict.fromkeys(missing))
            self._ask(trainee, _COLUMN_OF_FACT[missing[0]], f"还没有这些信息，由人社部门审核时核对：{labels}。", "")

    def _ask(self, trainee: Trainee, key: str, reason: str, clause: str) -> None:
        if not trainee.errors:
            trainee.findings.append(
                self.file.finding(trainee.row, key, reason, clause=clause, severity="notice", code="cannot_tell")
            )

    def _about_class(self, label: str, result: RuleResult) -> None:
        self.general.setdefault(
            label,
            self.file.finding(
                None,
                "",
                f"全班都还不能判断：{result.says}，缺少“{label}”。",
                next_step="由人社部门审核时核对，不影响导入。",
                clause=cited(result.citation),
                severity="notice",
                code="cannot_tell",
            ),
        )

    def _amount(self, trainee: Trainee, decision: Decision) -> None:
        if trainee.amount_yuan is None or trainee.errors or decision.fen is None:
            return
        if trainee.amount_yuan * 100 != decision.fen:
            self._wrong(
                trainee,
                "amount",
                f"填的金额与系统按标准计算的 {format_yuan(decision.fen)} 不同。",
                next_step="不用修改，补贴由系统按标准计算。",
                severity="notice",
                code="amount",
            )

    def _capacity(self, trainees: list[Trainee]) -> None:
        if not self.importing or self.training_class is None:
            return
        total = len(self.enrolled) + len(trainees)
        if total > self.training_class.capacity:
            self.general["capacity"] = self.file.finding(
                None,
                "",
                f"名册共 {total} 人，超过备案计划的 {self.training_class.capacity} 人。",
                next_step="请减少学员，或另开一个班。",
                code="capacity",
            )


def _column(result: RuleResult) -> str:
    return next((column for fact, column in _COLUMN_OF_FACT.items() if fact in result.facts_used), "document_number")
