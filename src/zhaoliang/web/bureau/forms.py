"""Forms of the bureau desk: filters that live in the address, and the forms of its acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from zhaoliang.catalogue.models import CertificateKind, Mode, Scarcity
from zhaoliang.employment.models import JobRecord
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import BUREAU_ROLES, ORGANISATION_ROLES, ROLE_LABELS
from zhaoliang.kernel.states import Machine
from zhaoliang.payments.models import BankReturnLine, ReconciliationCase
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import GroupMembership, Organisation, Person, PersonStatus, Region, Site
from zhaoliang.web.components import formats
from zhaoliang.web.components.forms import PlainForm, YuanField, offer
from zhaoliang.web.components.places import PlacedForm

CHINA = ZoneInfo("Asia/Shanghai")
ANY = ("", "全部")
LEVELS = [("", "不分等级"), *((str(int(level)), level.label) for level in SkillLevel)]


def states(machine: Machine, *, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The choices of a state filter."""
    return [ANY, *((code, word) for code, word in machine.states.items() if code not in without)]


def choices_of(model: type, name: str) -> list[tuple[str, str]]:
    """The choices of a model's field."""
    return list(model._meta.get_field(name).choices or [])  # type: ignore[attr-defined]  # a model class


def refuse(form: forms.Form, problem: Refusal) -> None:
    """Put a refusal into the form: each message at its field, those without a field at the head."""
    for name, message in problem.fields.items():
        form.add_error(name if name in form.fields else None, message)
    if not problem.fields:
        said = (problem.what, problem.why, problem.next_step)
        form.add_error(None, "".join(f"{one.rstrip('。')}。" for one in said if one))


def date_field(label: str, **given: Any) -> forms.DateField:
    """A date with the browser's own calendar."""
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **given)


class Filter(PlainForm):
    """A filter of a list. Whatever the address holds that the form does not know counts as not said."""

    def said(self, name: str) -> str:
        """What the address says of a field, "" when nothing or nonsense."""
        self.is_valid()
        value = self.cleaned_data.get(name)
        return "" if value is None else str(value)


class StateFilter(Filter):
    """State and free text."""

    text = forms.CharField(label="搜索", required=False, max_length=60)
    state = forms.ChoiceField(label="状态", required=False)

    def __init__(self, machine: Machine, *args: Any, hint: str = "名称", without: tuple[str, ...] = ()) -> None:
        super().__init__(*args)
        offer(self, "state", states(machine, without=without))
        self.fields["text"].label = hint


class OrganisationFilter(Filter):
    """Organisations by name or code, kind and state."""

    text = forms.CharField(label="名称或信用代码", required=False, max_length=60)
    kind = forms.ChoiceField(label="类别", required=False, choices=[ANY, *choices_of(Organisation, "kind")])
    state = forms.ChoiceField(label="状态", required=False, choices=[ANY, *choices_of(Organisation, "state")])


class AccountFilter(Filter):
    """Accounts by year and kind."""

    year = forms.IntegerField(label="年度", required=False, min_value=2000, max_value=2100)
    kind = forms.ChoiceField(label="种类", required=False, choices=[ANY, *Account.KINDS])


class PeriodFilter(Filter):
    """A stretch of days."""

    since = date_field("自", required=False)
    until = date_field("至", required=False)


class PaymentFilter(Filter):
    """Payment batches by fund and state."""

    fund_source = forms.ChoiceField(label="资金渠道", required=False, choices=[ANY, *FundSource.choices])
    state = forms.ChoiceField(label="状态", required=False)

    def __init__(self, machine: Machine, *args: Any) -> None:
        super().__init__(*args)
        offer(self, "state", states(machine))


class LineFilter(Filter):
    """Payment lines by state."""

    state = forms.ChoiceField(label="状态", required=False)

    def __init__(self, machine: Machine, *args: Any) -> None:
        super().__init__(*args)
        offer(self, "state", states(machine))

    def wanted(self) -> dict[str, str]:
        """The query conditions of what was chosen."""
        return {"state": said} if (said := self.said("state")) else {}


class CaseFilter(LineFilter):
    """Reconciliation cases by kind and state."""

    kind = forms.ChoiceField(label="事项", required=False, choices=[ANY, *ReconciliationCase.KINDS])


def _month_field(label: str) -> forms.CharField:
    """A month as `2026-03`; browsers that know months offer a choice."""
    attrs = {"type": "month", "placeholder": "2026-03"}
    return forms.CharField(label=label, required=False, max_length=7, widget=forms.TextInput(attrs=attrs))


class MonthFilter(Filter):
    """A period of whole months, by default the year up to now."""

    since = _month_field("从（年-月）")
    until = _month_field("到（年-月）")

    def __init__(self, *args: Any, today: date) -> None:
        super().__init__(*args)
        self.today = today

    def period(self) -> tuple[date, date]:
        """The first day of the first month and of the last; what cannot be read counts as not said."""
        return self._month("since") or self.today.replace(month=1, day=1), self._month("until") or self.today.replace(
            day=1
        )

    def _month(self, name: str) -> date | None:
        try:
            return date.fromisoformat(f"{self.said(name)}-01")
        except ValueError:
            return None


class OutcomeFilter(Filter):
    """Rows of a bank file by what came of them."""

    outcome = forms.ChoiceField(label="结果", required=False, choices=[ANY, *BankReturnLine.OUTCOMES])


class RoleFilter(Filter):
    """Accounts by role and name."""

    text = forms.CharField(label="登录名或姓名", required=False, max_length=60)
    role = forms.ChoiceField(
        label="角色",
        required=False,
        choices=[ANY, *((role.value, label) for role, label in ROLE_LABELS.items())],
    )


class AuditFilter(PeriodFilter):
    """Audit events by days, act and officer."""

    act = forms.ChoiceField(label="行为", required=False)
    actor = forms.CharField(label="经办人", required=False, max_length=40)

    def __init__(self, acts: Iterable[tuple[str, str]], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "act", [ANY, *acts])


class HolderFilter(Filter):
    """Holders of a batch by the state of their voucher."""

    state = forms.ChoiceField(label="券的状态", required=False)

    def __init__(self, machine: Machine, *args: Any) -> None:
        super().__init__(*args)
        offer(self, "state", states(machine))


# Acts


class CatalogueForm(PlainForm):
    """The next version of the guidance catalogue."""

    name = forms.CharField(label="目录名称", max_length=120)
    number = forms.CharField(label="发布文号", max_length=80, required=False)
    valid_from = date_field("生效日期")


class EntryForm(PlainForm):
    """An entry of the catalogue."""

    occupation_code = forms.CharField(
        label="职业编码",
        max_length=12,
        help_text="按 2022 年版《职业分类大典》的编码，如 6-18-02-04。",
    )
    level = forms.ChoiceField(label="技能等级", choices=LEVELS, required=False)
    headcount = forms.IntegerField(label="需求人数", min_value=1, max_value=1_000_000)
    hours = forms.IntegerField(label="课时", min_value=1, max_value=2000)
    mode = forms.ChoiceField(label="培训方式", choices=Mode.choices)
    scarcity = forms.ChoiceField(label="紧缺程度", choices=Scarcity.choices)
    category = forms.ChoiceField(
        label="补贴类别", choices=[("", "不分类"), ("A", "A 类"), ("B", "B 类"), ("C", "C 类")], required=False
    )
    certificate_kind = forms.ChoiceField(label="证书种类", choices=CertificateKind.choices)
    skills = forms.CharField(label="技能要求", max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    content = forms.CharField(label="培训内容", max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))

    def clean_level(self) -> int | None:
        return int(self.cleaned_data["level"]) if self.cleaned_data["level"] else None


class AccountForm(PlainForm):
    """A new account of the books."""

    code = forms.CharField(label="账户编码", max_length=60, help_text="字母、数字和短横，本市内不重复。")
    name = forms.CharField(label="账户名称", max_length=120)
    kind = forms.ChoiceField(label="种类", choices=Account.KINDS, initial="budget")
    fund_source = forms.ChoiceField(label="资金渠道", choices=FundSource.choices)
    year = forms.IntegerField(label="年度", min_value=2000, max_value=2100)


class BuildForm(PlainForm):
    """The fund a payment batch is made of."""

    fund_source = forms.ChoiceField(label="资金渠道", choices=FundSource.choices)


class ReturnForm(PlainForm):
    """A file of the bank: the answer to a batch, or a statement of account."""

    file = forms.FileField(
        label="银行文件", widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.txt,.xml,.sta,.mt940,.940"})
    )


class SheetForm(PlainForm):
    """The finance bureau's table of what was spent."""

    file = forms.FileField(label="财政报表", widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}))


class AnswerForm(PlainForm):
    """What a reconciliation case is, why, and what proves it."""

    answer = forms.ChoiceField(label="处理意见", widget=forms.RadioSelect)
    text = forms.CharField(label="理由", widget=forms.Textarea(attrs={"rows": 3}), max_length=500)
    evidence = forms.CharField(
        label="凭据", max_length=300, required=False, help_text="银行函件号、凭证号，或答复人和日期；要记账的必须写。"
    )

    def choose(self, answers: Sequence[tuple[str, str]]) -> None:
        """Offer these answers."""
        offer(self, "answer", answers)


class ReferenceForm(PlainForm):
    """A bank reference to be traced back."""

    reference = forms.CharField(label="银行流水号或参考号（ZL…）", max_length=60, required=False)


class PersonSearchForm(PlainForm):
    """A person by the exact number of a document, and why the officer looks."""

    WHYS = [
        ("review", "审核申领或备案"),
        ("counter", "本人到窗口办理"),
        ("report", "核查举报或异议"),
        ("audit", "审计"),
    ]

    document_type = forms.ChoiceField(label="证件类型", choices=choices_of(Person, "document_type"))
    document_number = forms.CharField(
        label="证件号码",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="要完整的号码；查询会留下记录。",
    )
    why = forms.ChoiceField(label="查看原因", choices=WHYS)


class CardForm(PlainForm):
    """The account subsidies go to."""

    card_number = forms.CharField(
        label="社会保障卡银行账号",
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class GroupForm(PlainForm):
    """That a person belongs to a target group."""

    group = forms.ChoiceField(label="人员类别", choices=GroupMembership.GROUPS)
    evidence = forms.ChoiceField(label="依据", choices=[("document", "证明材料"), ("register", "数据比对")])
    source = forms.CharField(label="材料或数据来源", max_length=120)
    valid_from = date_field("自")
    valid_to = date_field("至", required=False)


class StatusForm(PlainForm):
    """What another register says of a person."""

    kind = forms.ChoiceField(label="身份", choices=choices_of(PersonStatus, "kind"))
    holds = forms.TypedChoiceField(
        label="比对结果", choices=[("yes", "是"), ("no", "否")], coerce=lambda text: text == "yes"
    )
    source = forms.CharField(label="来源", max_length=120)
    checked_on = date_field("比对日期")
    valid_from = date_field("从哪天起", required=False, help_text="知道的请填：它决定对哪些培训和补贴有影响。")
    valid_to = date_field("到哪天止", required=False)


class FindingForm(PlainForm):
    """What of a person's file is untrue, and how that is known."""

    about = forms.ChoiceField(label="什么不实")
    text = forms.CharField(
        label="查明的情况和证据",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="另一位同事据此认定。",
    )

    def __init__(self, jobs: Sequence[JobRecord], *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        held = [(str(job.pk), f"就业记录：{job.employer_name}，{formats.cn_date(job.from_on)}起") for job in jobs]
        offer(self, "about", [("identity", "身份：冒名，或姓名、证件有误"), *held])


class OrganisationForm(PlainForm):
    """A new organisation."""

    name = forms.CharField(label="名称", max_length=120)
    short_name = forms.CharField(label="简称", max_length=40, required=False)
    uscc = forms.CharField(label="统一社会信用代码", max_length=18)
    kind = forms.ChoiceField(label="类别", choices=choices_of(Organisation, "kind"))
    region_code = forms.TypedChoiceField(label="所在地", coerce=int)
    legal_representative = forms.CharField(label="法定代表人", max_length=60, required=False)
    phone = forms.CharField(label="联系电话", max_length=20, required=False)
    bank_name = forms.CharField(label="开户银行", max_length=120, required=False)
    account_number = forms.CharField(label="银行账号", max_length=40, required=False)
    evaluator_prefix = forms.CharField(
        label="证书编码前段", max_length=20, required=False, help_text="只有评价机构填写，共 13 位。"
    )

    def __init__(self, regions: list[Region], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "region_code", [(region.code, region.name) for region in regions])


class DirectoryForm(PlainForm):
    """The directories an organisation is listed in."""

    as_provider = forms.BooleanField(label="列入培训机构目录", required=False)
    as_evaluator = forms.BooleanField(label="列入评价机构目录", required=False)


class GradeForm(PlainForm):
    """The grade of an organisation."""

    grade = forms.ChoiceField(label="等级", choices=[("", "没有评定"), *Organisation.GRADES], required=False)


class LicenceForm(PlainForm):
    """A licence."""

    kind = forms.CharField(label="许可证种类", max_length=40, initial="民办学校办学许可证")
    number = forms.CharField(label="编号", max_length=60)
    valid_from = date_field("有效期自")
    valid_to = date_field("有效期至")


class SiteForm(PlacedForm, PlainForm):
    """A teaching site."""

    name = forms.CharField(label="教学点名称", max_length=120)
    kind = forms.ChoiceField(label="场地类别", choices=choices_of(Site, "kind"))
    address = forms.CharField(label="地址", max_length=200)
    longitude = forms.DecimalField(label="经度", max_digits=9, decimal_places=6)
    latitude = forms.DecimalField(label="纬度", max_digits=8, decimal_places=6)
    radius_m = forms.IntegerField(
        label="签到半径（米）", min_value=50, max_value=2000, required=False, help_text="空着就按本地规定。"
    )

    field_order = ("name", "kind", "address", "longitude", "latitude", "datum", "radius_m")


class SiteSignInForm(PlainForm):
    """Where a teaching site departs from its region's sign-in figures; what stays empty follows the region."""

    radius_m = forms.IntegerField(label="签到半径（米）", min_value=50, max_value=2000, required=False)
    opens_minutes = forms.IntegerField(label="上课前多少分钟开始签到", min_value=0, max_value=240, required=False)
    grace_minutes = forms.IntegerField(label="上课后多少分钟内不算迟到", min_value=0, max_value=120, required=False)
    closes_minutes = forms.IntegerField(label="上课后多少分钟停止签到", min_value=0, max_value=240, required=False)
    sign_in_reason = forms.CharField(
        label="另定的原因",
        max_length=200,
        required=False,
        help_text="例如：厂区大门到车间要走 20 分钟；实训基地占地 600 米。",
    )


class SanctionForm(PlainForm):
    """What is held against an organisation; the ladder names the step, the blacklist is asked for by itself."""

    violation = forms.ChoiceField(label="情形", choices=[])
    text = forms.CharField(
        label="事实",
        help_text="写明何时、何班、查到什么；机构会看到，并据此陈述申辩。",
        min_length=10,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    blacklist = forms.BooleanField(label="列入黑名单（各环节都停）", required=False)
    blacklist_until = date_field("黑名单到哪一天（空着就没有截止）", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(code, label) for code, label in lawbook().facts.codes["violation"].items() if code != "none"]
        offer(self, "violation", known)


STAFF_ROLES = [(role.value, label) for role, label in ROLE_LABELS.items() if role in BUREAU_ROLES | ORGANISATION_ROLES]


class RoleForm(PlainForm):
    """A role for an account."""

    role = forms.ChoiceField(label="角色", choices=STAFF_ROLES)
    region_code = forms.TypedChoiceField(label="管辖地区", coerce=int)
    organisation_uscc = forms.CharField(
        label="所属机构的信用代码", max_length=18, required=False, help_text="机构人员和对接系统要填。"
    )

    def __init__(self, regions: list[Region], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "region_code", [(region.code, region.name) for region in regions])


class UserForm(RoleForm):
    """A new account with its first role."""

    username = forms.CharField(label="登录名", max_length=60, help_text="小写字母、数字和 . _ @ -，3 至 60 位。")
    name = forms.CharField(label="显示名", max_length=60)
    password = forms.CharField(
        label="初始密码",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="至少 12 位；请当面交给本人，并请本人登录后更换。",
    )
    document_number = forms.CharField(
        label="本人的身份证号码",
        max_length=18,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="用来认出同一个人的两个账号（不相容岗位不能由一人兼任）。已建档的人才能填。",
    )

    field_order = ("username", "name", "password", "document_number", "role", "region_code", "organisation_uscc")


class PasswordForm(PlainForm):
    """A new password for an account."""

    password = forms.CharField(
        label="新密码", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), help_text="至少 12 位。"
    )


class ContractForm(PlainForm):
    """What a project is bought for."""

    number = forms.CharField(label="合同编号", max_length=80)
    signed_on = date_field("签订日期")
    hour_fen = YuanField(label="每人每课时单价（元）")
    person_cap_fen = YuanField(label="每人最高金额（元）")
